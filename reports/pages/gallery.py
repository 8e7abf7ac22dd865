"""The gallery's data: every sample with its picture, truth and answers, packed for the report's script.

Masks travel as COCO run lengths at the size of the embedded picture and are decoded in the browser; a picture is
embedded once and shared by the samples that ask about it.
"""

import base64
import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from reports.pages.images import LEVELS, embed, estimated_bytes, shown_size, shrink
from workbench.data.plain import plain_value
from workbench.data.predictions import OK, Call, Prediction, Sent
from workbench.data.samples import Sample
from workbench.failures.taxonomy import Diagnosis, diagnose
from workbench.metrics.overlaps import SampleOverlap

TOTAL_BYTES = 9_200_000
"""What pictures and data may take together in the page, after base64."""
DATA_BYTES = 5_000_000
MAX_SAMPLES = 3_000
NOTE_CHARACTERS = 600
MAX_CALLS, MAX_DROPPED = 40, 12
"""Per answer; what is beyond is counted, not shown."""
FEW_SAMPLES, MAX_DROPPED_OF_FEW = 500, 32
"""So few samples have room for every slot of two noun phrases."""


@dataclass(frozen=True)
class Answer:
    """One system's answer to one sample. `diagnosis` and `iou` are None where the annotation is unusable, and without
    truth."""

    prediction: Prediction
    diagnosis: Diagnosis | None
    iou: float | None

    @property
    def right(self) -> bool:
        """Every target matched and nothing else."""
        return self.diagnosis is not None and self.diagnosis.sample == "exact_set"


Answers = Mapping[str, Mapping[str, Answer]]
"""By sample id and system."""


@dataclass(frozen=True)
class Gallery:
    """`packed`: base64 of gzip of the JSON that the script reads. `pictures`: data URIs, empty where left out."""

    packed: str
    pictures: list[str]
    samples: int
    samples_left_out: int

    @property
    def pictures_left_out(self) -> int:
        return sum(not picture for picture in self.pictures)


def build_gallery(
    samples: Sequence[Sample],
    predictions: Mapping[str, Sequence[Prediction]],
    table: pd.DataFrame,
    overlap: Callable[[str, int], SampleOverlap | None],
) -> Gallery:
    """Pack the samples with the answers of every system, `predictions` in the order of the samples. `table` is that of
    the run, one row for each sample and system; `overlap` gives the overlap of a system's answer to the sample at a
    place, None where it is not scored.

    Samples beyond the size limits are left out; those on which systems disagree are kept longest. Only the answers that
    may be shown are read.
    """
    dullness = _dullness(table)
    order = sorted(range(len(samples)), key=lambda place: dullness[samples[place].sample_id])[:MAX_SAMPLES]
    telling = [samples[place] for place in order]
    answers = collect_answers(samples, order, predictions, table, overlap)
    level = _choose_level(telling, answers)
    while True:
        paths = list(dict.fromkeys(sample.image_path for sample in telling))
        kept = {sample.sample_id for sample in telling}
        packed = _pack(_content([s for s in samples if s.sample_id in kept], paths, answers, level[0]))
        if len(packed) <= DATA_BYTES or len(telling) <= 1:
            pictures = embed(paths, level, TOTAL_BYTES - len(packed))
            return Gallery(packed, pictures, len(telling), len(samples) - len(telling))
        telling = telling[: max(1, int(0.95 * len(telling) * DATA_BYTES / len(packed)))]


def _choose_level(samples: Sequence[Sample], answers: Answers) -> tuple[int, int]:
    """The first of `LEVELS` at which pictures and data fit, judged by a few of them."""
    paths = list(dict.fromkeys(sample.image_path for sample in samples))
    probed = samples[:: max(1, len(samples) // 50)]
    for level in LEVELS:
        data = _pack(_content(probed, [sample.image_path for sample in probed], answers, level[0]))
        if estimated_bytes(paths, level) + len(data) * len(samples) / len(probed) <= 0.95 * TOTAL_BYTES:
            return level
    return LEVELS[-1]


def collect_answers(
    samples: Sequence[Sample],
    places: Sequence[int],
    predictions: Mapping[str, Sequence[Prediction]],
    table: pd.DataFrame,
    overlap: Callable[[str, int], SampleOverlap | None],
) -> Answers:
    """Every system's answer to the samples at these places, with its IoU of the table and what went wrong in it."""
    chosen = {samples[place].sample_id for place in places}
    ious = table[table["sample_id"].isin(chosen)].set_index(["system", "sample_id"])["iou"].to_dict()
    answers: dict[str, dict[str, Answer]] = {sample_id: {} for sample_id in chosen}
    for system, own in predictions.items():
        for place in sorted(places):
            prediction, found = own[place], overlap(system, place)
            answers[prediction.sample_id][system] = (
                Answer(prediction, diagnose(found), float(ious[system, prediction.sample_id]))
                if found
                else Answer(prediction, None, None)
            )
    return answers


def _dullness(table: pd.DataFrame) -> dict[str, int]:
    """By sample: 0 where systems disagree, 1 where all are wrong, 2 where all are right."""
    right = table["exact_set"].eq(True).groupby(table["sample_id"])
    some, every = right.any(), right.all()
    dullness = 1 - (some & ~every).astype(int) + every.astype(int)
    return {str(sample_id): int(value) for sample_id, value in dullness.items()}


def _content(samples: Sequence[Sample], paths: Sequence[Path], answers: Answers, side: int) -> dict[str, Any]:
    places = {path: place for place, path in enumerate(paths)}
    most = MAX_DROPPED_OF_FEW if len(answers) <= FEW_SAMPLES else MAX_DROPPED
    sizes = {sample.image_path: shown_size(sample.width, sample.height, side) for sample in samples}
    return {
        "sizes": [sizes[path] for path in paths],
        "samples": [_sample(s, places[s.image_path], answers[s.sample_id], side, most) for s in samples],
    }


def _sample(sample: Sample, picture: int, answers: Mapping[str, Answer], side: int, most: int) -> dict[str, Any]:
    return {
        "id": sample.sample_id,
        "picture": picture,
        "text": sample.instruction,
        "kind": sample.kind,
        "bin": sample.target_count,
        "problem": sample.problem,
        "truth": sample.has_truth,
        "targets": [shrink(target, side) for target in sample.targets],
        "answers": {system: _answer(answer, sample, side, most) for system, answer in answers.items()},
    }


def _answer(answer: Answer, sample: Sample, side: int, most: int) -> dict[str, Any]:
    prediction, diagnosis = answer.prediction, answer.diagnosis
    instances = prediction.instances if prediction.outcome == OK else ()
    dropped = sorted(prediction.candidates, key=lambda candidate: -candidate.score)
    return {
        "right": answer.right,
        "iou": None if answer.iou is None else round(answer.iou, 4),
        "outcome": prediction.outcome,
        "message": prediction.message[:NOTE_CHARACTERS],
        "latency": prediction.latency and round(prediction.latency, 5),
        "verdict": diagnosis and diagnosis.sample,
        "targets": diagnosis.targets if diagnosis else (),
        "instances": diagnosis.instances if diagnosis else (),
        "masks": [[shrink(instance.mask, side), round(instance.score, 4)] for instance in instances],
        "phrases": prediction.phrases,
        "calls": _calls(prediction.calls[:MAX_CALLS], sample, side),
        "more_calls": max(0, len(prediction.calls) - MAX_CALLS),
        "dropped": [[shrink(c.mask, side), round(c.score, 4), c.dropped, c.phrase] for c in dropped[:most]],
        "more_dropped": max(0, len(dropped) - most),
    }


def _calls(calls: Sequence[Call], sample: Sample, side: int) -> list[list[Any]]:
    """Kind, times, tokens and note of each call, and the parts of its request that the model had not seen before."""
    made: list[list[Any]] = []
    seen: set[Sent] = set()
    for call in calls:
        new = [part for part in call.note.sent if part not in seen]
        seen |= set(new)
        note = call.note.set_fields() | call.note.extra
        note.pop("sent", None)
        if call.note.marked:
            note["marked"] = len(call.note.marked)
        note = {key: value if isinstance(value, int | float) else _text(value) for key, value in note.items()}
        times = [round(call.start, 4), round(call.duration, 5)]
        sent = [_part(part, sample, side) for part in new]
        made.append([call.kind, *times, call.tokens_in, call.tokens_out, note, sent])
    return made


def _part(part: Sent, sample: Sample, side: int) -> dict[str, Any]:
    """A text of a request, or which masks a picture of it shows."""
    if not part.picture:
        return {"text": _text(part.text)}
    size = [sample.height, sample.width]
    return {"picture": part.picture, "masks": [shrink({"size": size, "counts": m}, side) for m in part.masks]}


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= NOTE_CHARACTERS else text[: NOTE_CHARACTERS - 1] + "…"


def _pack(content: Mapping[str, Any]) -> str:
    text = json.dumps(plain_value(content), separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode("ascii")
