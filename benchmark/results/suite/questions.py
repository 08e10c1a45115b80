"""What a suite asks of strategies: the measures that they are compared by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """A measure that strategies are compared by."""

    metric: str
    title: str  # of the score, more of which is better
    sign: int  # -1 where less is better: differences are turned, so that more is better
    trainings: bool  # asked of trainings alone: a threshold of its own changes nothing


QUESTIONS = (
    Question("test/f1", "F1 at each strategy's own threshold", 1, False),
    Question("test/f1_tuned", "F1 with every threshold tuned", 1, True),
    Question("test/average_precision", "average precision", 1, True),
    Question("test/ece", "calibration (decrease of ECE)", -1, True),
)
