"""Checks the files of a benchmark before any model starts: reports what is missing or broken, file by file."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
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
_Image = tuple[Path, int, int]
"""path, width and height"""


@dataclass(frozen=True)
class Problem:
    """Something wrong with a file. `samples`: the ids of the samples that cannot be used because of it; empty where no
    sample is affected.
    """

    file: str
    samples: tuple[str, ...]
    problem: str


@dataclass(frozen=True)
class Checked:
    """The result of a check. `images`: the number of image files that were opened, None where images were not checked.
    `usable`: the number of samples without a problem of their own or of their image. `notes` describe what was mended
    in order to read the files as they are meant; notes are not problems.
    """

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
        verdict = f"{len(self.problems)} problems" if self.problems else "nothing is missing or broken"
        return "\n".join(
            [*lines, f"{self.benchmark}: {self.samples} samples, {self.usable} usable; {looked}; {verdict}"]
        )


def check(benchmark: Benchmark, *, with_images: bool = True) -> Checked:
    """Read all samples and, `with_images`, open every image file once.

    Problems are: those of samples, targets without a pixel, remarks of the reader about its files, and images that are
    missing, unreadable or of another size than annotated. Notes are: what the reader mended, and what was changed in
    order to show an image as its author sees it. Raises `ConfigurationError` where the annotations cannot be read at
    all.
    """
    count = 0
    of_samples: list[Problem] = []
    shown: dict[_Image, list[str]] = defaultdict(list)
    for sample in benchmark.samples():  # one after the other, as all of them may not fit into memory
        of_samples += _of_sample(benchmark, sample)
        count += 1
        if with_images and not sample.problem:
            shown[sample.image_path, sample.width, sample.height].append(sample.sample_id)
    remarks = list(benchmark.remarks()) if isinstance(benchmark, HasRemarks) else []
    problems = [_of_file(remark) for remark in remarks if not remark.mended]
    if not count:
        problems.append(Problem(_annotations(benchmark), (), "there are no samples in it"))
    problems += of_samples
    notes = [_of_file(remark) for remark in remarks if remark.mended]
    if with_images:
        for problem, is_note in _of_images(benchmark.image_root(), shown):
            (notes if is_note else problems).append(problem)
    opened = len({path for path, *_ in shown}) if with_images else None
    lost = {sample_id for problem in problems for sample_id in problem.samples}
    return Checked(benchmark.name, count, count - len(lost), opened, tuple(problems), tuple(notes))


def _of_file(remark: Remark) -> Problem:
    return Problem(remark.file.name, (), remark.text)


def _of_sample(benchmark: Benchmark, sample: Sample) -> Iterator[Problem]:
    if sample.problem:
        file, named, problem = sample.problem.partition(f": sample {sample.sample_id}: ")
        yield Problem(
            file if named else _annotations(benchmark), (sample.sample_id,), problem if named else sample.problem
        )
    for i, target in enumerate(sample.targets):
        if masks.area(target) == 0:
            text = f"sample {sample.sample_id}: target {i} has no pixel, so nothing can match it"
            yield Problem(_annotations(benchmark), (), text)


def _of_images(root: Path, shown: Mapping[_Image, Sequence[str]]) -> Iterator[tuple[Problem, bool]]:
    """For each image: what is wrong with it or what was changed to show it, and whether this is only a note. `shown`
    has the ids of the samples about it."""
    for (path, width, height), ids in shown.items():
        name = str(path.relative_to(root) if path.is_relative_to(root) else path)
        try:
            for note in read_picture(path, (width, height)).notes:
                yield Problem(name, (), note), True
        except SampleError as error:
            yield Problem(name, tuple(ids), str(error)), False


def _annotations(benchmark: Benchmark) -> str:
    """Name of the file that the samples come from; that of the benchmark where it does not name a file."""
    path = getattr(benchmark, "annotations", None)
    return path.name if isinstance(path, Path) else benchmark.name


def _lines(problems: Sequence[Problem]) -> list[str]:
    more = [f"... and {len(problems) - SHOWN} more, which --json lists"] if len(problems) > SHOWN else []
    return [_line(problem) for problem in problems[:SHOWN]] + more


def _line(problem: Problem) -> str:
    ids = problem.samples
    named = f"sample {ids[0]}: " if len(ids) == 1 else ""
    more = f" ({len(ids)} samples: {', '.join(ids[:5])}{', ...' if len(ids) > 5 else ''})" if len(ids) > 1 else ""
    return f"{problem.file}: {named}{problem.problem}{more}"
