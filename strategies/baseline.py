"""The baseline of every comparison, and the smallest change to it."""

import numpy as np

from benchmark.protocol.arrays import Floats
from benchmark.protocol.strategy import Strategy


def none() -> Strategy:
    """Train plainly: cross-entropy on the data as it is, decisions at 0.5."""
    return Strategy()


def prior_bias() -> Strategy:
    """Start the output layer at the class shares, b_c = log pi_c: no step is lost on learning them.

    Source: "Classification on imbalanced data", TensorFlow tutorials; Lin et al. 2017, section 3.3.
    """

    def bias(priors: Floats) -> Floats:
        return np.log(priors)

    return Strategy(bias=bias)
