"""How to add a strategy: copy this file to ``strategies/your_family.py`` and change it.

That is all. Every public function of the file that returns a ``Strategy`` is
registered under its own name: it is listed by ``python -m benchmark strategies``,
runs with ``--strategies positive_share``, joins others with ``+``, and is held to the
rules in ``tests/strategies/test_contract.py``. Files that begin with ``_`` are left out.
"""

from typing import Annotated

import numpy as np

from benchmark.protocol.arguments import Range, Space
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.strategy import Strategy


# The arguments are what people can write: `positive_share(share=0.5)`. Give each a type
# and a default; `Annotated` gives it bounds. Out of bounds is refused before anything runs.
# `Space` is what `python -m benchmark search --strategy positive_share` tries.
def positive_share(
    share: Annotated[float, Range(0, 1, open_low=True), Space(0.1, 0.9)] = 0.5,
) -> Strategy:
    """Weighs the positive class until it has this share of the loss.

    The first paragraph is what `strategies` prints. Name the source of the method here.
    """

    # A slot is a function; benchmark/strategy.py says beside its type what it is handed.
    # Here: the labels of the resampled training rows. There is no way to see the test split.
    def weigh(labels: Ints, classes: int) -> Floats:
        positives = (labels == 1).mean()
        return np.where(labels == 1, share / positives, (1 - share) / (1 - positives))

    # Fill in only what changes; every other slot does nothing by default:
    #   resample   which rows to train on       calibrate  a map of the logits, fitted on validation
    #   weigh      what a row counts            threshold  the decision rule, fitted on validation
    #   loss       what is minimised            stages     what changes in the course of training
    #   bias       where the output starts      networks   how many share the steps
    # and augment, mix, head and normalise, which benchmark/strategy.py describes.
    # `needs` refuses tasks on which the strategy makes no sense: "image", "table" or "binary".
    return Strategy(weigh=weigh, needs=frozenset({"binary"}))
