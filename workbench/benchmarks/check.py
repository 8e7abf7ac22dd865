"""Looks at the files of a benchmark before any model starts: what is missing or broken, file by file."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.data import masks
from workbench.data.errors import SampleError
from workbench.data.pictures import read_picture
from workbench.data.remarks import Remark
from workbench.data.samples import Sample
from workbench.plugins.interfaces import Benchmark, HasRemarks

SHOWN = 100
"""Problems that are shown as text; JSON has them all."""


@dataclass(frozen=True)
class Problem:
    """`samples` are the ids of those that cannot be used for it; none where the file is odd but no sample suffers."""

    file: str
    samples: tuple[str, ...]
    problem: str


@dataclass(frozen=True)
class Checked:
    """What a check found. `images` is the number of image files that were opened, None where they were left alone;
    `usable` counts the samples without a problem of their own or of their image. `notes` say what was done to read
    things as they are meant; they are no problems."""

    benchmark: str
    samples: int
    usable: int
    images: int | None
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    def to_text(self) -> str:
        """The problems and notes by file, then one line with the counts."""
        lines = [*_lines(self.problems), *(f"note: {line}" for line in _lines(self.notes))]
        looked = "images were not looked at" if self.images is None else f"{self.images} images"
        found = f"{len(self.problems)} problems" if self.problems else "nothing is missing or broken"
        return "\n".join([*lines, f"{self.benchmark}: {self.samples} samples, {self.usable} usable; {looked}; {found}"])


def check(benchmark: Benchmark, *, with_images: bool = True) -> Checked:
    """Read all samples and, `with_images`, open every image file once.

    Reported are the problems of samples, targets without a pixel, remarks of the reader about its files, and images
    that are missing, unreadable or of another size than annotated; noted is what the reader mended, and what was done
    to show an image as its author sees it. Raises `ConfigurationError` where the annotations
    cannot be read at all.
    """
    samples = list(benchmark.samples())
    remarks = list(benchmark.remarks()) if isinstance(benchmark, HasRemarks) else []
    found = [_of_file(remark) for remark in remarks if not remark.mended]
    if not samples:
        found.append(Problem(_annotations(benchmark), (), "there are no samples in it"))
    found += _of_samples(benchmark, samples)
    readable = [sample for sample in samples if not sample.problem]
    opened: int | None = None
    notes = [_of_file(remark) for remark in remarks if remark.mended]
    if with_images:
        for problem, is_note in _of_images(benchmark.image_root(), readable):
            (notes if is_note else found).append(problem)
        opened = len({sample.image_path for sample in readable})
    lost = {sample_id for problem in found for sample_id in problem.samples}
    return Checked(benchmark.name, len(samples), len(samples) - len(lost), opened, tuple(found), tuple(notes))


def _of_file(remark: Remark) -> Problem:
    return Problem(remark.file.name, (), remark.text)


def _of_samples(benchmark: Benchmark, samples: Sequence[Sample]) -> Iterator[Problem]:
    for sample in samples:
        if sample.problem:
            file, named, problem = sample.problem.partition(f": sample {sample.sample_id}: ")
            yield Problem(
                file if named else _annotations(benchmark), (sample.sample_id,), problem if named else sample.problem
            )
        for i, target in enumerate(sample.targets):
            if masks.area(target) == 0:
                text = f"sample {sample.sample_id}: target {i} has no pixel, so nothing can match it"
                yield Problem(_annotations(benchmark), (), text)


def _of_images(root: Path, samples: Sequence[Sample]) -> Iterator[tuple[Problem, bool]]:
    """What is wrong with an image, or was done to show it, and whether it is but the latter."""
    groups: dict[tuple[Path, int, int], list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.image_path, sample.width, sample.height].append(sample)
    for (path, width, height), group in groups.items():
        name = str(path.relative_to(root) if path.is_relative_to(root) else path)
        try:
            for note in read_picture(path, (width, height)).notes:
                yield Problem(name, (), note), True
        except SampleError as error:
            yield Problem(name, tuple(sample.sample_id for sample in group), str(error)), False


def _annotations(benchmark: Benchmark) -> str:
    """Name of the file that samples come from, or of the benchmark where it does not say."""
    path = getattr(benchmark, "annotations", None)
    return path.name if isinstance(path, Path) else benchmark.name


def _lines(found: Sequence[Problem]) -> list[str]:
    more = [f"... and {len(found) - SHOWN} more, which --json lists"] if len(found) > SHOWN else []
    return [_line(problem) for problem in found[:SHOWN]] + more


def _line(problem: Problem) -> str:
    ids = problem.samples
    named = f"sample {ids[0]}: " if len(ids) == 1 else ""
    more = f" ({len(ids)} samples: {', '.join(ids[:5])}{', ...' if len(ids) > 5 else ''})" if len(ids) > 1 else ""
    return f"{problem.file}: {named}{problem.problem}{more}"
