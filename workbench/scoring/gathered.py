"""What the scores of a system need of its answers, gathered in one pass of which no answer is kept."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.data.predictions import OK, Prediction
from workbench.data.samples import Sample
from workbench.data.vocabulary import CALL_KINDS, MATCHED, MISSED_REASONS, MISTAKES, OTHER, SAMPLE_CATEGORIES
from workbench.failures.calls import add_calls, call_failures, no_calls
from workbench.failures.funnel import stages_passed
from workbench.failures.taxonomy import STAGES, diagnose, missed_reasons, tally
from workbench.metrics.overlaps import SampleOverlap, overlap_of
from workbench.metrics.pooled import sample_iou
from workbench.metrics.rounds import wall_clock
from workbench.metrics.spent import Spent

FUNNEL_COLUMNS = tuple(f"funnel_{stage}" for stage in STAGES)
MISSED_COLUMNS = tuple(f"missed_{reason}" for reason in (*MISSED_REASONS, OTHER))
Row = dict[str, Any]


@dataclass(eq=False)
class Gathered:
    """The answers of a system, gathered."""

    overlaps: list[SampleOverlap] = field(default_factory=list)
    """of the samples that are scored"""
    spent: Spent = field(default_factory=Spent)
    failures: Counter[str] = field(default_factory=Counter)
    """how often each outcome but `ok`"""
    without_truth: int = 0
    calls: dict[str, dict[str, int]] = field(default_factory=no_calls)
    """see `workbench.failures.calls.tally_calls`"""

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return len(self.spent)

    @property
    def correct(self) -> dict[str, int]:
        """How many instances of each scored sample are right, by its id."""
        return {overlap.sample_id: diagnose(overlap).counts[MATCHED] for overlap in self.overlaps}

    def add(self, sample: Sample, answer: Prediction, overlap: SampleOverlap | None) -> None:
        """Gather the next answer. overlap: None where the sample is not scored."""
        self.spent.add(sample, answer)
        add_calls(self.calls, answer)
        self.without_truth += not sample.has_truth
        if answer.outcome != OK:
            self.failures[answer.outcome] += 1
        if overlap is not None:
            self.overlaps.append(overlap)


def gather(
    pairs: Iterable[tuple[Sample, Prediction]],
    again: Callable[[int], Prediction] | None = None,
    row: Callable[[Row], None] = lambda _: None,
) -> Gathered:
    """Gather samples with their answers. `again` reads the answer at a place once more: then none is kept. `row` is
    given a row of the table (`row_of`) for each sample."""
    found = Gathered()
    for place, (sample, answer) in enumerate(pairs):
        overlap = overlap_of(sample, answer, None if again is None else _Again(again, place))
        found.add(sample, answer, overlap)
        row(row_of(sample, answer, overlap))
    return found


@dataclass(frozen=True, slots=True)
class _Again:
    read: Callable[[int], Prediction]
    place: int

    def __call__(self) -> Prediction:
        return self.read(self.place)


def gather_known(pairs: Sequence[tuple[Sample, Prediction]], overlapping: Sequence[SampleOverlap]) -> Gathered:
    """Gather samples whose overlaps have been computed already."""
    found = Gathered()
    for (sample, answer), overlap in with_overlaps(pairs, overlapping):
        found.add(sample, answer, overlap)
    return found


def with_overlaps(
    pairs: Sequence[tuple[Sample, Prediction]], overlapping: Sequence[SampleOverlap]
) -> Iterator[tuple[tuple[Sample, Prediction], SampleOverlap | None]]:
    """Each sample and answer with its overlap; None where it is not scored."""
    scored = {overlap.sample_id: overlap for overlap in overlapping}
    return ((pair, scored.get(pair[0].sample_id)) for pair in pairs)


def row_of(sample: Sample, answer: Prediction, overlap: SampleOverlap | None) -> Row:
    """The flat row of one sample; see `workbench.scoring.system.table`."""
    return {
        "sample_id": sample.sample_id,
        "image_id": sample.image_id,
        "kind": sample.kind,
        "n_targets": len(sample.targets) if sample.has_truth else None,
        "n_instances": len(answer.instances) if answer.outcome == OK else 0,
        "outcome": answer.outcome,
        "message": answer.message,
        "latency": answer.latency,
        **_costs(answer),
        **_verdict(overlap),
    }


def _costs(answer: Prediction) -> dict[str, float | int]:
    kinds = [call.kind for call in answer.calls]
    seconds = dict.fromkeys((*CALL_KINDS, OTHER), 0.0)
    for kind, spent in wall_clock(answer.calls).items():
        seconds[kind if kind in CALL_KINDS else OTHER] += spent
    return {
        "calls": len(kinds),
        "calls_llm": kinds.count("llm"),
        "calls_segment": kinds.count("segment"),
        **{f"seconds_{kind}": spent for kind, spent in seconds.items()},
        "tokens_in": answer.tokens[0],
        "tokens_out": answer.tokens[1],
        **_columns("calls", MISTAKES, call_failures(answer)),
    }


def _verdict(overlap: SampleOverlap | None) -> dict[str, Any]:
    if overlap is None:
        names = ("iou", "intersection", "union", *tally([]), *MISSED_COLUMNS, *FUNNEL_COLUMNS)
        return dict.fromkeys(names)
    diagnosis, passed = diagnose(overlap), stages_passed(overlap)
    iou = sample_iou(np.array([overlap.intersection]), np.array([overlap.union]))
    return {
        "iou": float(iou[0]) if overlap.outcome == OK else 0.0,
        "intersection": overlap.intersection,
        "union": overlap.union,
        **diagnosis.counts,
        **{category: diagnosis.sample == category for category in SAMPLE_CATEGORIES},
        **_columns("missed", MISSED_REASONS, missed_reasons([diagnosis])),
        **{name: int((passed > place).sum()) for place, name in enumerate(FUNNEL_COLUMNS)},
    }


def _columns(family: str, known: Iterable[str], counts: Mapping[str, int]) -> dict[str, int]:
    """A column for each known name, and one for all that systems named themselves, so that every table has the same."""
    columns = {f"{family}_{name}": counts[name] for name in known}
    return columns | {f"{family}_{OTHER}": sum(counts.values()) - sum(columns.values())}
