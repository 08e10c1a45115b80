"""A frozen decision is the one that was measured."""

import numpy as np
import pytest
from scipy.special import softmax

from benchmark.protocol import grammar
from benchmark.protocol.calibration import Calibration
from benchmark.training import score as scoring
from benchmark.training.decision import Decision, fit_decision
from tests import toys


@pytest.mark.parametrize("text", ["none", "threshold", "logit_shift", "prior_correction+threshold"])
def test_it_decides_as_the_score_of_a_cell(text: str) -> None:
    strategy = grammar.read(text).strategy
    score, decision = scoring.score(strategy, toys.FIT), fit_decision(strategy, toys.FIT)
    assert (
        decision.decide(toys.FIT.test.best, toys.FIT.test.rows).tolist() == score.decisions.tolist()
    )
    assert decision.threshold == pytest.approx(score.metrics["test/threshold"])
    p = decision.probabilities(toys.FIT.test.best)
    np.testing.assert_allclose(p, softmax(score.logits, axis=1), rtol=1e-12)


def test_by_hand() -> None:
    decision = Decision(Calibration(np.array([0.0, 3.0, 0.0]), 2.0), np.array([0.0, 0.0, 1.0]))
    # calibrated (4, 3, 2) and (0, 3, 2.5), then one more for the last class
    logits = np.array([[2.0, 0.0, 1.0], [0.0, 0.0, 1.25]])
    assert decision.decide(logits, np.arange(len(logits))).tolist() == [0, 2]
    expected = softmax([[4.0, 3.0, 2.0], [0.0, 3.0, 2.5]], axis=1)
    np.testing.assert_allclose(decision.probabilities(logits), expected)
