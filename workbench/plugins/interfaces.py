"""What the bench asks of its plugins: the one file that the author of a plugin reads.

A plugin is an entry point of one of these groups, in the `pyproject.toml` of any package:

workbench.systems      a function that returns a `System`
workbench.benchmarks   a function that returns a `Benchmark`; `reads_files` and `generated_by` say more about it
workbench.segmenters   a function that returns a `Segmenter`
workbench.metrics      a `MetricSet`; `workbench.data.metric_info.describe` says unit, direction and formula
workbench.reporters    a `Reporter`
workbench.recipes      a `Recipe`, for `workbench train`
workbench.servers      a `Server`, for `workbench serve`
workbench.commands     a `Command`, which adds a command to `workbench`

The first docstring line of the function is what `workbench list` shows. What a function of the first three groups takes
are its options: keyword arguments, or one dataclass, with types, ranges and sentences as `workbench.plugins.options`
describes; `workbench list NAME` shows them, and `--set NAME.OPTION=VALUE` is checked against them before anything
loads. What a function returns is checked when it is made: what is missing is named, with the plugin. All that is used
here can be imported from `workbench`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from workbench.data.masks import Rle
from workbench.data.predictions import Prediction
from workbench.data.remarks import Remark
from workbench.data.samples import Sample
from workbench.plugins.marks import F
from workbench.plugins.marks import generated_by as generated_by
from workbench.plugins.marks import is_shipped as is_shipped
from workbench.plugins.marks import needs as needs
from workbench.plugins.marks import tried_by as tried_by
from workbench.plugins.options import options_of

if TYPE_CHECKING:
    from concurrent.futures import Future

    from workbench.data.conditions import Conditions

Image = NDArray[np.uint8]
"""`[H, W, 3] uint8` RGB"""


@runtime_checkable
class Generated(Protocol):
    """The entry point of a benchmark whose files can be written: `workbench generate` calls this. A function gets it
    from `generated_by`; a class has a class method.
    """

    def generate(self, out: Path, **options: Any) -> Any:
        """Write all files to the folder `out`. Its keyword arguments are the options of `workbench
        generate`. A text that it returns is shown: what was written, and how to use it."""
        ...


@dataclass(frozen=True)
class FileReader:
    """How a benchmark is read from files; see `reads_files`."""

    protocols: tuple[str, ...] = ()
    recognises: Callable[[Path], bool] | None = None
    skips_missing_images: tuple[str, ...] = ()


def reads_files(
    *protocols: str,
    recognises: Callable[[Path], bool] | None = None,
    skips_missing_images: Sequence[str] = (),
) -> Callable[[F], F]:
    """Decorates a benchmark's function that reads the file in its option `annotations` (and the images in `images`).

    `workbench score --protocol` finds it for these protocols, beside the one that its option `protocol` has by default.
    `recognises` tells by its content whether a file is in the benchmark's layout, where several benchmarks read files
    for one protocol. `skips_missing_images` are those of the protocols that leave a sample out where its image is not
    in the folder.
    """

    def mark(function: F) -> F:
        setattr(function, READER, FileReader(tuple(protocols), recognises, tuple(skips_missing_images)))
        return function

    return mark


def file_reader(benchmark: Callable[..., Any]) -> FileReader | None:
    """How a benchmark's function reads files; None for one that has no option `annotations`."""
    defaults = {option.name: option.default for option in options_of(benchmark)}
    if "annotations" not in defaults:
        return None
    reader: FileReader = getattr(benchmark, READER, FileReader())
    usual = defaults.get("protocol")
    return replace(reader, protocols=(*reader.protocols, usual)) if isinstance(usual, str) else reader


READER = "reads_files"


class System(Protocol):
    """Turns samples into predictions.

    Each answer is timed, unless the system has an attribute `timed` that is false: its answers were made elsewhere and
    have no latency. A system whose answers depend on the other samples of a batch says so by an attribute
    `depends_on_batch` that is true: in throughput mode it is then asked in the same batches, however many workers there
    are and whatever was answered before, and the run's conditions say it.
    """

    batch_size: int
    """Samples it can take at once in throughput mode; the runner passes 1 when it measures latency."""

    def identity(self) -> dict[str, Any]:
        """Everything that decides its answers (JSON types): checkpoint digests, parameters, prompt versions. A stored
        result is reused only if the identity is equal.
        """
        ...

    def predict(self, samples: Sequence[Sample], images: Sequence[Image]) -> list[Prediction]:
        """One prediction per sample, in order. A sample's own failure is an outcome, never an exception."""
        ...


@runtime_checkable
class Streaming(Protocol):
    """A system that answers several samples side by side, each at its own pace, such as one that waits for a server.

    In throughput mode it is given the next sample as soon as one is answered, so that a slow sample holds up no other.
    `predict` serves the warm-up, latency mode, and throughput mode where `at_once` is 1.
    """

    at_once: int
    """Samples that it works on side by side."""

    def start(self, sample: Sample, image: Image) -> "Future[Prediction]":
        """Begin to answer a sample, and return at once. What the future raises is this sample's crash; the future is
        cancelled where the sample runs out of time. At most `at_once` futures are open, and they may end in any order.
        """
        ...


@runtime_checkable
class Checkable(Protocol):
    """A system that depends on something outside this process, such as a server, and can find out whether it is
    available.
    """

    def check(self) -> None:
        """Called once before the first sample, and again after a failure. Raises `ConfigurationError` with the reason
        where no sample can be answered. A server that is only busy is not a reason.
        """
        ...


@runtime_checkable
class FollowsBenchmark(Protocol):
    """A system that asks differently from benchmark to benchmark."""

    def follow(self, benchmark: "Benchmark") -> None:
        """Called once, before its identity is read. Raises `ConfigurationError` for a benchmark that it cannot be asked
        about as it was set up.
        """
        ...


@runtime_checkable
class Answered(Protocol):
    """A system that has its answers already, to the samples of one benchmark."""

    def check_samples(self, samples: Sequence[Sample]) -> None:
        """Called with all samples of the benchmark before the first is asked, where all are asked. Raises
        `ConfigurationError` for an answer about something else, which would be left out in silence.
        """
        ...


@runtime_checkable
class Resumable(Protocol):
    """A system that can continue in the middle of a sample after it was killed."""

    def resume_in(self, folder: Path) -> None:
        """Keep the work on unfinished samples in a folder, and continue the work that is already there. Keep it until
        the next samples are asked for: only then is the answer known to be stored. The prediction of a continued sample
        says `resumed`.
        """
        ...


@runtime_checkable
class KeepsSteps(Resumable, Protocol):
    """A `Resumable` system that is `Streaming` too: samples are begun before others are stored."""

    def stored(self, sample_ids: Sequence[str]) -> None:
        """The answers to these samples are on disk: what was kept to continue them can go."""
        ...


@runtime_checkable
class HasOracles(Protocol):
    """A system that knows which of its parts can be replaced by the truth, to see what a perfect part would gain."""

    oracles: Sequence[str]
    """Names; those of `workbench.scoring.oracles.DERIVED` are computed from its stored answers."""


@runtime_checkable
class Rerunnable(HasOracles, Protocol):
    """A system that must run again for some of its oracles."""

    def with_oracle(self, name: str) -> System:
        """The system with that part replaced by the truth, which `predict` finds in its samples. Its identity says so.
        It may share models with the system itself.
        """
        ...


@runtime_checkable
class HasConditions(Protocol):
    """A system, or a segmenter that a system is made of, that says how it was made and set up."""

    def conditions(self) -> "Conditions":
        """What two systems may differ in beyond the idea that is compared: the report lists it. What is left out is
        shown as not stated. It is read once, after the system was made, and is not part of its identity.
        """
        ...


class Segmenter(Protocol):
    """Noun phrases in, scored instance masks out; image features are computed once per image."""

    def identity(self) -> dict[str, Any]: ...

    def encode(self, image: Image) -> Any:
        """Image features, to be passed to `segment` for any number of phrases."""
        ...

    def segment(self, features: Any, phrases: Sequence[str]) -> list["PhraseMasks"]:
        """All instances of each phrase, batched over phrases: one result per phrase, in order."""
        ...


@runtime_checkable
class BatchSegmenter(Protocol):
    """A segmenter that also takes several images at once, which costs less than one after the other."""

    def encode_all(self, images: Sequence[Image]) -> Sequence[Any]:
        """Features of each image, as `encode` gives them; the images may differ in size."""
        ...

    def segment_all(self, asked: Sequence[tuple[Any, str]]) -> Sequence["PhraseMasks"]:
        """All instances of one phrase for each image, given as its features and the phrase."""
        ...


@dataclass(frozen=True)
class PhraseMasks:
    """The instances of one phrase by falling score, all above the segmenter's threshold: masks at image size, scores
    in [0, 1]."""

    masks: list[Rle]
    scores: list[float]


class Benchmark(Protocol):
    """A set of samples and how its authors score them. An entry point of group `workbench.benchmarks` is a function
    that returns one; tabletop generates its files on first use."""

    name: str
    protocol: str
    """Name of the metric set and conventions; see `workbench.scoring.system`."""

    def identity(self) -> dict[str, Any]:
        """Version, split, seed and a digest of the annotation file."""
        ...

    def samples(self) -> Iterable[Sample]: ...

    def image_root(self) -> Path: ...


@runtime_checkable
class HasRemarks(Protocol):
    """A benchmark that says what it left out or mended when it read its files."""

    def remarks(self) -> Sequence[Remark]:
        """Remarks about its files, apart from the problems of single samples."""
        ...


Measure = Callable[[NDArray[np.integer]], Mapping[str, NDArray[np.float64]]]


class MetricSet(Protocol):
    """The function behind a protocol's name: joins all samples with their answers, and says what they score."""

    def __call__(self, overlaps: Sequence[Any], /) -> Measure:
        """`overlaps`: a `workbench.SampleOverlap` for each sample, with the sample and its prediction.

        Returns a function of weights `[S, D]`, how often each of the S samples is in each of D data sets, that gives
        the metrics by name, `[D]` each, nan where undefined. The bench calls it with ones for the values, and with
        many data sets at once for the intervals.
        """
        ...


class Reporter(Protocol):
    """Writes something for reading about a finished run."""

    def __call__(self, run: Any, out: Path, /) -> Path:
        """`run`: a `workbench.Run`. Writes to `out`, and returns what was written."""
        ...


class Recipe(Protocol):
    """Trains a checkpoint. Its first argument is annotated with a `TypedDict`, whose keys are those of the file that
    `workbench train` reads."""

    def __call__(self, config: Any, out: Path, /) -> None:
        """Train in the folder `out`, or continue the training that is there. A function gets `--dry-run` from
        `tried_by`."""
        ...


class Server(Protocol):
    """Serves a language model until it is interrupted."""

    def __call__(
        self,
        model: str,
        *,
        name: str,
        port: int,
        environment: Path | None,
        log: Path | None,
        installing: bool,
        arguments: Sequence[str],
    ) -> int:
        """Serve the model under a name at a port; the arguments are those of `workbench serve`.
        Returns an exit code. A server with a keyword `then` (words of a command) runs what `--then` names when it is
        ready, and stops when that ends."""
        ...


class Command(Protocol):
    """Adds a command to `workbench`. What the command needs beyond its options is imported when it runs."""

    def __call__(self, commands: Any, /) -> None:
        """Add a parser to `commands` (of `ArgumentParser.add_subparsers`). Its default `command` is a function that
        takes the parsed options and returns an exit code; a `ConfigurationError` that it raises is exit code 2."""
        ...
