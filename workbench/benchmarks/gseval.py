"""GSEval of GroundingSuite: captions of stuff, parts, several or single objects (layout: hustvl/GroundingSuite).

`GroundingSuite-Eval.jsonl` has one row `{idx, image_path, class_id, label, caption, box, segmentation}` for each
caption: `box` holds corners in pixels, `segmentation` one RLE of all that is asked for.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from workbench.benchmarks.annotated import Annotated
from workbench.benchmarks.json_stream import Listed
from workbench.benchmarks.options import Annotations, Images, Protocol
from workbench.benchmarks.reading import (
    ImageFolder,
    box_of_corners,
    existing,
    kept,
    mask_with_size,
    numbered,
    read_bytes,
    text_of,
    unusable,
    whole_ids,
)
from workbench.data.errors import ConfigurationError, SampleError, short
from workbench.data.ids import Ids
from workbench.data.json_objects import once_each
from workbench.data.remarks import Remark
from workbench.data.samples import Sample
from workbench.plugins.interfaces import reads_files

KINDS = {1: "stuff", 2: "part", 3: "multi", 4: "single"}
"""Names of `class_id`"""


@reads_files("gseval/official", "gseval/strict", skips_missing_images=["gseval/official"])
def gseval(
    annotations: Annotations = "data/GroundingSuite-Eval.jsonl",
    images: Images = "data/images",
    protocol: Protocol = "gseval/official",
) -> Annotated:
    """GSEval from its published file; `images` holds the folder `unlabeled2017` of COCO."""
    path, root = existing("gseval", annotations, images)

    def remarks() -> list[Remark]:
        return [Remark(path, note, mended=True) for note in _rows(path)[1]]

    facts = {"split": "eval"}
    return Annotated("gseval", protocol, (path,), root or path.parent, lambda: read(path, root), facts, remarks)


def read(annotations: Path, images: Path | None) -> Iterator[Sample]:
    """Read the published file; samples are numbered by row, empty lines left out.

    `targets` is one mask, also where several objects are asked for, `boxes` its annotated box where the row has one,
    `kind` stuff, part, multi or single; `facts` are `idx`, `class_id` and `label`. Raises `ConfigurationError` for a
    file none of whose rows is a JSON object.
    """
    parsed, _ = _rows(annotations)
    folder = ImageFolder(images, annotations.parent)
    if parsed and not any(isinstance(row, dict) for row in parsed):
        raise ConfigurationError(f"{annotations}: expected JSON lines {{idx, image_path, caption, ...}}, found none")
    samples = (_sample(row, f"row {i}", folder) for i, row in enumerate(parsed))
    return numbered(samples, annotations.name)


def _rows(annotations: Path) -> tuple[Listed, list[str]]:
    """The rows of a file, with whole ids, and remarks about ids that were mended."""
    rows, ids = [_parsed(row) for row in read_bytes(annotations).splitlines() if row.strip()], Ids()
    return whole_ids(rows, "row", ("idx", "class_id"), ids), ids.notes()


def _parsed(row: bytes) -> object:
    """The JSON value of a row. A row that is not JSON stays as bytes."""
    try:
        return json.loads(row, object_pairs_hook=once_each)
    except (ValueError, RecursionError, MemoryError):
        return row


def _sample(row: object, where: str, images: ImageFolder) -> Sample:
    if not isinstance(row, dict):
        return unusable(f"{where}: expected {{idx, image_path, class_id, caption, ...}}, got {short(row)}", images)
    try:
        path = images.place(row.get("image_path"), f"{where}: image_path")
        caption = text_of(row.get("caption"), f"{where}: caption")
        kind = row.get("class_id")
        if type(kind) is not int:
            raise SampleError(f"{where}: expected `class_id` to be a whole number, got {short(kind)}")
        mask, height, width = mask_with_size(row.get("segmentation"), f"{where}: segmentation")
        box = row.get("box")
        boxes = () if box is None else (box_of_corners(box, f"{where}: box"),)
    except SampleError as error:
        return unusable(str(error), images)
    known = Sample("", row["image_path"], path, width, height, caption, targets=(mask,), boxes=boxes)
    return replace(known, kind=KINDS.get(kind, f"class {kind}"), facts=kept(row, ["idx", "class_id", "label"]))
