"""Asks one system to answer a batch of samples: loads the images, takes the time, checks the answers, and turns every
failure into an outcome.
"""

import json
import random
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from workbench.data import masks
from workbench.data.alarm import interrupted_after
from workbench.data.choices import Choice, check_choice
from workbench.data.errors import ConfigurationError, SampleError, no_memory, no_room, said, short
from workbench.data.predictions import BAD_SAMPLE, CRASHED, Call, Candidate, Instance, Note, Prediction
from workbench.data.samples import Sample, most_masks
from workbench.data.secrets import hide
from workbench.data.vocabulary import CALL_KINDS, DROP_REASONS, MISTAKES, OUTCOMES, is_own_name
from workbench.plugins.interfaces import Image, System
from workbench.workers.machine import Clock, Spent

Mode = Literal["latency", "throughput"]


@dataclass(frozen=True)
class Options:
    """How samples are asked. `limit`: ask only so many samples. `seed`: before every answer, the random
    generators are seeded from this and the sample id, so that a continued run draws the same numbers as an
    uninterrupted one. `time_limit`: seconds for one sample; after that, Python code in the main thread is interrupted.
    `repeats`: how often the systems are asked each sample again, in turns, to compare their times. `sample`: whether
    `limit` takes the first samples or random ones, which the seed decides.
    """

    limit: int | None = None
    mode: Mode = "latency"
    seed: int = 0
    time_limit: float | None = None
    repeats: int = 0
    sample: Choice = "first"

    def __post_init__(self) -> None:
        if self.limit is not None and (type(self.limit) is not int or self.limit < 1):
            raise ConfigurationError(f"limit must be a whole number of at least 1, got {self.limit!r}")
        if type(self.seed) is not int:
            raise ConfigurationError(f"seed must be a whole number, got {self.seed!r}")
        if self.mode not in get_args(Mode):
            raise ConfigurationError(f"mode must be one of {', '.join(get_args(Mode))}, got {self.mode!r}")
        if self.time_limit is not None and not (type(self.time_limit) in (int, float) and self.time_limit > 0):
            raise ConfigurationError(f"time limit must be above 0 seconds, got {self.time_limit!r}")
        if self.time_limit is not None and threading.current_thread() is not threading.main_thread():
            raise ConfigurationError("a time limit can be kept in the main thread only")
        if type(self.repeats) is not int or self.repeats < 0:
            raise ConfigurationError(f"repeats must be a whole number of at least 0, got {self.repeats!r}")
        if self.repeats and self.mode != "latency":
            raise ConfigurationError("repeats compare times: expected mode latency, got throughput")
        check_choice(self.limit, self.sample)


@dataclass(frozen=True)
class Answer:
    """A checked prediction and the seconds it took. In a batch, each answer has an equal share of the time.

    `no_memory`: it failed because this process could have no more memory.
    """

    prediction: Prediction
    seconds: float
    no_memory: bool = False


def answer(system: System, batch: Sequence[Sample], options: Options) -> list[Answer]:
    """One answer per sample, in order. An error of a sample or of the system becomes an outcome. Only one that a full
    disk caused is raised: it says nothing of either.
    """
    answers: dict[str, Answer] = {}
    usable: list[tuple[Sample, Image]] = []
    for sample in batch:
        try:
            usable.append((sample, load(sample)))
        except SampleError as error:
            answers[sample.sample_id] = failure(sample, BAD_SAMPLE, str(error), 0.0)
    for one in _together(system, usable, options) if len(usable) > 1 else _alone(system, usable, options):
        answers[one.prediction.sample_id] = one
    return [answers[sample.sample_id] for sample in batch]


def answer_loaded(system: System, sample: Sample, image: Image, options: Options) -> Answer:
    """The answer to one sample whose image is in memory already; errors become outcomes as in `answer`."""
    return _alone(system, [(sample, image)], options)[0]


def load(sample: Sample) -> Image:
    """The image of a sample; raises `SampleError` for a sample that cannot be asked."""
    if sample.problem:
        raise SampleError(sample.problem)
    if not sample.instruction.strip():
        raise SampleError("the instruction is empty")
    return sample.load_image()


def is_timed(system: System) -> bool:
    """Whether the system's answers are timed; see `workbench.plugins.interfaces.System`."""
    return bool(getattr(system, "timed", True))


def _alone(system: System, usable: Sequence[tuple[Sample, Image]], options: Options) -> list[Answer]:
    answers = []
    for sample, image in usable:
        result, spent = _predict(system, [sample], [image], options)
        if isinstance(result, _Failed):
            one = failure(sample, result.outcome, result.message, spent.seconds, result.no_memory)
        else:
            one = Answer(result[0], spent.seconds)
        # a crash has no latency, as a system that fails early would look fast; nor has a resumed answer
        whole = one.prediction.outcome != CRASHED and not one.prediction.resumed
        timed = whole and options.mode == "latency" and is_timed(system)
        times = (spent.seconds, spent.processor, spent.waited) if timed else (None, None, None)
        answers.append(replace(one, prediction=_with_times(one.prediction, *times)))
    return answers


def _together(system: System, usable: Sequence[tuple[Sample, Image]], options: Options) -> list[Answer]:
    samples = [sample for sample, _ in usable]
    result, spent = _predict(system, samples, [image for _, image in usable], options)
    share = spent.seconds / len(usable)
    if isinstance(result, _Failed):
        # the time that the failed batch took is time the system worked
        return [replace(one, seconds=one.seconds + share) for one in _alone(system, usable, options)]
    return [Answer(without_times(prediction), share) for prediction in result]


def _with_times(
    prediction: Prediction, latency: float | None = None, processor: float | None = None, waited: float | None = None
) -> Prediction:
    return replace(prediction, latency=latency, processor=processor, waited=waited)


@dataclass(frozen=True)
class _Failed:
    outcome: str
    message: str
    no_memory: bool = False


def _predict(
    system: System, samples: list[Sample], images: list[Image], options: Options
) -> tuple[list[Prediction] | _Failed, Spent]:
    """The checked predictions, or the reason why there are none, and what `predict` took."""
    set_generators(options.seed, samples[0].sample_id)
    seconds_allowed = options.time_limit and options.time_limit * len(samples)
    clock = Clock(waits=options.mode == "latency")
    try:
        with deadline(seconds_allowed):
            predictions = system.predict(samples, images)
        spent = clock.read()
        return checked(predictions, samples), spent
    except OutOfTimeError:
        return _Failed("timed_out", f"no answer within {seconds_allowed:g} s"), clock.read()
    except SampleError as error:
        return _Failed(CRASHED, f"unusable answer: {error}"), clock.read()
    except (Exception, SystemExit) as error:  # a system that ends the program fails on its samples, as a crash does
        if no_room(error):
            raise
        return _Failed(CRASHED, described(error), no_memory(error)), clock.read()


def without_times(prediction: Prediction) -> Prediction:
    """The prediction of a sample that was not timed alone."""
    return _with_times(prediction)


def failure(sample: Sample, outcome: str, message: str, seconds: float, no_memory: bool = False) -> Answer:
    """The answer to a sample that failed, with keys hidden from the message."""
    return Answer(Prediction(sample.sample_id, outcome=outcome, message=hide(message)[:2000]), seconds, no_memory)


def described(error: BaseException) -> str:
    """What an error says, and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{said(error)}{where}"


def checked(predictions: object, samples: Sequence[Sample]) -> list[Prediction]:
    """Raise `SampleError` for a prediction that the metrics or the store cannot take."""
    if not isinstance(predictions, list) or len(predictions) != len(samples):
        raise SampleError(f"expected a list of {len(samples)} predictions, got {_shape(predictions)}")
    for prediction, sample in zip(predictions, samples, strict=True):
        if not isinstance(prediction, Prediction) or prediction.sample_id != sample.sample_id:
            raise SampleError(f"expected the prediction of sample {sample.sample_id}, got {_shape(prediction)}")
        if prediction.outcome not in OUTCOMES:
            raise SampleError(f"expected one of the outcomes {', '.join(OUTCOMES)}, got {prediction.outcome!r}")
        _check_masks("instance", Instance, prediction.instances, sample)
        _check_masks("candidate", Candidate, prediction.candidates, sample)
        for index, candidate in enumerate(prediction.candidates):
            _check_name(f"candidate {index}: dropped", candidate.dropped, DROP_REASONS)
        _check_calls(prediction.calls)
        try:
            written = json.dumps(prediction.to_json(), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise SampleError(f"the prediction cannot be written as JSON: {error}") from error
        Prediction.from_json(json.loads(written))  # what cannot be read back could never be scored
    return predictions


def _check_masks(what: str, kind: type[Instance | Candidate], given: object, sample: Sample) -> None:
    if not isinstance(given, tuple | list):
        raise SampleError(f"expected a sequence of {what}s, got {_shape(given)}")
    masks.check_pairs(len(given), most_masks(sample))
    for index, item in enumerate(given):
        if not isinstance(item, kind):
            raise SampleError(f"{what} {index}: expected {kind.__name__}, got {_shape(item)}")
        if masks.from_annotation(item.mask, sample.height, sample.width, f"{what} {index}") != item.mask:
            raise SampleError(f"{what} {index}: the mask RLE is not compressed")
        if not 0 <= item.score <= 1:
            raise SampleError(f"{what} {index}: expected a score in [0, 1], got {item.score}")


def _check_calls(calls: object) -> None:
    if not isinstance(calls, tuple | list):
        raise SampleError(f"expected a sequence of calls, got {_shape(calls)}")
    for index, call in enumerate(calls):
        if not isinstance(call, Call):
            raise SampleError(f"call {index}: expected Call, got {_shape(call)}")
        if not isinstance(call.note, Note):
            raise SampleError(f"call {index}: expected its note to be a Note, got {_shape(call.note)}")
        _check_name(f"call {index}: kind", call.kind, CALL_KINDS)
        if call.note.mistake is not None:
            _check_name(f"call {index}: mistake", call.note.mistake, MISTAKES)


def _check_name(what: str, name: str, known: Iterable[str]) -> None:
    """Accept a word of the vocabulary, or a name of the system's own that is allowed as a column and metric name."""
    if name not in known and not is_own_name(name):
        raise SampleError(
            f"{what}: expected {', '.join(known)}, or a name of the system's own of up to 40 letters, digits, blanks, "
            f"'_' and '-', got {short(name)}"
        )


def _shape(value: object) -> str:
    if isinstance(value, Prediction):
        return f"that of sample {value.sample_id}"
    return f"{len(value)} of them" if isinstance(value, list) else type(value).__name__


class OutOfTimeError(BaseException):
    """Not an `Exception`, so that a system that catches every `Exception` does not catch this."""


@contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """After this many seconds, interrupt the block by raising `OutOfTimeError` in it."""
    if seconds is None:
        yield
        return
    with interrupted_after(seconds, OutOfTimeError):
        yield


def set_generators(seed: int, sample_id: str) -> None:
    """Seed all random generators for a sample."""
    number = int.from_bytes(sha256(f"{seed} {sample_id}".encode()).digest()[:4], "big")
    random.seed(number)
    np.random.seed(number)
    if torch := sys.modules.get("torch"):  # the bench itself never imports it
        torch.manual_seed(number)
