"""Answers that someone else's system gave, as JSON lines: one object for each sample.

    {"sample_id": "17", "instances": [{"mask": {"size": [h, w], "counts": "..."}, "score": 0.9, "box": [x, y, w, h]}],
     "rejected": false}

`sample_id` is the position of the sample in the annotation file, in reading order, from 0, as text or as a whole number
(`"17"`, 17, 17.0). `rejected` says that nothing answers the instruction; without it, having no instance says so. `box`
is optional, in pixels; where the benchmark has boxes only, it may stand without `mask`. Nothing is guessed: whatever is
not exactly this is refused with file, line and sample. A file that is one list is read as COCO's results
(`workbench.systems.coco_results`).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.benchmarks.reading import box_of_sides
from workbench.data.boxes import rectangle
from workbench.data.errors import ConfigurationError, SampleError, short
from workbench.data.ids import whole_number
from workbench.data.json_objects import once_each
from workbench.data.masks import check_pairs
from workbench.data.opening import open_file
from workbench.data.predictions import Instance, Prediction
from workbench.data.samples import Sample, most_masks
from workbench.systems import coco_results

SHOWN = 5
"""Samples that one message names."""
MAX_LINE = 2**25
"""Bytes of one line; an answer of a thousand detailed masks has a tenth of that."""


def read_predictions(path: Path, samples: Sequence[Sample], missing_as_empty: bool = False) -> list[Prediction]:
    """One prediction for each sample, in the order of the samples.

    `missing_as_empty`: a sample that the file does not have counts as answered with no instance. Raises
    `ConfigurationError` for a file that cannot be read, a line that is not as this module describes, a mask that does
    not fit its image, and missing, double or unknown samples.
    """
    if coco_results.is_results(path):
        return coco_results.read_predictions(path, samples)
    known = {sample.sample_id: sample for sample in samples}
    by_id: dict[str, Prediction] = {}
    lines: dict[str, int] = {}
    for number, line in _lines(path):
        where = f"{path}: line {number}"
        try:
            answer = prediction(_parsed(line, where), known, where)
        except SampleError as error:
            raise ConfigurationError(str(error)) from error
        name = answer.sample_id
        if name in by_id:
            raise ConfigurationError(f"{where}: sample {name!r} was answered before, in line {lines[name]}")
        by_id[name], lines[name] = answer, number
    missing = [name for name in known if name not in by_id]
    if missing and not missing_as_empty:
        listed = ", ".join(map(repr, missing[:SHOWN])) + (", ..." if len(missing) > SHOWN else "")
        raise ConfigurationError(
            f"{path}: {len(missing)} of {len(known)} samples have no prediction: sample {listed}; "
            "add them, or count them as empty answers with --missing-as-empty"
        )
    return [by_id.get(name) or Prediction(name) for name in known]


def read_records(path: Path) -> dict[str, tuple[int, dict[str, Any]]]:
    """Line number and unchecked record by sample id, where the samples are not known yet; see `prediction`.

    Raises `ConfigurationError` for a file that cannot be read, a line that is not an object with a `sample_id`, and
    two lines about one sample.
    """
    by_id: dict[str, tuple[int, dict[str, Any]]] = {}
    for number, line in _lines(path):
        where = f"{path}: line {number}"
        try:
            record = _parsed(line, where)
            name = _sample_id(record, where)
        except SampleError as error:
            raise ConfigurationError(str(error)) from error
        if name in by_id:
            raise ConfigurationError(f"{where}: sample {name!r} was answered before, in line {by_id[name][0]}")
        by_id[name] = number, record
    return by_id


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Number and content of every line that is not empty."""
    try:
        with open_file(path) as file:
            for number, line in enumerate(iter(lambda: file.readline(MAX_LINE + 1), b""), 1):
                if len(line) > MAX_LINE:
                    raise ConfigurationError(
                        f"{path}: line {number}: {_named(line)}expected one answer in at most {MAX_LINE} bytes, "
                        "got a longer line"
                    )
                if line.strip():
                    yield number, line
    except OSError as error:
        raise ConfigurationError(f"predictions file {path} cannot be read: {error.strerror}") from error


def _parsed(line: bytes, where: str) -> Any:
    try:
        return json.loads(line.decode("utf-8-sig"), object_pairs_hook=once_each, parse_constant=_refused)
    except (ValueError, RecursionError, MemoryError) as error:
        what = "it nests too deeply" if isinstance(error, RecursionError) else error
        raise SampleError(f"{where}: {_named(line)}expected one JSON object, in UTF-8: {what}") from error


def _named(line: bytes) -> str:
    """The sample that a broken line is about, if that can still be read."""
    named = re.search(rb'"sample_id"\s*:\s*(?:"([^"\\]{1,80})"|(\d{1,18}))', line[:100_000])
    return f"sample {(named[1] or named[2]).decode('utf-8', 'replace')!r}: " if named else ""


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def _sample_id(record: object, where: str) -> str:
    if not isinstance(record, dict):
        raise SampleError(f"{where}: expected an object {{sample_id, instances}}, got {short(record)}")
    if "sample_id" not in record:
        raise SampleError(
            f"{where}: expected the key `sample_id`, got {short(list(record))}: a file is either JSON lines "
            "{sample_id, instances}, or one JSON list of COCO results {image_id, category_id, segmentation, score}"
        )
    name = record["sample_id"]
    if isinstance(name, str):
        return name
    number = whole_number(name)
    if number is None:
        raise SampleError(
            f'{where}: expected `sample_id` to be a text such as "17" or a whole number, got {short(name)}'
        )
    return str(number)


def prediction(record: Any, known: Mapping[str, Sample], where: str) -> Prediction:
    """The prediction of a parsed line about one of the `known` samples; raises `SampleError` for anything else."""
    name = _sample_id(record, where)
    where = f"{where}: sample {short(name)}"
    if name not in known:
        raise SampleError(f"{where}: {unknown_sample(known)}")
    _check_keys(record, ("sample_id", "instances"), ("rejected",), where)
    instances, rejected = record["instances"], record.get("rejected")
    if not isinstance(instances, list):
        raise SampleError(f"{where}: expected `instances` to be a list, got {short(instances)}")
    if rejected is not None and not isinstance(rejected, bool):
        raise SampleError(f"{where}: expected `rejected` to be true or false, got {short(rejected)}")
    sample = known[name]
    try:
        check_pairs(len(instances), most_masks(sample))
    except SampleError as error:
        raise SampleError(f"{where}: {error}") from error
    read = tuple(_instance(value, sample, f"{where}: instance {i}") for i, value in enumerate(instances))
    return Prediction(name, read, rejected=rejected)


def _instance(value: object, sample: Sample, where: str) -> Instance:
    if not isinstance(value, dict):
        raise SampleError(f"{where}: expected an object {{mask, score}}, got {short(value)}")
    boxed = sample.only_boxes and "box" in value
    _check_keys(value, ("box", "score") if boxed else ("mask", "score"), ("mask",) if boxed else ("box",), where)
    mask, score, box = value.get("mask"), value["score"], value.get("box")
    if not (boxed and mask is None) and (not isinstance(mask, dict) or set(mask) != {"size", "counts"}):
        raise SampleError(f"{where}: expected `mask` to be a COCO RLE {{size, counts}}, got {short(mask)}")
    if type(score) not in (int, float) or not 0 <= score <= 1:
        raise SampleError(f"{where}: expected `score` to be a number from 0 to 1, got {short(score)}")
    own = None if box is None else box_of_sides(box, f"{where}: box")
    if mask is None and own is not None:
        return Instance(rectangle(own, sample.height, sample.width), float(score), own)
    return Instance(coco_results.mask_of(mask, sample, f"{where}: mask"), float(score), own)


def _check_keys(record: Mapping[str, object], needed: Sequence[str], optional: Sequence[str], where: str) -> None:
    for key in needed:
        if key not in record:
            raise SampleError(f"{where}: expected the key `{key}`, got {short(list(record))}")
    for key in record:
        if key not in needed and key not in optional:
            raise SampleError(
                f"{where}: expected no other keys than {', '.join((*needed, *optional))}, got {short(key)}"
            )


def unknown_sample(known: Mapping[str, Sample]) -> str:
    """What is wrong with an answer to something that is none of the `known` samples."""
    if not known:
        return "the annotations have no samples"
    first, *_, last = [*known, *known]
    return f"the annotations have no such sample; theirs are {first!r} to {last!r}, by position in the file from 0"
