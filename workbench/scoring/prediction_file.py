"""Scores a file of predictions that were made elsewhere, by any protocol: `workbench score`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.benchmarks import from_files
from workbench.data.errors import ConfigurationError
from workbench.data.predictions import BAD_SAMPLE, Prediction
from workbench.data.remarks import remark_lines
from workbench.data.samples import Sample
from workbench.metrics.groups import by_kind, by_targets
from workbench.metrics.overlaps import SampleOverlap, overlaps
from workbench.metrics.statistics import values
from workbench.plugins.interfaces import HasRemarks
from workbench.plugins.registry import load
from workbench.systems.prediction_files import SHOWN, read_predictions


def score_file(
    protocol: str,
    annotations: Path,
    predictions: Path,
    images: Path | None = None,
    benchmark: str | None = None,
    options: Mapping[str, Any] | None = None,
    missing_as_empty: bool = False,
) -> dict[str, Any]:
    """`{"protocol", "samples", "metrics", "by_targets", "by_kind", "remarks"}` in plain JSON types.

    `benchmark` names the reader where it is not the protocol's own, `options` are that reader's. Metrics are fractions,
    None where undefined; every group has its number of `samples` beside them. `remarks` are lines about what the reader
    left out or mended. Raises `ConfigurationError` for anything wrong in either file: nothing is scored then.
    """
    load("metrics", protocol)
    if not annotations.exists():
        raise ConfigurationError(f"there is no annotation file {annotations}")
    name = benchmark or from_files.reader_of(protocol, annotations)
    made = from_files.make(name, annotations, images, options)
    samples = list(made.samples())
    _check_usable(samples, annotations)
    if samples and not any(sample.has_truth for sample in samples):
        raise ConfigurationError(f"{annotations} does not say what is right, so there is nothing to score against")
    answers = read_predictions(predictions, samples, missing_as_empty)
    if images is not None and from_files.skips_missing_images(name, protocol):
        answers = [_without_image(sample, answer) for sample, answer in zip(samples, answers, strict=True)]
    remarks = remark_lines(list(made.remarks())) if isinstance(made, HasRemarks) else []
    return {**report(overlaps(samples, answers), protocol), "remarks": remarks}


def report(overlapping: Sequence[SampleOverlap], protocol: str) -> dict[str, Any]:
    """The metrics of all samples and of those with no, one and several targets, and of each kind."""
    build = load("metrics", protocol)

    def each(groups: Mapping[str, Sequence[SampleOverlap]]) -> dict[str, dict[str, float | None]]:
        return {name: {"samples": len(group), **values(build(group), len(group))} for name, group in groups.items()}

    return {
        "protocol": protocol,
        "samples": len(overlapping),
        "metrics": values(build(overlapping), len(overlapping)),
        "by_targets": each(by_targets(overlapping)),
        "by_kind": each(by_kind(overlapping)),
    }


def _check_usable(samples: Sequence[Sample], annotations: Path) -> None:
    broken = [sample for sample in samples if sample.problem]
    if broken:
        shown = "; ".join(f"sample {s.sample_id!r}: {s.problem}" for s in broken[:SHOWN])
        more = "; ..." if len(broken) > SHOWN else ""
        raise ConfigurationError(
            f"{annotations}: {len(broken)} of {len(samples)} samples cannot be scored, so nothing is: {shown}{more}"
        )


def _without_image(sample: Sample, answer: Prediction) -> Prediction:
    """The answer; where the image is missing, a failed one, because the official evaluation leaves that row out."""
    if sample.image_path.is_file():
        return answer
    return replace(answer, instances=(), outcome=BAD_SAMPLE, message=f"image not found: {sample.image_path}")
