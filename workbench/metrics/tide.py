"""TIDE: how much average precision each kind of error costs (Bolya et al., ECCV 2020; dbolya/tide 49a5d2a).

A prediction that matches no target of its class is an error of the first kind that applies: Loc (it overlaps a target
of its class at an IoU from 0.1 to 0.5), Cls (one of another class at 0.5 or more), Dupe (its target is taken), Bkg (it
overlaps nothing at more than 0.1) or Both. A target that nothing found is Miss, unless mending a Loc or Cls error
would find it. The cost of a kind is the AP at IoU 0.5 with all its errors mended, less the AP as it is.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from workbench.data.metric_info import MetricInfo, describe
from workbench.metrics.overlaps import SampleOverlap
from workbench.metrics.statistics import Measure, Weights
from workbench.metrics.ties import is_drawn, order_of_draw, tie_groups

Kind = Literal["Cls", "Loc", "Both", "Dupe", "Bkg", "Miss"]
KINDS: tuple[Kind, ...] = get_args(Kind)
POSITIVE = 0.5
BACKGROUND = 0.1
MAX_DETECTIONS = 100
NOT_ASKED_FOR = object()
"""Class of the instances that the instruction does not ask for. One of them can be mistaken for a target, but it does
not count as missed."""


@dataclass(frozen=True, eq=False)
class Scene:
    """One image: N predictions and T targets with their classes."""

    scores: NDArray[np.float64]
    """`[N]`"""
    classes: Sequence[object]
    """`[N]`"""
    target_classes: Sequence[object]
    """`[T]`"""
    iou: NDArray[np.float64]
    """`[N, T]`"""


@dataclass(frozen=True)
class Error:
    """`scene`, `prediction` and `target` are positions; a Miss has no prediction, and Both, Dupe and Bkg no target."""

    kind: Kind
    scene: int
    prediction: int | None = None
    target: int | None = None


@dataclass(eq=False)
class Errors:
    """The matches and errors of a list of scenes, in the order of scenes and falling scores."""

    scenes: Sequence[Scene]
    found: list[Error] = field(default_factory=list)
    correct: list[tuple[int, int]] = field(default_factory=list)
    """Scene and prediction of each true positive."""
    ranked: list[tuple[int, int, bool]] = field(default_factory=list)
    """Scene and index of each prediction, and whether it is a true positive."""
    unmatched: list[tuple[int, int]] = field(default_factory=list)
    """Scene and target of each target without a prediction."""
    mended_by: dict[tuple[int, int], int] = field(default_factory=dict)
    """The best-scored prediction with a Loc or Cls error about an unmatched target, by scene and target."""

    @property
    def counts(self) -> dict[Kind, int]:
        """Errors of each kind."""
        counted = Counter(error.kind for error in self.found)
        return {kind: counted[kind] for kind in KINDS}


@describe(
    {
        "AP50": MetricInfo("Average precision where an instance counts as found at IoU 0.5.", leads=True),
        "dAP_*": MetricInfo("What AP50 would gain if the errors of this kind were mended.", higher_is_better=False),
    }
)
def tide(overlaps: Sequence[SampleOverlap]) -> Measure:
    """TIDE: AP at IoU 0.5 and what each kind of error costs of it (dAP_Cls, dAP_Loc, ..., dAP_FalsePos, dAP_FalseNeg).

    dbolya/tide, `tidecv/quantify.py`. A scene is a sample, also one without a target, or all samples of an image where
    samples have a category (COCO). An error of class is an instance of another category, or one that the instruction
    did not ask for, where the benchmark annotates those.
    """
    by_scene: dict[object, list[int]] = {}
    for index, overlap in enumerate(overlaps):
        by_scene.setdefault(index if overlap.category is None else overlap.image_id, []).append(index)
    measure_scenes = costs(find_errors([_scene([overlaps[i] for i in members]) for members in by_scene.values()]))
    # the samples of an image are always drawn together
    first = np.array([members[0] for members in by_scene.values()], dtype=np.int64)
    return lambda weights: measure_scenes(weights[first])


def _scene(samples: Sequence[SampleOverlap]) -> Scene:
    """Samples about one image: the targets of one sample are other annotated instances of the next."""
    categories = {sample.category for sample in samples}
    rows, not_asked_for = [], 0
    for sample in samples:
        blocks = []
        for about in samples:
            columns = [i for i, label in enumerate(sample.other_labels) if label == about.category]
            blocks.append(sample.iou if about is sample else sample.iou_others[:, columns])
        rest = [i for i, label in enumerate(sample.other_labels) if len(samples) == 1 or label not in categories]
        rows.append((np.concatenate(blocks, axis=1), sample.iou_others[:, rest]))
        not_asked_for += len(rest)
    n_targets = sum(sample.n_targets for sample in samples)
    iou = np.zeros((sum(sample.n_instances for sample in samples), n_targets + not_asked_for))
    row, column = 0, n_targets
    for known, rest_iou in rows:
        iou[row : row + len(known), :n_targets] = known
        iou[row : row + len(known), column : column + rest_iou.shape[1]] = rest_iou
        row, column = row + len(known), column + rest_iou.shape[1]
    return Scene(
        scores=np.concatenate([sample.scores for sample in samples]),
        classes=[sample.category for sample in samples for _ in range(sample.n_instances)],
        target_classes=[sample.category for sample in samples for _ in range(sample.n_targets)]
        + [NOT_ASKED_FOR] * not_asked_for,
        iou=iou,
    )


def find_errors(scenes: Sequence[Scene]) -> Errors:
    """Match the predictions of each scene and classify the errors. Only the 100 best-scored predictions of a scene
    count.
    """
    errors = Errors(scenes)
    for index, scene in enumerate(scenes):
        _examine(errors, index, scene)
    return errors


def costs(errors: Errors) -> Measure:
    """AP50 and dAP of every kind of error and of all false positives and negatives, as fractions, `[D]` each.

    The measure's weights are `[scenes, D]`. AP reads precision at 101 points of recall and is the mean over classes
    that have a target or a prediction; nan where none has. dAP is at least 0, but for FalsePos and FalseNeg.
    """
    variants: dict[str, dict[object, _Curve]] = {"AP50": _as_they_are(errors)}
    for kind in KINDS:
        variants[f"dAP_{kind}"] = _mended(errors, kind)
    variants["dAP_FalsePos"] = _mended(errors, None, perfect_precision=True)
    variants["dAP_FalseNeg"] = _mended(errors, None, perfect_recall=True)

    def measure(weights: Weights) -> dict[str, Any]:
        ap = {name: _mean_ap(curves, weights) for name, curves in variants.items()}
        gained = {name: values - ap["AP50"] for name, values in ap.items() if name != "AP50"}
        for kind in KINDS:
            gained[f"dAP_{kind}"] = np.maximum(gained[f"dAP_{kind}"], 0.0)
        return {"AP50": ap["AP50"], **gained}

    return measure


def _examine(errors: Errors, index: int, scene: Scene) -> None:
    order = np.argsort(-scene.scores, kind="stable")[:MAX_DETECTIONS].tolist()
    same = np.array([[c == t for t in scene.target_classes] for c in scene.classes], dtype=bool)
    same = same.reshape(scene.iou.shape)
    own, other = scene.iou * same, scene.iou * ~same
    free = own.copy()
    taken = np.zeros(len(scene.target_classes), dtype=bool)
    wrong = []
    for n in order:
        best = int(free[n].argmax()) if len(taken) else -1
        hit = best >= 0 and free[n, best] >= POSITIVE
        errors.ranked.append((index, n, hit))
        if hit:
            taken[best] = True
            free[:, best] = 0.0
            errors.correct.append((index, n))
        else:
            wrong.append(n)
    for n in wrong:
        errors.found.append(_name(index, n, scene, own[n], other[n], taken))
        _note_mending(errors, errors.found[-1], taken)
    for t, target_class in enumerate(scene.target_classes):
        if not taken[t] and target_class is not NOT_ASKED_FOR:
            errors.unmatched.append((index, t))
            if (index, t) not in errors.mended_by:
                errors.found.append(Error("Miss", index, target=t))


def _name(
    index: int, n: int, scene: Scene, own: NDArray[np.float64], other: NDArray[np.float64], taken: NDArray[np.bool_]
) -> Error:
    """The error of a prediction that is not a true positive; own, other: `[T]` IoU with its and with other classes."""
    if len(taken) == 0:
        return Error("Bkg", index, n)
    if BACKGROUND <= own.max() <= POSITIVE:
        return Error("Loc", index, n, int(own.argmax()))
    if other.max() >= POSITIVE:
        return Error("Cls", index, n, int(other.argmax()))
    if (own * taken).max() >= POSITIVE:
        return Error("Dupe", index, n)
    if scene.iou[n].max() <= BACKGROUND:
        return Error("Bkg", index, n)
    return Error("Both", index, n)


def _note_mending(errors: Errors, error: Error, taken: NDArray[np.bool_]) -> None:
    if error.target is None or error.prediction is None or taken[error.target]:
        return
    key = (error.scene, error.target)
    scores = errors.scenes[error.scene].scores
    if key not in errors.mended_by or scores[errors.mended_by[key]] < scores[error.prediction]:
        errors.mended_by[key] = error.prediction


@dataclass(frozen=True, eq=False)
class _Curve:
    """P predictions of one class by falling score."""

    scene: NDArray[np.int64]
    """`[P]`"""
    correct: NDArray[np.bool_]
    """`[P]`"""
    targets: NDArray[np.int64]
    """`[scenes]` targets to be found"""
    ties: NDArray[np.int64] | None = None
    """`[P]` the same number for equal scores; None where no two are equal"""


class _Points:
    """Collects the predictions and the targets of each class."""

    def __init__(self, errors: Errors) -> None:
        self.scenes = errors.scenes
        self.points: dict[object, list[tuple[float, int, bool]]] = {}
        self.targets: dict[object, NDArray[np.int64]] = {}
        for index, scene in enumerate(errors.scenes):
            for target_class in scene.target_classes:
                if target_class is not NOT_ASKED_FOR:
                    self.add_target(index, target_class, 1)

    def add_target(self, scene: int, target_class: object, count: int) -> None:
        zeros = np.zeros(len(self.scenes), dtype=np.int64)
        self.targets.setdefault(target_class, zeros)[scene] += count

    def add(self, scene: int, prediction: int, as_class: object, correct: bool, score: float | None = None) -> None:
        score = float(self.scenes[scene].scores[prediction]) if score is None else score
        self.points.setdefault(as_class, []).append((score, scene, correct))

    def curves(self) -> dict[object, _Curve]:
        return {c: self._curve(c) for c in dict.fromkeys([*self.targets, *self.points])}

    def _curve(self, of: object) -> _Curve:
        # stable: of equal scores the one that was added first ranks first, as in the official code
        points = sorted(self.points.get(of, []), key=lambda point: -point[0])
        correct = np.array([right for _, _, right in points], dtype=bool)
        return _Curve(
            scene=np.array([scene for _, scene, _ in points], dtype=np.int64),
            correct=correct,
            targets=self.targets.get(of, np.zeros(len(self.scenes), dtype=np.int64)),
            ties=tie_groups(np.array([score for score, _, _ in points], dtype=np.float64), correct),
        )


def _as_they_are(errors: Errors) -> dict[object, _Curve]:
    points = _Points(errors)
    for scene, prediction, correct in errors.ranked:
        points.add(scene, prediction, errors.scenes[scene].classes[prediction], correct)
    return points.curves()


def _mended(
    errors: Errors, kind: Kind | None, perfect_precision: bool = False, perfect_recall: bool = False
) -> dict[object, _Curve]:
    """The curves with all errors of a kind mended.

    The best-scored Loc or Cls error about a target becomes a true positive of the target's class and the others
    vanish, as all Dupe, Bkg and Both do; a Miss takes its target away. `perfect_precision` scores true positives 1 and
    the rest 0, `perfect_recall` takes all unmatched targets away.
    """
    points = _Points(errors)
    for error in errors.found:
        scene = errors.scenes[error.scene]
        if error.prediction is None:
            if error.kind == kind and error.target is not None:
                points.add_target(error.scene, scene.target_classes[error.target], -1)
        elif error.kind != kind:
            score = 0.0 if perfect_precision else None
            points.add(error.scene, error.prediction, scene.classes[error.prediction], False, score)
        elif error.target is not None and errors.mended_by.get((error.scene, error.target)) == error.prediction:
            target_class = scene.target_classes[error.target]
            if target_class is not NOT_ASKED_FOR:
                points.add(error.scene, error.prediction, target_class, True)
    for index, prediction in errors.correct:
        score = 1.0 if perfect_precision else None
        points.add(index, prediction, errors.scenes[index].classes[prediction], True, score)
    if perfect_recall:
        for index, target in errors.unmatched:
            points.add_target(index, errors.scenes[index].target_classes[target], -1)
    return points.curves()


def _mean_ap(curves: Mapping[object, _Curve], weights: Weights) -> NDArray[np.float64]:
    """Mean over the classes with a target or a prediction, `[D]`; nan where there is none."""
    total, classes = np.zeros(weights.shape[1]), np.zeros(weights.shape[1])
    for curve in curves.values():
        targets = curve.targets @ weights
        drawn = np.take(weights, curve.scene, axis=0)
        if curve.ties is not None and is_drawn(weights):
            draws = zip(curve_draws(curve, curve.ties, weights), targets, strict=True)
            total += np.concatenate([_ap(one, np.ones((len(one.scene), 1), np.int64), n[None]) for one, n in draws])
        else:
            total += _ap(curve, drawn, targets)
        classes += (targets > 0) | (drawn.sum(axis=0) > 0)
    return np.divide(total, classes, out=np.full_like(total, np.nan), where=classes > 0)


def curve_draws(curve: _Curve, ties: NDArray[np.int64], weights: Weights) -> Iterator[_Curve]:
    """The curve of each draw, its equal scores in the order of the draw."""
    for column in weights.T:
        rows = order_of_draw(ties, curve.scene, column)
        yield _Curve(curve.scene[rows], curve.correct[rows], curve.targets)


def _ap(curve: _Curve, drawn: NDArray[np.integer], targets: NDArray[np.integer]) -> NDArray[np.float64]:
    """drawn: `[P, D]`, targets: `[D]`; 0 without targets."""
    average = np.zeros(drawn.shape[1])
    hits = np.cumsum(drawn * curve.correct[:, None], axis=0)
    ranked = np.cumsum(drawn, axis=0)
    points = np.arange(101) / 100
    for d in np.flatnonzero(targets > 0):
        precision = hits[:, d] / np.maximum(ranked[:, d], 1)
        envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
        average[d] = envelope[np.searchsorted(hits[:, d] / targets[d], points, side="left")].sum() / 101
    return average
