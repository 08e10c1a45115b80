"""Template of a strategy: copy it to ``strategies/my_family.py``, rename, change the body.

That is all. Every public function of the file that returns a ``Strategy`` is registered under its
own name, here ``positive_share``. Files whose name begins with ``_`` are left out. Then:

    uv run skewbench strategies                             # it is listed
    uv run skewbench run --task insurance \\
        --strategies 'none, positive_share(share=0.3), positive_share+threshold'
    uv run skewbench search --task insurance --strategy positive_share
    uv run pytest tests/strategies                                    # it keeps the rules

Rules, which ``tests/strategies/test_contract.py`` checks for every registered strategy:

- every argument has a type and a default;
- random numbers come from the generator ``rng`` of a slot, nothing else is random;
- a slot changes none of the arrays that it receives;
- losses and gradients are finite at any logit.

A strategy may import ``benchmark.protocol.{strategy,arguments,arrays,errors}``,
``benchmark.metrics.{constraints,thresholds}`` and ``benchmark.training.layers``. Import Keras and
other large libraries inside of functions: listing commands stay fast.
"""

from typing import Annotated

import numpy as np

from benchmark.protocol.arguments import Range, Space
from benchmark.protocol.arrays import Floats, Ints
from benchmark.protocol.strategy import Strategy


# 1. Arguments are what users write: positive_share(share=0.3).
#    Range    bounds of a value; others are refused before anything runs
#    Space    values that `search` tries; without it, `search` leaves the argument alone
# 2. The first paragraph of the docstring is one sentence, printed by `strategies`.
def positive_share(
    share: Annotated[float, Range(0.01, 0.99), Space(0.1, 0.9)] = 0.5,
) -> Strategy:
    """Weight the positive class so that it has this share of the loss.

    Details and the source of the method go here: authors, year, title, equation.
    """

    # 3. A slot is a function. Beside the types of slots, benchmark/protocol/strategy.py says
    #    what each receives and returns. This one receives the labels of the resampled training
    #    rows (rows,) and returns a weight for each; only ratios matter.
    #    No slot receives test rows; only normalise, calibrate and threshold see validation rows.
    #    Every class has a row here: the harness refuses data without. Raise UserError for what
    #    you have to refuse yourself, as strategies/weighting.py does.
    def weigh(labels: Ints, classes: int) -> Floats:
        positives = (labels == 1).mean()
        return np.where(labels == 1, share / positives, (1 - share) / (1 - positives))

    # 4. Fill in only the slots that change; the others do nothing by default.
    #    Before training    augment    add altered copies of rows      (strategies/augmentation.py)
    #                       resample   choose or generate rows         (strategies/resampling.py)
    #                       weigh      a weight per row                (strategies/weighting.py)
    #    Network            head       replace the last layer          (strategies/losses.py: ldam)
    #                       bias       its initial bias                (strategies/baseline.py)
    #                       networks   how many share the steps        (strategies/ensembles.py)
    #    During training    mix        mix rows of a batch             (strategies/augmentation.py)
    #                       loss       the loss on logits              (strategies/losses.py)
    #                       stages     change some of these later      (strategies/staged.py)
    #    After training     normalise  rescale the output layer        (strategies/posthoc.py)
    #                       calibrate  an affine map of logits         (strategies/posthoc.py)
    #                       threshold  offsets that decide             (strategies/thresholds.py)
    # 5. `needs` refuses tasks that the strategy cannot run on: "binary" (two classes), "image"
    #    or "table". Leave it out if the strategy runs on all.
    return Strategy(weigh=weigh, needs=frozenset({"binary"}))
