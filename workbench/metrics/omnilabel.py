"""OmniLabel: detection of boxes by plain categories and by free descriptions (Schulter et al., ICCV 2023).

samschulter/omnilabeltools, `omnilabeltools/eval.py`. A sample is one image and one description that the image is asked
for, whether its object is there or not. Average precision is not a mean over descriptions: all samples of a group are
ranked together as one class, so that scores have to be comparable between images and descriptions.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.metric_info import MetricInfo, describe
from workbench.metrics.coco import cell_of, class_curve
from workbench.metrics.overlaps import SampleOverlap
from workbench.metrics.statistics import Measure, Weights

DESCRIPTION, CATEGORY = "description", "category"
"""Kinds of samples: free text, and the plain name of a category."""
LENGTHS = {"S": (1, 3), "M": (4, 8), "L": (9, float("inf"))}
"""Words of a description, split at any blanks, both ends included."""
LEVELS = {"50": 0, "75": 5}
_AP = "Average precision of boxes, mean over IoU thresholds .50 to .95, all samples ranked together:"


@describe(
    {
        "AP": MetricInfo("Harmonic mean of AP_descr and AP_categ.", leads=True),
        "AP_descr": MetricInfo(f"{_AP} those of free descriptions.", leads=True),
        "AP_categ": MetricInfo(f"{_AP} those of plain categories.", leads=True),
        "AP_descr_pos": MetricInfo(f"{_AP} those of free descriptions that have an object in the image.", leads=True),
        "AP_descr_S": MetricInfo(f"{_AP} those of descriptions of up to 3 words."),
        "AP_descr_M": MetricInfo(f"{_AP} those of descriptions of 4 to 8 words."),
        "AP_descr_L": MetricInfo(f"{_AP} those of descriptions of 9 words or more."),
        "AP50_*": MetricInfo("The same at IoU 0.5."),
        "AP75_*": MetricInfo("The same at IoU 0.75."),
        "AR_*": MetricInfo("Recall with 100 boxes a sample, mean over IoU thresholds .50 to .95."),
    }
)
def omnilabel(overlaps: Sequence[SampleOverlap]) -> Measure:
    """OmniLabel: AP of free descriptions and of plain categories, and their harmonic mean.

    samschulter/omnilabeltools, `omnilabeltools/eval.py`: 101 recall points, at most 100 boxes a sample, crowds absorb
    boxes. Of equal scores that in the image of the lower id ranks first, then that of the earlier sample. AP is nan
    unless both groups have an object (officially -1).
    """
    cells = [cell_of(overlap) for overlap in overlaps]
    rows = {name: np.flatnonzero(members) for name, members in groups(overlaps).items()}
    curves = {name: class_curve([cells[i] for i in members]) for name, members in rows.items()}

    def measure(weights: Weights) -> dict[str, Any]:
        found = {name: curve(weights[rows[name]]) for name, curve in curves.items()}
        precision = {name: one for name, (one, _) in found.items()}
        mean = {name: one.mean(axis=0) for name, one in precision.items()}
        descr, categ = mean["descr"], mean["categ"]
        sides = ("descr", "categ")
        return {
            "AP": 2 * descr * categ / (descr + categ + 1e-5),
            "AP_categ": categ,
            **{f"AP_{name}": mean[name] for name in rows if name != "categ"},
            **{f"AP{at}_{side}": precision[side][level] for side in sides for at, level in LEVELS.items()},
            **{f"AR_{side}": found[side][1].mean(axis=0) for side in sides},
        }

    return measure


def groups(overlaps: Sequence[SampleOverlap]) -> dict[str, NDArray[np.bool_]]:
    """Which samples each group has, `[S]`. Lengths include the descriptions that have no object in the image."""
    descr = np.array([o.kind == DESCRIPTION for o in overlaps], dtype=bool)
    categ = np.array([o.kind == CATEGORY for o in overlaps], dtype=bool)
    there = np.array([o.n_targets + o.cover_crowds.shape[1] > 0 for o in overlaps], dtype=bool)
    words = np.array([len(o.sample.instruction.split()) for o in overlaps], dtype=np.int64)
    lengths = {f"descr_{name}": descr & (words >= low) & (words <= high) for name, (low, high) in LENGTHS.items()}
    return {"descr": descr, "categ": categ, "descr_pos": descr & there, **lengths}
