"""The systems that can be asked on the page: each loads when it is asked first, and stays loaded."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.asking.answer import Answer
from workbench.asking.api import Loaded
from workbench.data.colours import SYSTEM_COLOURS
from workbench.data.conditions import outside
from workbench.data.errors import ConfigurationError, said
from workbench.data.predictions import CRASHED, Prediction
from workbench.data.secrets import hide
from workbench.demo.side import Side, side_of
from workbench.plugins import registry
from workbench.plugins.checks import Maker

Say = Callable[[str], None]


class Shelf:
    """Systems by the names on the page. `named`: names and plugins that were asked for, which come first; every other
    installed system that needs no option follows.

    Raises `ConfigurationError` for a named system or an option that there is not.
    """

    def __init__(self, named: Mapping[str, str], settings: Mapping[str, Mapping[str, Any]]) -> None:
        self._makers: dict[str, Maker] = {
            name: registry.prepare("systems", plugin, settings.get(name), called=name) for name, plugin in named.items()
        }
        for name in registry.names("systems"):
            if name not in self._makers:
                try:
                    self._makers[name] = registry.prepare("systems", name)
                except ConfigurationError:
                    continue  # broken, or needs an option: `workbench list` says why
        self._named = set(named)
        self._loaded: dict[str, Loaded] = {}
        self._lock = Lock()

    @property
    def names(self) -> list[str]:
        """The systems that can be chosen."""
        return list(self._makers)

    def ask(
        self, names: tuple[str, ...], place: int, pixels: NDArray[np.uint8], picture: str, instruction: str, say: Say
    ) -> Side:
        """The answer of one of the systems that are asked together. Loads it where that is to be done; a system that
        cannot be loaded is an answer that failed. `say` is told what happens.
        """
        name, which = names[place], f"{place + 1} of {len(names)}"
        with self._lock:
            fresh = name not in self._loaded
            if fresh:
                say(f"{which}: loading {name}")
            try:
                system = self._loaded.get(name) or self._load(name)
                say(f"{which}: asking {name}" + (" (its first answer takes longer)" if fresh else ""))
                answer, conditions = system.answer(pixels, picture, instruction), system.conditions
            except Exception as error:  # whatever a checkpoint or plugin raises: the page shows it, and lives on
                message = str(error) if isinstance(error, ConfigurationError) else said(error)
                if fresh and name not in self._named:
                    message += f" If it needs options or a download, start the page with --systems {name}."
                failed = Prediction("", outcome=CRASHED, message=hide(message)[:2000])
                return side_of(Answer(name, instruction, picture, pixels, failed, SYSTEM_COLOURS[place]))
        return side_of(replace(answer, colour=SYSTEM_COLOURS[place]), conditions, fresh)

    @staticmethod
    def again(side: Side) -> Side:
        """The same answer for the other side, where one system is chosen twice."""
        return replace(side, answer=replace(side.answer, colour=SYSTEM_COLOURS[1]))

    def close(self) -> None:
        """Let go of all models."""
        for system in self._loaded.values():
            system.close()
        self._loaded.clear()

    def _load(self, name: str) -> Loaded:
        system = self._loaded[name] = Loaded(name, self._makers[name])
        for line in outside({name: system.knows}):
            print(f"workbench: {line}", file=sys.stderr)
        return system
