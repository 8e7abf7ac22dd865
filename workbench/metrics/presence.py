"""Does a system answer when it should, and decline when it should? N_acc and T_acc of GRES (Liu et al., CVPR 2023).

The decision is the answer's own where it has one (`Prediction.rejected`), else read from the number of instances,
never from their pixels: an instance with an empty mask is an answer. A run that failed decided nothing, so it is wrong
in both.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.data.predictions import OK
from workbench.metrics.overlaps import SampleOverlap
from workbench.metrics.pooled import weighted_mean
from workbench.metrics.statistics import Measure, Weights


def presence_measure(overlaps: Sequence[SampleOverlap]) -> Measure:
    """The measure of `N_acc`, the share of the no-target samples that were rejected, and of `T_acc`, the share of the
    samples with targets that were not, right or wrong; nan without such samples.
    """
    no_target = np.array([o.n_targets == 0 for o in overlaps], dtype=bool)
    rejected, accepted = no_target & declined(overlaps), ~no_target & answered(overlaps)

    def measure(weights: Weights) -> dict[str, NDArray[np.float64]]:
        return {
            "N_acc": weighted_mean(rejected, no_target, weights),
            "T_acc": weighted_mean(accepted, ~no_target, weights),
        }

    return measure


def declined(overlaps: Sequence[SampleOverlap]) -> NDArray[np.bool_]:
    """Whether each answer says that nothing answers the instruction, `[S]`."""
    return np.array([o.outcome == OK and o.rejected for o in overlaps], dtype=bool)


def answered(overlaps: Sequence[SampleOverlap]) -> NDArray[np.bool_]:
    """Whether each answer says that something answers the instruction, `[S]`."""
    return np.array([o.outcome == OK and not o.rejected for o in overlaps], dtype=bool)
