"""COCO's AP and AR of instance files as they are: annotations and detections as in COCO's own JSON.

Three engines give the same numbers: `hotcoco`, the fastest and the usual one, `pycocotools`, the official code, and
`workbench` (`workbench.metrics.coco`), whose measure also takes weights.
"""

import copy
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from workbench.data.errors import ConfigurationError
from workbench.data.masks import areas, from_annotation
from workbench.metrics.coco import average_precision
from workbench.metrics.coco_matching import Cell
from workbench.metrics.statistics import estimate

Engine = Literal["workbench", "pycocotools", "hotcoco"]
IouType = Literal["segm", "bbox"]
NAMES = (
    *("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"),
    *("AR@1", "AR@10", "AR@100", "AR_small", "AR_medium", "AR_large"),
)
Entry = Mapping[str, Any]


def evaluate_files(
    truth: Mapping[str, Any],
    detections: Sequence[Entry],
    iou_type: IouType = "segm",
    engine: Engine = "hotcoco",
) -> dict[str, float | None]:
    """The twelve numbers of COCO's summary as fractions; None where no target is in the range (officially -1).

    truth: `{images, annotations, categories}`, detections: a list of `{image_id, category_id, segmentation, bbox,
    score}`, both checked no further than COCO's own code does. As there, the area of a detection is that of its box
    where the first detection has one, else of its mask, and an annotation of id 0 can be taken but not found: files
    with one are evaluated by `workbench` in place of `hotcoco`, which has not copied that. Raises `ConfigurationError`
    for an unknown engine.
    """
    if engine not in get_args(Engine):
        raise ConfigurationError(f"expected an engine among {', '.join(get_args(Engine))}, got {engine!r}")
    if engine == "workbench" or (engine == "hotcoco" and any(one.get("id") == 0 for one in truth["annotations"])):
        ranked = cells(truth, detections, iou_type)
        stats = estimate(average_precision(ranked), len(ranked))
        return {name: None if np.isnan(stats[name]) else stats[name] for name in NAMES}
    numbers = _hotcoco(truth, detections, iou_type) if engine == "hotcoco" else _official(truth, detections, iou_type)
    return {name: None if value < 0 else float(value) for name, value in zip(NAMES, numbers, strict=True)}


def cells(truth: Mapping[str, Any], detections: Sequence[Entry], iou_type: IouType = "segm") -> list[Cell]:
    """Every category in every image, in the order of their ids, as COCO's code goes through them."""
    key = {"segm": "segmentation", "bbox": "bbox"}[iou_type]
    boxed = bool(detections) and bool(detections[0].get("bbox"))
    sizes = {image["id"]: (image.get("height"), image.get("width")) for image in truth["images"]}
    wanted, answers = _by_cell(truth["annotations"]), _by_cell(detections)
    sizes_found = _areas(detections, boxed)
    ranked = []
    for image in sorted(sizes):
        for category in sorted(entry["id"] for entry in truth["categories"]):
            targets = [truth["annotations"][i] for i in wanted[image, category]]
            predicted = [detections[i] for i in answers[image, category]]
            crowd = [int(target.get("iscrowd", 0)) for target in targets]
            ranked.append(
                Cell(
                    category=category,
                    scores=np.array([one["score"] for one in predicted], dtype=np.float64),
                    areas=sizes_found[answers[image, category]],
                    iou=_iou(
                        [_shape(one, key, sizes[image]) for one in predicted],
                        [_shape(one, key, sizes[image]) for one in targets],
                        crowd,
                    ),
                    target_areas=np.array([target["area"] for target in targets], dtype=np.float64),
                    crowd=np.array(crowd, dtype=bool),
                    unmatchable=tuple(place for place, target in enumerate(targets) if target.get("id") == 0),
                )
            )
    return ranked


def _by_cell(entries: Sequence[Entry]) -> dict[tuple[int, int], list[int]]:
    """The places of the entries of each image and category."""
    by_cell: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place, entry in enumerate(entries):
        by_cell[entry["image_id"], entry["category_id"]].append(place)
    return by_cell


def _areas(detections: Sequence[Entry], boxed: bool) -> NDArray[np.float64]:
    if boxed:
        return np.array([one["bbox"][2] * one["bbox"][3] for one in detections], dtype=np.float64)
    return np.array(areas([one["segmentation"] for one in detections]), dtype=np.float64)


def _shape(entry: Entry, key: str, size: tuple[int, int]) -> Any:
    """A mask as a compressed RLE, or a box; the box of a mask where the entry has none."""
    if key == "bbox":
        return entry.get("bbox") or list(coco.toBbox(entry["segmentation"]))
    mask = entry["segmentation"]
    if isinstance(mask, dict) and isinstance(mask["counts"], str | bytes):
        return mask
    return from_annotation(mask, *size, f"annotation {entry.get('id')}")


def _iou(predicted: list[Any], targets: list[Any], crowd: list[int]) -> NDArray[np.float64]:
    if not predicted or not targets:
        return np.zeros((len(predicted), len(targets)))
    return np.asarray(coco.iou(predicted, targets, crowd), dtype=np.float64)


def _official(truth: Mapping[str, Any], detections: Sequence[Entry], iou_type: IouType) -> Sequence[float]:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with redirect_stdout(io.StringIO()):
        annotated = COCO()
        annotated.dataset = copy.deepcopy(dict(truth))  # it writes into what it is given
        annotated.createIndex()
        run = COCOeval(annotated, _results(annotated, detections, COCO), iou_type)
        run.evaluate()
        run.accumulate()
        run.summarize()
    return list(run.stats)


def _results(annotated: Any, detections: Sequence[Entry], empty: Any) -> Any:
    """`loadRes`, which cannot read an empty list."""
    return annotated.loadRes(copy.deepcopy(list(detections))) if detections else empty()


def _hotcoco(truth: Mapping[str, Any], detections: Sequence[Entry], iou_type: IouType) -> Sequence[float]:
    from hotcoco import COCO, COCOeval

    annotated = COCO(dict(truth))
    run = COCOeval(annotated, annotated.load_res([dict(one) for one in detections]), iou_type)
    run.evaluate()
    run.accumulate()
    with redirect_stdout(io.StringIO()):
        run.summarize()
    return list(run.stats)
