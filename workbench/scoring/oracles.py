"""What perfect parts would buy: a system's answers with one part replaced by the truth, against its real answers.

Oracles of `DERIVED` change nothing but the end of an answer, so they are computed from stored answers and candidates.
All others run the system again with that part replaced (see `workbench.plugins.interfaces.Rerunnable`). A failed
answer stays failed: no oracle of one part repairs it. A mask is on a target at IoU >= 0.5; where masks are given to
targets one to one, it is the assignment that serves most targets, and of those the one with the largest sum of IoUs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.data.manifest import PlannedOracle
from workbench.data.masks import Rle
from workbench.data.predictions import OK, Candidate, Instance, Prediction
from workbench.data.results import OracleResult, Results, leading_metrics
from workbench.data.samples import Sample
from workbench.failures.taxonomy import HIT, diagnose
from workbench.metrics import shapes
from workbench.metrics.overlaps import overlaps
from workbench.metrics.statistics import Measure, values
from workbench.plugins.registry import load
from workbench.scoring.differences import Side, differences_of, side_of

SHOWN_METRICS = 3
ORACLES: dict[str, str] = {
    "scores": "slots given to targets one to one are the answer, with their IoU as score; all others are below the "
    "threshold",
    "deduplication": "instances that are duplicates are removed from the answer",
    "presence": "no-target samples get an empty answer; an empty answer to any other gets its best-scoring candidate",
    "selector": "the answer is, of the masks that could be selected last, those given to targets one to one",
    "checker": "each mask check accepts a mask that is on a target and rejects any other; the agent runs again",
    "rewriter": "each phrase of the agent is replaced by the benchmark's phrase for the targets; the agent runs again",
}


def perfect_scores(sample: Sample, answer: Prediction) -> Prediction:
    """Score every slot by the truth: the IoU with its target where it is assigned one, otherwise a score below the
    threshold.
    """
    pool = _pool(answer, "low_score")
    given = _given(pool, sample)
    rescored = [(mask, given.get(index, score)) for index, (mask, score) in enumerate(pool)]
    return _answered(answer, rescored, set(given), "low_score")


def perfect_deduplication(sample: Sample, answer: Prediction) -> Prediction:
    """Remove the duplicates; they become suppressed candidates."""
    (overlap,) = overlaps([sample], [answer])
    categories = diagnose(overlap).instances
    kept = tuple(i for i, category in zip(answer.instances, categories, strict=True) if category != "duplicate")
    lost = (i for i, category in zip(answer.instances, categories, strict=True) if category == "duplicate")
    dropped = tuple(Candidate(instance.mask, instance.score, "suppressed") for instance in lost)
    return replace(answer, instances=kept, candidates=(*answer.candidates, *dropped))


def perfect_presence(sample: Sample, answer: Prediction) -> Prediction:
    """Empty the answer where there is no target. Where there is a target and no answer, give the best candidate."""
    if not sample.targets:
        dropped = tuple(Candidate(instance.mask, instance.score, "low_score") for instance in answer.instances)
        return replace(answer, instances=(), candidates=(*answer.candidates, *dropped), rejected=None)
    if answer.instances or not answer.candidates:
        return answer
    best = max(answer.candidates, key=lambda candidate: candidate.score)
    others = tuple(candidate for candidate in answer.candidates if candidate is not best)
    return replace(answer, instances=(Instance(best.mask, best.score),), candidates=others, rejected=None)


def perfect_selector(sample: Sample, answer: Prediction) -> Prediction:
    """Select, by the truth, among the masks that were there for the last selection. Their scores stay."""
    pool = _pool(answer, "unselected")
    return _answered(answer, pool, set(_given(pool, sample)), "unselected")


DERIVED: dict[str, Callable[[Sample, Prediction], Prediction]] = {
    "scores": perfect_scores,
    "deduplication": perfect_deduplication,
    "presence": perfect_presence,
    "selector": perfect_selector,
}
"""Oracles that are computed from stored answers."""


def derived(oracle: str, samples: Sequence[Sample], answers: Sequence[Prediction]) -> list[Prediction]:
    """The answers under one of the oracles in `DERIVED`. Failed answers, and answers to samples without a usable truth,
    stay as they are.
    """
    return [
        DERIVED[oracle](sample, answer)
        if answer.outcome == OK and sample.problem is None and sample.has_truth
        else answer
        for sample, answer in zip(samples, answers, strict=True)
    ]


def unavailable(oracle: str, samples: Sequence[Sample]) -> str | None:
    """Why a benchmark does not allow an oracle, or None."""
    if oracle == "rewriter" and not any(sample.phrase for sample in samples):
        return "the benchmark has no phrases that name the targets"
    if oracle == "checker" and any(sample.only_boxes for sample in samples):
        return "the benchmark annotates boxes, by which masks cannot be checked"
    return None


def gains(
    planned: Mapping[str, PlannedOracle],
    samples: Sequence[Sample],
    sides: Mapping[str, Side],
    answers: Callable[[str], Sequence[Prediction]],
    protocol: str,
) -> list[OracleResult]:
    """What each oracle of a run's manifest gives.

    `sides`: what is compared of each system's real answers, by system. `answers` returns the real answers of a system,
    and for an oracle that was run, its stored answers. Gains and rates are those of the oracle minus those of the real
    run, with `p_holm` corrected for all oracles of the run.
    """
    build = load("metrics", protocol)
    made = {name: _measured(name, plan, samples, answers, build) for name, plan in planned.items() if plan.note is None}
    # the times of an oracle are not compared
    both = {name: replace(side, latencies={}) for name, side in sides.items()}
    both |= {name: one.side for name, one in made.items()}
    pairs = [(name, planned[name].system) for name in made]
    compared = {pair.a: pair for pair in differences_of(both, build, pairs)}
    rows = []
    for name, plan in planned.items():
        pair, variant = compared.get(name), made.get(name)
        rows.append(
            OracleResult(
                system=plan.system,
                oracle=plan.oracle,
                note=pair.note if pair else plan.note,
                changed=variant.changed if variant else None,
                n_failed=variant.n_failed if variant else None,
                metrics=variant.metrics if variant else None,
                gains=pair.metrics if pair else None,
                rates=pair.rates if pair else None,
            )
        )
    return rows


@dataclass(frozen=True)
class _Variant:
    """What is told of the answers with one part replaced; the answers themselves are forgotten."""

    side: Side
    changed: int
    n_failed: int
    metrics: dict[str, float | None]


def _measured(
    name: str,
    plan: PlannedOracle,
    samples: Sequence[Sample],
    answers: Callable[[str], Sequence[Prediction]],
    build: Callable[..., Measure],
) -> _Variant:
    made = _answers(name, plan, samples, answers)
    seen = overlaps(samples, made)
    return _Variant(
        side_of(seen, build),
        changed=count_changed(made, answers(plan.system)),
        n_failed=sum(answer.outcome != OK for answer in made),
        metrics=values(build(seen), len(seen)),
    )


def shown_metrics(results: Results) -> list[str]:
    """The metrics of a run's gains that tables and figures show: the first three that lead."""
    return leading_metrics(results)[:SHOWN_METRICS]


def _answers(
    name: str, plan: PlannedOracle, samples: Sequence[Sample], answers: Callable[[str], Sequence[Prediction]]
) -> Sequence[Prediction]:
    oracle = plan.oracle
    return derived(oracle, samples, answers(plan.system)) if oracle in DERIVED else answers(name)


def count_changed(ours: Iterable[Prediction], theirs: Iterable[Prediction]) -> int:
    """How many samples ended differently, or got other masks; both are about the same samples in the same order."""
    return sum(_shown(a) != _shown(b) for a, b in zip(ours, theirs, strict=True))


def _shown(answer: Prediction) -> tuple[str, list[str]]:
    return answer.outcome, sorted(instance.mask["counts"] for instance in answer.instances)


def _pool(answer: Prediction, reason: str) -> list[tuple[Rle, float]]:
    """Masks and scores of the instances, then of the candidates that were dropped for a reason."""
    dropped = [(candidate.mask, candidate.score) for candidate in answer.candidates if candidate.dropped == reason]
    return [(instance.mask, instance.score) for instance in answer.instances] + dropped


def _given(pool: Sequence[tuple[Rle, float]], sample: Sample) -> dict[int, float]:
    """Index of each mask that is given to a target one to one, with its IoU."""
    from scipy.optimize import linear_sum_assignment

    iou = shapes.predicted(sample, [Instance(*item) for item in pool]).iou(shapes.targets(sample))
    # a served target weighs more than any gain in IoU of all others
    worth = np.where(iou >= HIT, len(sample.targets) + iou, 0.0)
    rows, columns = linear_sum_assignment(worth, maximize=True)
    return {int(r): float(iou[r, c]) for r, c in zip(rows, columns, strict=True) if iou[r, c] >= HIT}


def _answered(answer: Prediction, pool: Sequence[tuple[Rle, float]], chosen: set[int], reason: str) -> Prediction:
    """The answer made of the chosen masks of the pool. The other masks become candidates, dropped for this reason."""
    instances = tuple(Instance(*pool[index]) for index in sorted(chosen))
    dropped = (Candidate(*item, reason) for index, item in enumerate(pool) if index not in chosen)
    kept = (candidate for candidate in answer.candidates if candidate.dropped != reason)
    return replace(answer, instances=instances, candidates=(*kept, *dropped), rejected=None)
