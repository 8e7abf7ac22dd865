"""The groups of samples for which every metric is also computed."""

from collections.abc import Sequence

from workbench.metrics.overlaps import SampleOverlap

TARGET_BINS = ("0", "1", ">=2")


def by_targets(overlaps: Sequence[SampleOverlap]) -> dict[str, list[SampleOverlap]]:
    """The samples with no, one and several targets."""
    return {name: [o for o in overlaps if TARGET_BINS[min(o.n_targets, 2)] == name] for name in TARGET_BINS}


def by_kind(overlaps: Sequence[SampleOverlap]) -> dict[str, list[SampleOverlap]]:
    """The samples of each kind, where the benchmark has kinds."""
    kinds = sorted({overlap.kind for overlap in overlaps if overlap.kind is not None})
    return {kind: [o for o in overlaps if o.kind == kind] for kind in kinds}
