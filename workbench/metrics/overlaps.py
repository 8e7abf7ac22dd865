"""The overlaps of a sample's predicted instances with its targets. They are computed once and read by every metric and
by the diagnosis.
"""

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from workbench.data import masks
from workbench.data.errors import ConfigurationError, SampleError
from workbench.data.masks import Rle
from workbench.data.predictions import OK, Instance, Prediction
from workbench.data.samples import Box, Sample, most_masks
from workbench.metrics import shapes

IOU_THRESHOLDS: NDArray[np.float64] = np.array([0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95])


@dataclass(frozen=True, eq=False)
class SampleOverlap:
    """One scored answer: N predicted instances, T targets, O other annotated instances, C dropped candidates.

    An answer whose outcome is not `ok` counts as empty: N is 0. Areas are in pixels, of the pooled masks (union over
    instances), without the pixels that the sample ignores.

    Of a sample with `only_boxes`, overlaps and areas are those of boxes; pooled areas count the pixels under them.

    A metric that needs more than overlaps, as one of boundaries, finds the masks themselves in `sample` and
    `prediction`, and decodes them with `workbench.data.masks.decode`.
    """

    sample: Sample
    answer: Prediction | Callable[[], Prediction]
    """the answer, or how to read it again"""
    sample_id: str
    image_id: str
    kind: str | None
    outcome: str
    n_targets: int
    scores: NDArray[np.float64]
    """`[N]`"""
    iou: NDArray[np.float64]
    """`[N, T]`"""
    iou_others: NDArray[np.float64]
    """`[N, O]`"""
    iou_candidates: NDArray[np.float64]
    """`[C, T]`"""
    dropped: tuple[str, ...]
    """Why each of the C candidates is not in the answer."""
    dropped_scores: NDArray[np.float64]
    """`[C]`"""
    intersection: int
    union: int
    target_area: int
    rejected: bool
    """Whether the answer says that nothing answers the instruction."""
    box_iou: float
    """IoU of boxes: that of the best-scored instance and the smallest around the targets; as given, else of the masks.
    0 without an instance, nan without a target."""
    areas: NDArray[np.float64]
    """`[N]` pixels, of the instance's own box where it has one"""
    target_areas: NDArray[np.float64]
    """`[T]` pixels, as annotated where the annotation says it, else as `target_sizes`"""
    sizes: NDArray[np.float64]
    """`[N]` pixels, of what is compared: masks, or boxes"""
    target_sizes: NDArray[np.float64]
    """`[T]` pixels, of what is compared"""
    iou_readings: tuple[NDArray[np.float64], ...]
    """`[N, T']` for each annotator from the second on, who has T' targets"""
    exhaustive: bool
    """Whether all annotators marked every instance."""
    cover_crowds: NDArray[np.float64]
    """`[N, R]` share of each instance that lies in each region whose instances are not told apart, which the sample's
    `facts["crowds"]` lists"""
    other_labels: tuple[str, ...]
    """Label of each of the O other annotated instances."""
    category: str | None
    """`facts["category"]` of the sample: the class that averages over classes go by"""

    @property
    def prediction(self) -> Prediction:
        """The answer; of a large run it is read again each time."""
        return self.answer if isinstance(self.answer, Prediction) else self.answer()

    @property
    def n_instances(self) -> int:
        return len(self.scores)

    @cached_property
    def matches(self) -> NDArray[np.int64]:
        """`match` at `IOU_THRESHOLDS`, `[N, 10]`."""
        return match(self.scores, self.iou)


def overlaps(samples: Iterable[Sample], predictions: Iterable[Prediction]) -> list[SampleOverlap]:
    """One overlap per sample with a usable annotation, in the order of the samples.

    A sample with a `problem`, or without truth, has nothing to compare with and is left out; predictions of other
    samples are not read. Raises `ConfigurationError` where a sample has no prediction, or two, and where a predicted
    mask or score does not fit its image.
    """
    pairs = pair(samples, predictions)
    return [found for sample, answer in pairs if (found := overlap_of(sample, answer)) is not None]


def overlaps_in_order(samples: Sequence[Sample], answers: Sequence[Prediction]) -> list[SampleOverlap]:
    """Like `overlaps`, for answers in the order of the samples. None of them is kept: each is read again where a metric
    asks for it."""
    found = []
    for place, (sample, answer) in enumerate(zip(samples, answers, strict=True)):
        overlap = overlap_of(sample, answer, partial(answers.__getitem__, place))
        found += [overlap] if overlap else []
    return found


def overlap_of(
    sample: Sample, answer: Prediction, again: Callable[[], Prediction] | None = None
) -> SampleOverlap | None:
    """The overlap of one answer; None where the annotation cannot be used or there is no truth. `again`: how to read
    the answer again, which is then not kept."""
    return _overlap(sample, answer, again) if sample.problem is None and sample.has_truth else None


def pair(samples: Iterable[Sample], predictions: Iterable[Prediction]) -> list[tuple[Sample, Prediction]]:
    """Each sample with its prediction; raises `ConfigurationError` unless each sample has exactly one."""
    answers: dict[str, Prediction] = {}
    for answer in predictions:
        if answer.sample_id in answers:
            raise ConfigurationError(f"sample {answer.sample_id!r} has more than one prediction")
        answers[answer.sample_id] = answer
    pairs = []
    for sample in samples:
        if sample.sample_id not in answers:
            raise ConfigurationError(f"sample {sample.sample_id!r} has no prediction: run the missing samples first")
        pairs.append((sample, answers[sample.sample_id]))
    if len({sample.sample_id for sample, _ in pairs}) < len(pairs):
        raise ConfigurationError("two samples of this benchmark have the same id")
    return pairs


def match(
    scores: NDArray[np.float64], iou: NDArray[np.float64], thresholds: NDArray[np.float64] = IOU_THRESHOLDS
) -> NDArray[np.int64]:
    """Greedy matching at K IoU thresholds: target index of each instance or -1, `[N, K]`.

    Instances choose by falling score (earlier first on equal scores). Each takes, of the targets still free, the one it
    overlaps most (earlier first on equal IoU), provided that this IoU reaches the threshold. This is the assignment
    of InstructSAM's Inst2Seg-Bench evaluation; COCO's differs only in what it does with ignored and crowd regions.

    scores: `[N]`; iou: `[N, T]`; thresholds: `[K]`.
    """
    n_instances, n_targets = iou.shape
    matched = np.full((n_instances, len(thresholds)), -1, dtype=np.int64)
    if n_targets == 0:
        return matched
    free = np.ones((len(thresholds), n_targets), dtype=bool)
    levels = np.arange(len(thresholds))
    near = iou.max(axis=1) >= thresholds.min()
    for instance in np.argsort(-scores, kind="stable"):
        if not near[instance]:
            continue
        available = np.where(free, iou[instance], -1.0)
        best = available.argmax(axis=1)
        hit = available[levels, best] >= thresholds
        matched[instance, hit] = best[hit]
        free[levels[hit], best[hit]] = False
    return matched


def pooled_areas(predicted: Sequence[Rle], targets: Sequence[Rle], ignore: Rle | None = None) -> tuple[int, int, int]:
    """Pixels of the intersection, of the union and of the targets, of pooled masks, with `ignore` cleared in both."""
    one, other = (masks.union(side) if len(side) > 1 else next(iter(side), None) for side in (predicted, targets))
    both = masks.union([one, other]) if one and other else one or other
    areas = [_area_outside(mask, ignore) for mask in (one, other, both)]
    return areas[0] + areas[1] - areas[2], areas[2], areas[1]


def box_iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes; nan where both have no area."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = max(width, 0.0) * max(height, 0.0)
    union = a[2] * a[3] + b[2] * b[3] - common
    return common / union if union > 0 else math.nan


def _area_outside(mask: Rle | None, ignore: Rle | None) -> int:
    """Pixels of a mask that are not in `ignore`."""
    if mask is None:
        return 0
    if ignore is None:
        return masks.area(mask)
    return masks.area(masks.union([mask, ignore])) - masks.area(ignore)


def _overlap(sample: Sample, answer: Prediction, again: Callable[[], Prediction] | None) -> SampleOverlap:
    instances = answer.instances if answer.outcome == OK else ()
    predicted = [instance.mask for instance in instances]
    scores = np.array([instance.score for instance in instances], dtype=np.float64)
    _check(sample, [*predicted, *(candidate.mask for candidate in answer.candidates)], scores)
    rejected = not answer.instances if answer.rejected is None else answer.rejected
    found, targets = shapes.predicted(sample, instances), shapes.targets(sample)
    covered = shapes.pixels(sample, instances)
    intersection, union, target_area = pooled_areas(covered, sample.targets, sample.ignore)
    given = sample.facts.get("areas")
    sizes, target_sizes = found.sizes(), targets.sizes()
    boxed = any(instance.box is not None for instance in instances)
    return SampleOverlap(
        sample=sample,
        answer=again or answer,
        sample_id=sample.sample_id,
        image_id=sample.image_id,
        kind=sample.kind,
        outcome=answer.outcome,
        n_targets=len(sample.targets),
        scores=scores,
        iou=found.iou(targets),
        iou_others=found.iou(shapes.others(sample)),
        iou_candidates=shapes.predicted(sample, answer.candidates).iou(targets),
        dropped=tuple(sys.intern(candidate.dropped) for candidate in answer.candidates),
        dropped_scores=np.array([candidate.score for candidate in answer.candidates], dtype=np.float64),
        intersection=intersection,
        union=union,
        target_area=target_area,
        rejected=rejected,
        box_iou=_box_iou(sample, instances),
        areas=_areas(instances, sizes) if boxed else sizes,
        target_areas=np.array(given, dtype=np.float64) if given else target_sizes,
        sizes=sizes,
        target_sizes=target_sizes,
        iou_readings=tuple(masks.iou_matrix(predicted, reading.targets) for reading in sample.readings[1:]),
        exhaustive=all(reading.exhaustive for reading in sample.readings),
        cover_crowds=found.iou(shapes.crowds(sample), crowd=True),
        other_labels=tuple(other.label for other in sample.others),
        category=sample.facts.get("category"),
    )


def _areas(instances: Sequence[Instance], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    pairs = zip(instances, sizes, strict=True)
    areas = [area if instance.box is None else instance.box[2] * instance.box[3] for instance, area in pairs]
    return np.array(areas, dtype=np.float64)


def _box_iou(sample: Sample, instances: Sequence[Instance]) -> float:
    boxes = sample.boxes or [masks.bounding_box(mask) for mask in sample.targets]
    if not boxes:
        return math.nan
    if not instances:
        return 0.0
    best = max(instances, key=lambda instance: instance.score)
    return box_iou(masks.bounding_box(best.mask) if best.box is None else best.box, _around(boxes))


def _around(boxes: Sequence[Box]) -> Box:
    """The smallest box around boxes, without those that have no area unless there are no others."""
    solid = [box for box in boxes if box[2] > 0 and box[3] > 0] or boxes
    left, top = min(box[0] for box in solid), min(box[1] for box in solid)
    return left, top, max(box[0] + box[2] for box in solid) - left, max(box[1] + box[3] for box in solid) - top


def _check(sample: Sample, predicted: Sequence[Rle], scores: NDArray[np.float64]) -> None:
    # pycocotools gives an IoU of -1 and an empty union for masks of different sizes instead of an error
    for mask in predicted:
        if list(mask["size"]) != [sample.height, sample.width]:
            height, width = mask["size"]
            raise ConfigurationError(
                f"sample {sample.sample_id!r}: predicted mask is {width}x{height} "
                f"but the image is {sample.width}x{sample.height} (width x height)"
            )
    try:
        masks.check_pairs(len(predicted), most_masks(sample))
    except SampleError as error:
        raise ConfigurationError(f"sample {sample.sample_id!r}: {error}") from error
    if not np.isfinite(scores).all():
        raise ConfigurationError(f"sample {sample.sample_id!r}: predicted scores must be finite, got {scores.tolist()}")
