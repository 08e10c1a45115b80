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
    "seconds/training",
)

COUNTS = (
    "test/true_positives",
    "test/false_positives",
    "test/false_negatives",
    "test/true_negatives",
)
TUNED_THRESHOLD = "test/threshold_tuned"  # a probability; of two classes
ROWS = "test/rows"  # that were tested, where there are more than two classes


@dataclass(frozen=True)
class Headings:
    """How the measures and the decision are called, which depends on the number of classes."""

    f1: str
    plain: str  # decided without offsets
    threshold: str
    every: str
    moved: str  # what the table of the decision's share is called
    macro: str  # before a measure that is a mean over classes

    def headings(self) -> dict[str, str]:
        """Measure -> heading of its column."""
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
            "test/accuracy_many": "accuracy, many rows",
            "test/accuracy_medium": "accuracy, 20 to 100",
            "test/accuracy_few": "accuracy, few rows",
            "test/map_at_5": "MAP at 5",
            "test/mcc": "MCC",
            "test/brier": "Brier",
            "test/log_loss": "log loss",
            "test/ece": "ECE",
            "seconds/training": "training time (s)",
        }


TWO_CLASSES = Headings(
    "F1", "at 0.5", "threshold", "every threshold", "What a moved threshold gives", ""
)
MORE_CLASSES = Headings(
    "macro-F1",
    "at argmax",
    "class offsets",
    "all class offsets",
    "What moved class offsets give",
    "macro ",
)
