"""cgF1 of SA-Co: does a system find all instances of a noun phrase, and decline where there are none?

facebookresearch/sam3, `sam3/eval/cgf1_eval.py`. cgF1 is pmF1, the F1 of the instances of positive pairs (image and
phrase), times IL_MCC, the Matthews correlation of the presence decision of all pairs. Where several annotators
answered, each pair is judged by the one that favours the system most.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.metric_info import MetricInfo, describe
from workbench.metrics.overlaps import SampleOverlap
from workbench.metrics.statistics import Measure, Weights

THRESHOLDS: NDArray[np.float64] = np.linspace(0.5, 0.95, 10)
MIN_SCORE = 0.5


@dataclass(frozen=True, eq=False)
class PairCounts:
    """One pair judged by one annotator: matches at each of K IoU thresholds, `[K]` each.

    `f1` is nan for a pair without instances on either side, which has no matches to count.
    """

    true_positives: NDArray[np.int64]
    false_positives: NDArray[np.int64]
    false_negatives: NDArray[np.int64]
    f1: NDArray[np.float64]
    n_instances: int
    n_targets: int


def judge(scores: NDArray[np.float64], iou: NDArray[np.float64]) -> PairCounts:
    """Match the instances that score at least 0.5 to the targets so that the sum of IoUs is largest.

    scores: `[N]`; iou: `[N, T]`. A match counts at every threshold that its IoU reaches.
    """
    from scipy.optimize import linear_sum_assignment

    iou = iou[scores >= MIN_SCORE]
    n_instances, n_targets = iou.shape
    if n_instances == 0 and n_targets == 0:
        none = np.zeros(len(THRESHOLDS), dtype=np.int64)
        return PairCounts(none, none, none, np.full(len(THRESHOLDS), np.nan), 0, 0)
    matched = iou[linear_sum_assignment(-iou)]
    hits = (matched[:, None] >= THRESHOLDS).sum(axis=0)
    precision, recall = hits / (n_instances + 1e-4), hits / (n_targets + 1e-4)
    f1 = 2 * precision * recall / (precision + recall + 1e-4)
    return PairCounts(hits, n_instances - hits, n_targets - hits, f1, n_instances, n_targets)


def most_favourable(judged: Sequence[PairCounts]) -> PairCounts:
    """The judgement with the largest mean F1; of equal ones, the first. A judgement without instances on either side
    beats all others; of several such, the last is taken.
    """
    best = judged[0]
    for other in judged[1:]:
        undefined = bool(np.isnan(other.f1).any())
        if undefined or other.f1.mean() > best.f1.mean():
            best = other
    return best


def cgf1(pairs: Sequence[PairCounts], weights: Weights) -> dict[str, NDArray[np.float64]]:
    """All metrics of the official evaluation, `[D]` each, and those at IoU 0.5 and 0.75 as `NAME@0.5`.

    weights: `[S, D]`, how often each pair counts. Denominators carry the official 1e-4 (instances) and 1e-6 (pairs).
    positive_macro_F1 is nan where no pair has both instances and targets (the official code prints -1), and all are nan
    without pairs.
    """
    counts = {name: _sums(pairs, name, weights) for name in ("true_positives", "false_positives", "false_negatives")}
    answered = np.array([pair.n_instances > 0 for pair in pairs], dtype=bool)
    positive = np.array([pair.n_targets > 0 for pair in pairs], dtype=bool)
    counts["positive_false_positives"] = _sums(pairs, "false_positives", weights * positive[:, None])
    counts["macro"] = _sums(pairs, "f1", weights * (positive & answered)[:, None])
    presence = _presence(answered, positive, weights)
    both = (positive & answered).astype(np.int64) @ weights
    by_threshold = _instance_metrics(counts, both, presence["IL_MCC"])
    at = {0.5: 0, 0.75: 5}
    figures = {
        **{name: values.mean(axis=0) for name, values in by_threshold.items()},
        **presence,
        **{f"{name}@{level}": values[k] for level, k in at.items() for name, values in by_threshold.items()},
    }
    some = weights.sum(axis=0) > 0
    return {name: np.where(some, values, np.nan) for name, values in figures.items()}


@describe(
    {
        "cgF1": MetricInfo("pmF1 times IL_MCC: are all instances found, and is absence recognised?", leads=True),
        "pmF1": MetricInfo("Micro F1 of instances over the pairs with targets, mean over IoU thresholds.", leads=True),
        "IL_MCC": MetricInfo(
            "Matthews correlation of whether anything is there, over all pairs (-1 to 1).", leads=True
        ),
        "IL_FPR*": MetricInfo("Share of the pairs without targets that got an instance.", higher_is_better=False),
        "*": MetricInfo("A part of cgF1, as the official evaluation prints it; `NAME@t` is at one IoU threshold."),
    }
)
def saco_cgf1(overlaps: Sequence[SampleOverlap]) -> Measure:
    """SA-Co: cgF1, pmF1 and IL_MCC with their parts, by one annotator or by the most favourable of several.

    facebookresearch/sam3, `sam3/eval/cgf1_eval.py`. Pairs that an annotator did not mark exhaustively are left out.
    Only instances that score at least 0.5 count.
    """
    counted = np.array([o.exhaustive for o in overlaps], dtype=bool)
    pairs = [_best(overlap) for overlap in overlaps]

    def measure(weights: Weights) -> dict[str, Any]:
        return cgf1(pairs, weights * counted[:, None])

    return measure


def _best(overlap: SampleOverlap) -> PairCounts:
    return most_favourable([judge(overlap.scores, iou) for iou in (overlap.iou, *overlap.iou_readings)])


def _sums(pairs: Sequence[PairCounts], name: str, weights: Weights) -> NDArray[np.float64]:
    """Weighted sum over pairs, `[K, D]`."""
    values = np.array([getattr(pair, name) for pair in pairs], dtype=np.float64).reshape(len(pairs), len(THRESHOLDS))
    return np.nan_to_num(values).T @ weights


def _instance_metrics(
    counts: Mapping[str, NDArray[np.float64]], both: NDArray[np.int64], mcc: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """`[K, D]` each."""
    hits = counts["true_positives"]
    precision = hits / (hits + counts["false_positives"] + 1e-4)
    positive_precision = hits / (hits + counts["positive_false_positives"] + 1e-4)
    recall = hits / (hits + counts["false_negatives"] + 1e-4)
    positive_f1 = 2 * positive_precision * recall / (positive_precision + recall + 1e-4)
    macro = np.full_like(hits, np.nan)
    np.divide(counts["macro"], both, out=macro, where=np.broadcast_to(both > 0, macro.shape))
    return {
        "cgF1": positive_f1 * mcc,
        "pmF1": positive_f1,
        "precision": precision,
        "recall": recall,
        "F1": 2 * precision * recall / (precision + recall + 1e-4),
        "positive_macro_F1": macro,
        "positive_micro_precision": positive_precision,
    }


def _presence(
    answered: NDArray[np.bool_], positive: NDArray[np.bool_], weights: Weights
) -> dict[str, NDArray[np.float64]]:
    """Is anything there? Precision, recall, F1, false positive rate and Matthews correlation over pairs, `[D]` each."""
    cells = (positive & answered, ~positive & answered, ~positive & ~answered, positive & ~answered)
    tp, fp, tn, fn = (cell.astype(np.float64) @ weights for cell in cells)
    recall, precision = tp / (tp + fn + 1e-6), tp / (tp + fp + 1e-6)
    return {
        "IL_MCC": (tp * tn - fp * fn) / (((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)) ** 0.5 + 1e-6),
        "IL_precision": precision,
        "IL_recall": recall,
        "IL_F1": 2 * precision * recall / (precision + recall + 1e-6),
        "IL_FPR": fp / (fp + tn + 1e-6),
    }
