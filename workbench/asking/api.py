"""`workbench.ask` and `workbench.load`: answers about one's own pictures in Python."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from workbench.asking.answer import Answer, Answers
from workbench.asking.defaults import DEFAULT
from workbench.asking.picture import name_of, pixels_of
from workbench.data.colours import SYSTEM_COLOURS
from workbench.data.conditions import Conditions, outside
from workbench.data.errors import ConfigurationError, short
from workbench.data.samples import Sample
from workbench.plugins import registry
from workbench.plugins.checks import Maker
from workbench.plugins.interfaces import HasConditions, System
from workbench.workers.answers import Options, answer_loaded
from workbench.workers.making import check


class Loaded:
    """A system whose models stay in memory: `with workbench.load("instructsam-tiny") as system: system.ask(...)`.

    `close`, or the end of a `with` block, lets go of the models.
    """

    def __init__(self, name: str, make: Maker) -> None:
        self.name = name
        try:
            self._system: System | None = make()
        except OSError as error:  # transformers raises this for a missing file of a checkpoint
            raise ConfigurationError(f"system {name} cannot be made: {error}") from error
        check(self._system)
        self.conditions = self._system.conditions() if isinstance(self._system, HasConditions) else Conditions()
        self.knows = self.conditions.knows
        self.warned = False

    def ask(self, picture: Any, instruction: str) -> Answer:
        """Ask for what an instruction names in a picture: a path, a Pillow image, or an array of `[H, W, 3] uint8`
        RGB (also `[H, W]` or with alpha).

        A failure of the system is an answer whose `outcome` says so. The first answer takes longer, as libraries and
        models warm up. Raises `ConfigurationError` for what is no picture, and for an empty instruction. Warns once
        (`UserWarning`) where the checkpoint knows little.
        """
        _check(instruction)
        pixels = pixels_of(picture)
        _warn([self])
        return self.answer(pixels, name_of(picture), instruction)

    def answer(self, pixels: NDArray[np.uint8], name: str, instruction: str) -> Answer:
        """The same about pixels `[H, W, 3] uint8` of a picture with a name; nothing is checked, and nobody warned."""
        if self._system is None:
            raise ConfigurationError(f"{self.name} was closed: load it again")
        height, width = pixels.shape[:2]
        sample = Sample(name, name, Path(name), width, height, instruction, has_truth=False)
        given = answer_loaded(self._system, sample, pixels, Options())
        return Answer(self.name, instruction, name, pixels, given.prediction, knows=self.knows)

    def close(self) -> None:
        """Let go of the models."""
        self._system = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Loaded({self.name}{', closed' if self._system is None else ''})"


_kept: dict[str, Loaded] = {}
"""The systems of the last call of `ask`, by name and options."""


def load(name: str, **options: Any) -> Loaded:
    """Load a system by the name that `workbench list` shows, with these options, to ask it as often as wanted.

    Raises `ConfigurationError` for an unknown name or option, and where it cannot work.
    """
    return Loaded(name, registry.prepare("systems", name, options))


def ask(
    picture: Any,
    instruction: str,
    *,
    systems: str | Sequence[str] | Mapping[str, str] = DEFAULT,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Answers:
    """Ask one or more systems for what an instruction names in a picture (see `Loaded.ask`).

    `systems`: names that `workbench list` shows, or a mapping from names of one's own to these. `options`: by name, as
    with `--set`. The systems of the last call stay loaded, so that asking the same ones again takes only their
    answer; asking others lets go of them. Nothing is written; `save` of the answers does. Raises `ConfigurationError`
    before anything loads.
    """
    names = dict(systems) if isinstance(systems, Mapping) else {n: n for n in _listed(systems)}
    if not names:
        raise ConfigurationError("expected the name of a system at least, got none")
    if unknown := set(options or {}) - set(names):
        raise ConfigurationError(f"options of {', '.join(sorted(unknown))}, which is not asked: {', '.join(names)}")
    makers = {
        name: registry.prepare("systems", plugin, (options or {}).get(name), called=name)
        for name, plugin in names.items()
    }
    _check(instruction)
    pixels = pixels_of(picture)
    keys = {name: repr((name, plugin, sorted((options or {}).get(name, {}).items()))) for name, plugin in names.items()}
    for key in set(_kept) - set(keys.values()):
        _kept.pop(key).close()
    for name, key in keys.items():
        if key not in _kept:
            _kept[key] = Loaded(name, makers[name])
    _warn([_kept[key] for key in keys.values()])
    given = {}
    for place, (name, key) in enumerate(keys.items()):
        answer = _kept[key].answer(pixels, name_of(picture), instruction)
        given[name] = replace(answer, colour=SYSTEM_COLOURS[place % len(SYSTEM_COLOURS)])
    return Answers(given)


def _warn(systems: Sequence[Loaded]) -> None:
    """Say what systems know to whoever asks them for the first time."""
    for line in outside({one.name: one.knows for one in systems if not one.warned}):
        warnings.warn(line, stacklevel=3)
    for one in systems:
        one.warned = True


def _check(instruction: object) -> None:
    if not isinstance(instruction, str) or not instruction.strip():
        raise ConfigurationError(f"expected an instruction, got {instruction!r}")


def _listed(systems: str | Sequence[str]) -> Sequence[str]:
    listed = [systems] if isinstance(systems, str) else systems
    if not isinstance(listed, Iterable) or not all(isinstance(name, str) for name in listed):
        raise ConfigurationError(f"expected names of systems, got {short(systems)}")
    return list(listed)
