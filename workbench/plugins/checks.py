"""Checks of plugins: of the definition when a plugin is found, and of the object when it is made."""

import inspect
import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.data.errors import ConfigurationError, said, short
from workbench.plugins.options import options_of

MAKERS = ("systems", "benchmarks", "segmenters")
"""Groups whose plugins are functions that make the thing itself, from their options."""
TAKES = {
    "metrics": (1, True, "the joined samples"),
    "reporters": (2, False, "a run and a path"),
    "recipes": (2, True, "a configuration and a folder"),
    "servers": (1, False, "the name of a model"),
    "commands": (1, True, "the commands of an argument parser"),
    "perturbations": (3, True, "a question, a level and a random generator"),
}
"""For the other groups: how many arguments a function gets, whether it gets no further ones, and what they are."""
WHOLE = {
    "systems": "a system has `batch_size`, `identity()` and `predict(samples, images)`",
    "benchmarks": "a benchmark has `name`, `protocol`, `identity()`, `samples()` and `image_root()`",
    "segmenters": "a segmenter has `identity()`, `encode(image)` and `segment(features, phrases)`",
}
METHODS: dict[str, dict[str, tuple[str, ...]]] = {
    "systems": {"identity": (), "predict": ("samples", "images")},
    "benchmarks": {"identity": (), "samples": (), "image_root": ()},
    "segmenters": {"identity": (), "encode": ("image",), "segment": ("features", "phrases")},
}
SEE = "see workbench/plugins/interfaces.py"


def definition_problem(group: str, plugin: Callable[..., Any]) -> str | None:
    """What is wrong with the function or class that an entry point names, or None; it is not called."""
    try:
        signature = inspect.signature(plugin)
    except (TypeError, ValueError):  # some functions written in C do not say what they take
        return None
    if inspect.iscoroutinefunction(plugin):
        return f"it is a coroutine function; a function of group {group} is called without `await`"
    if group in MAKERS:
        for parameter in signature.parameters.values():
            if parameter.kind is parameter.POSITIONAL_ONLY and parameter.default is parameter.empty:
                return f"its argument {parameter.name!r} cannot be given by name: options are keyword arguments"
        return None
    count, alone, what = TAKES[group]
    try:
        (signature.bind if alone else signature.bind_partial)(*[None] * count)
    except TypeError as error:
        return f"it is not made to be called with {what}: {error}; {SEE}"
    if group == "perturbations" and not hasattr(plugin, "axis"):
        return "its function does not say what its levels are: decorate it with `workbench.axis`"
    return None


@dataclass(frozen=True)
class Maker:
    """Makes a plugin's object with checked options, and checks the object. `origin` names the plugin in errors."""

    group: str
    origin: str
    factory: Callable[..., Any]
    keywords: dict[str, Any]

    def __call__(self) -> Any:
        """Raises `ConfigurationError` where making the object fails, and where the object is not what the plugin's
        group requires.
        """
        try:
            made = self.factory(**self.keywords)
        except (ConfigurationError, OSError):  # the caller adds more to an OSError
            raise
        except SystemExit as error:
            raise ConfigurationError(f"{self.origin} cannot be made: it ends the program ({error.code})") from error
        except Exception as error:
            raise ConfigurationError(f"{self.origin} cannot be made: {said(error)}{_place(error)}", error) from error
        if problem := made_problem(self.group, made):
            raise ConfigurationError(f"{self.origin}: {problem}")
        return made


def made_problem(group: str, made: Any) -> str | None:
    """Why an object is not a system, benchmark or segmenter; None if it is one."""
    whole = f"{WHOLE[group]}, {SEE}"
    if made is None:
        return f"its function returned None; {whole}"
    for name, parameters in METHODS[group].items():
        method = getattr(made, name, None)
        call = f"{name}({', '.join(parameters)})"
        if not callable(method):
            return f"what it makes ({type(made).__name__}) has no `{call}`; {whole}"
        if not _takes(method, len(parameters)):
            return (
                f"`{name}` of what it makes takes {inspect.signature(method)}, not ({', '.join(parameters)}); {whole}"
            )
    for name, fits, expected in _ATTRIBUTES.get(group, ()):
        if not hasattr(made, name):
            return f"what it makes ({type(made).__name__}) has no `{name}`; {whole}"
        value = getattr(made, name)
        if not fits(value):
            return f"expected `{name}` of what it makes to be {expected}, got {short(value)}; {whole}"
    return None


def checked_identity(origin: str, identity: Any) -> dict[str, Any]:
    """An identity as it is stored; raises `ConfigurationError` for one that is no mapping of JSON types."""
    if not isinstance(identity, dict):
        raise ConfigurationError(f"{origin}: expected `identity()` to give a dict, got {short(identity)}; {SEE}")
    try:
        json.dumps(identity, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"{origin}: expected `identity()` to hold JSON types, got {short(identity)}: {error}; {SEE}"
        ) from error
    return identity


def _whole_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _folder_name(value: object) -> bool:
    return isinstance(value, str) and bool(value) and value not in (".", "..") and not set(value) & set("/\\\0")


def _name(value: object) -> bool:
    return isinstance(value, str) and bool(value)


_ATTRIBUTES: dict[str, tuple[tuple[str, Callable[[object], bool], str], ...]] = {
    "systems": (("batch_size", _whole_number, "a whole number of at least 1"),),
    "benchmarks": (
        ("name", _folder_name, "a text that can name a folder"),
        ("protocol", _name, "the name of a metric set"),
    ),
}


def _takes(method: Callable[..., Any], count: int) -> bool:
    try:
        inspect.signature(method).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # some functions written in C
        return True
    return True


def _place(error: BaseException) -> str:
    """The file and line at which an error was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


def takes(plugin: Callable[..., Any], option: str) -> bool:
    """Whether a plugin has an option."""
    return any(known.name == option for known in options_of(plugin))
