"""Plans the axes of a stress suite as comparisons: each axis is one run, whose samples are all questions at all levels.

Questions lie level beside level in the run, so that a busy moment of the machine, or a stop in the middle, meets all
levels alike; and each system is loaded once for an axis. A run that is continued asks what is not answered yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.comparison.comparison import Comparison
from workbench.data.errors import ConfigurationError
from workbench.data.numbers import many
from workbench.data.remarks import Remark
from workbench.data.samples import Sample
from workbench.data.stress import STRESS
from workbench.plugins import registry
from workbench.plugins.checks import Maker, takes
from workbench.plugins.interfaces import Benchmark
from workbench.plugins.names import unknown
from workbench.stress.suite import AxisOfSuite
from workbench.stress.writing import Source, read, write
from workbench.suites.suite import Entry, Suite

QUESTIONS = "questions"
"""Folder of pictures and samples in the run folder of an axis."""
DRAWN = "inst2seg"
"""Protocol of the scenes that an axis draws."""


@dataclass(frozen=True)
class Stressed:
    """The questions of an axis at all levels, as a benchmark."""

    name: str
    protocol: str
    folder: Path

    def identity(self) -> dict[str, Any]:
        """The axis, what its questions were made from, and a digest of them."""
        facts, _ = read(self.folder)
        made = dict(facts["parameters"])
        axis = {key: made.pop(key) for key in ("title", "levels", "plain", "unit", "same_answer", "generated")}
        return {STRESS: {"name": made.pop("axis"), **axis}, **made, "digest": facts["digest"]}

    def samples(self) -> list[Sample]:
        """All questions, level beside level."""
        return read(self.folder)[1]

    def image_root(self) -> Path:
        """The folder of pictures and samples."""
        return self.folder

    def remarks(self) -> list[Remark]:
        """How many questions of the benchmark were left out."""
        facts, _ = read(self.folder)
        left_out, drawn = facts["left_out"], facts["parameters"]["generated"]
        why = "whose scene did not come about" if drawn else "that this axis cannot change"
        said = f"{many(left_out, 'question')} {why} left out, at all levels"
        return [Remark(self.folder, said)] if left_out else []


def plan(
    suite: Suite, root: Path, comparison: Comparison, out: Path, command: str
) -> list[tuple[Entry, Comparison | None]]:
    """Each axis of a stress suite with its comparison into `out`, None where the files of its benchmark are missing.

    `comparison` has the systems and all that the axes have in common; `command`: that of the whole suite. Raises
    `ConfigurationError` for an option that does not fit, before anything starts.
    """
    planned: list[tuple[Entry, Comparison | None]] = []
    for entry in suite.entries:
        assert isinstance(entry, AxisOfSuite)
        try:
            base = _base(entry, root, comparison.seed)
            wanted = replace(
                comparison, benchmark=_maker(entry, base, out / entry.name, comparison.seed), commands=[command]
            )
            wanted.plugins()
        except ConfigurationError as error:
            raise ConfigurationError(f"{suite.name}: {entry.name}: {error}") from error
        planned.append((entry, None if entry.absent(root) else wanted))
    return planned


def _base(entry: AxisOfSuite, root: Path, seed: int) -> Maker | None:
    if not entry.benchmark:
        return None
    options = entry.placed(root)
    if takes(registry.load("benchmarks", entry.benchmark), "seed"):
        options = {"seed": seed, **options}
    return registry.prepare("benchmarks", entry.benchmark, options)


def _maker(entry: AxisOfSuite, base: Maker | None, run: Path, seed: int) -> Any:
    def stressed() -> Stressed:
        """The questions of an axis, written on first use."""
        benchmark: Benchmark | None = base() if base else None
        source = Source(benchmark, entry.questions, seed, entry.size, entry.sample)
        folder = write(run / QUESTIONS, entry.plugin, entry.perturb, entry.axis, source)
        return Stressed(f"stress-{entry.plugin}", benchmark.protocol if benchmark else DRAWN, folder)

    return stressed


def chosen(suite: Suite, names: Sequence[str] | None, questions: int | None) -> Suite:
    """The suite with only the axes of these names, and with so many questions at each level; all, where None.

    Raises `ConfigurationError` for an unknown name.
    """
    known = [entry.name for entry in suite.entries]
    for name in names or ():
        if name not in known:
            raise ConfigurationError(unknown("axis", name, known))
    if questions is not None and questions < 1:
        raise ConfigurationError(f"questions: expected at least 1, got {questions}")
    entries = [entry for entry in suite.entries if names is None or entry.name in names]
    if questions is not None:
        entries = [replace(entry, questions=questions) for entry in entries if isinstance(entry, AxisOfSuite)]
    return replace(suite, entries=entries)
