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


def no_target_accuracy(
    overlaps: Sequence[SampleOverlap], weights: NDArray[np.integer] | None = None
) -> NDArray[np.float64]:
    """N_acc `[D]`: share of the no-target samples that were rejected; nan without no-target samples.

    weights: `[S, D]`, how often each sample counts.
    """
    no_target = np.array([o.n_targets == 0 for o in overlaps], dtype=bool)
    return weighted_mean(no_target & declined(overlaps), no_target, weights)


def target_accuracy(
    overlaps: Sequence[SampleOverlap], weights: NDArray[np.integer] | None = None
) -> NDArray[np.float64]:
    """T_acc `[D]`: share of the samples with targets that were not rejected, right or wrong; nan without such."""
    has_target = np.array([o.n_targets > 0 for o in overlaps], dtype=bool)
    return weighted_mean(has_target & answered(overlaps), has_target, weights)


def declined(overlaps: Sequence[SampleOverlap]) -> NDArray[np.bool_]:
    """Whether each answer says that nothing answers the instruction, `[S]`."""
    return np.array([o.outcome == OK and o.rejected for o in overlaps], dtype=bool)


def answered(overlaps: Sequence[SampleOverlap]) -> NDArray[np.bool_]:
    """Whether each answer says that something answers the instruction, `[S]`."""
    return np.array([o.outcome == OK and not o.rejected for o in overlaps], dtype=bool)
