"""The measures of a leaderboard and their headings."""

from __future__ import annotations

from dataclasses import dataclass

MEASURES = (
    "test/f1",
    "test/f1_at_half",
    "test/f1_tuned",
    "test/f1_upper_bound",
    "test/average_precision",
    "test/roc_auc",
    "test/precision",
    "test/recall",
    "test/balanced_accuracy",
    "test/accuracy",
    "test/accuracy_many",
    "test/accuracy_medium",
    "test/accuracy_few",
    "test/map_at_5",
    "test/mcc",
    "test/brier",
    "test/log_loss",
    "test/ece",
    "timing/training",
)

# measures at a threshold that varies with the strategy and the seed; tuning evens them out
OWN_THRESHOLD = (
    "test/f1",
    "test/f1_at_half",
    "test/precision",
    "test/recall",
    "test/balanced_accuracy",
    "test/accuracy",
    "test/mcc",
)
COUNTS = (
    "test/true_positives",
    "test/false_positives",
    "test/false_negatives",
    "test/true_negatives",
)
TUNED_THRESHOLD = "test/threshold_tuned"  # a probability; with two classes
ROWS = "test/rows"  # tested, with more than two classes


@dataclass(frozen=True)
class Headings:
    """Names of the measures and of the decision rule, which depend on the number of classes."""

    f1: str
    plain: str  # without tuning: "at 0.5" or "at argmax"
    threshold: str
    every: str
    tuning: str  # title of the table of threshold tuning
    macro: str  # before a measure that is a mean over classes

    def headings(self) -> dict[str, str]:
        """Heading of each measure's column: measure -> heading."""
        return {
            "test/f1": self.f1,
            "test/f1_at_half": f"{self.f1} {self.plain}",
            "test/f1_tuned": f"{self.f1} at tuned {self.threshold}",
            "test/f1_upper_bound": f"{self.f1} at best {self.threshold} on test (upper bound)",
            "test/average_precision": f"{self.macro}average precision",
            "test/roc_auc": f"{self.macro}ROC AUC",
            "test/precision": f"{self.macro}precision",
            "test/recall": f"{self.macro}recall",
            "test/balanced_accuracy": "balanced accuracy",
            "test/accuracy": "accuracy",
            "test/accuracy_many": "accuracy, classes > 100 rows",
            "test/accuracy_medium": "accuracy, 20 to 100 rows",
            "test/accuracy_few": "accuracy, < 20 rows",
            "test/map_at_5": "MAP at 5",
            "test/mcc": "MCC",
            "test/brier": "Brier",
            "test/log_loss": "log loss",
            "test/ece": "ECE",
            "timing/training": "training time (s)",
        }


TWO_CLASSES = Headings(
    "F1", "at 0.5", "threshold", "every threshold", "Effect of threshold tuning", ""
)
MORE_CLASSES = Headings(
    "macro-F1",
    "at argmax",
    "class offsets",
    "all class offsets",
    "Effect of tuning the class offsets",
    "macro ",
)
