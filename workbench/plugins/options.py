"""Options of plugins: declared once with type, default, range and a sentence, and checked before anything loads.

A plugin's function declares its options in one of two ways. Either they are its keyword arguments,

    def blobs(size: Annotated[int, AtLeast(1), "Side of a blob, in pixels."] = 8) -> System: ...

or its only parameter is a frozen dataclass, with the sentences as docstrings under the fields. The parameter's default
then holds the defaults of this plugin, so that several plugins share one class:

    @dataclass(frozen=True)
    class BlobOptions:
        size: Annotated[int, AtLeast(1)] = 8
        \"\"\"Side of a blob, in pixels.\"\"\"

    def large_blobs(options: BlobOptions = BlobOptions(size=64)) -> System: ...

Types are str, Path, bool, int, float, `Literal[...]`, lists and mappings of these, and any of them `| None`.
"""

import ast
import dataclasses
import inspect
import sys
import textwrap
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from workbench.data.errors import ConfigurationError, short
from workbench.plugins.names import unknown
from workbench.plugins.values import (
    Above,
    AtLeast,
    Bound,
    Holds,
    MisfitError,
    OneOf,
    PluginName,
    Range,
    Written,
    as_type,
    from_text,
    in_words,
)

__all__ = [
    "APART",
    "Above",
    "AtLeast",
    "Holds",
    "OneOf",
    "Option",
    "PluginName",
    "Range",
    "arguments",
    "check_options",
    "described_options",
    "identity_of",
    "of_keys",
    "options_of",
]

MISSING = inspect.Parameter.empty


class _Apart:
    """Marks an option that `identity_of` leaves out."""


APART = _Apart()
"""`Annotated[int, APART]`: the option does not decide an answer (a batch size), or the identity says it in another
way (a checkpoint by its digest)."""


@dataclass(frozen=True)
class Option:
    """One option. `default` is `MISSING` where it has to be given; `optional`: it may be None."""

    name: str
    type: Any
    default: Any = MISSING
    optional: bool = False
    bounds: tuple[Bound, ...] = ()
    sentence: str = ""

    @property
    def required(self) -> bool:
        """Whether it has to be given."""
        return self.default is MISSING

    @property
    def kind(self) -> str:
        """The type in words: "a whole number"."""
        return in_words(self.type)

    @property
    def range(self) -> str:
        """The limits of its values beyond the type: "of at least 1"; empty where there are none."""
        return " ".join(map(str, self.bounds))

    @property
    def expected(self) -> str:
        """Type and range in words: "a whole number of at least 1, or none"."""
        words = f"{self.kind} {self.range}".strip()
        return f"{words}, or none" if self.optional else words

    def value(self, given: Any) -> Any:
        """A given value, or what was written, as a value of the option's type; raises `ConfigurationError`."""
        try:
            value = self._read(given.text) if isinstance(given, Written) else self._taken(given)
        except MisfitError as error:
            shown = given.text if isinstance(given, Written) else given
            why = f": {error}" if str(error) else ""
            raise ConfigurationError(f"{self.name}: expected {self.expected}, got {short(shown)}{why}") from None
        return value

    def _read(self, text: str) -> Any:
        if self.optional and text.strip().lower() in ("none", "null"):
            return None
        return self._bounded(from_text(self.type, text, self.name))

    def _taken(self, value: Any) -> Any:
        return None if value is None and self.optional else self._bounded(as_type(self.type, value))

    def _bounded(self, value: Any) -> Any:
        if not all(bound.fits(value) for bound in self.bounds):
            raise MisfitError
        return value


def options_of(factory: Callable[..., Any], sentences: bool = False) -> list[Option]:
    """What a plugin's function takes, in its order; `sentences` are looked up in the source of a dataclass."""
    cls = options_class(factory)
    if cls is None:
        return [_of_parameter(factory, parameter) for parameter in _keywords(factory)]
    preset = _preset(factory, cls)
    return of_class(cls, preset, sentences)


def of_class(cls: type, preset: Any = None, sentences: bool = False) -> list[Option]:
    """The options that the fields of a dataclass are, with the values of `preset` as defaults where there is one."""
    hints = typing.get_type_hints(cls, include_extras=True)
    said = sentences_of(cls) if sentences else {}
    options = []
    for field in dataclasses.fields(cls):
        default: Any = MISSING
        if preset is not None:
            default = getattr(preset, field.name)
        elif field.default is not dataclasses.MISSING:
            default = field.default
        elif field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        options.append(declared(field.name, hints[field.name], default, said.get(field.name, "")))
    return options


def of_keys(keys: Any, sentences: bool = False) -> list[Option]:
    """The options that the keys of a `TypedDict` are; those that may be left out have the default None."""
    said = sentences_of(keys) if sentences else {}
    required: frozenset[str] = keys.__required_keys__
    hints = typing.get_type_hints(keys)
    return [
        declared(name, hint, MISSING if name in required else None, said.get(name, "")) for name, hint in hints.items()
    ]


def described_options(group: str, plugin: Callable[..., Any]) -> list[Option]:
    """The options of a plugin of any group, with their sentences. Those of a recipe are the keys of its configuration.
    Reporters and metrics have none: the bench passes their arguments.
    """
    if group == "recipes":
        keys = _annotation(plugin, _keywords(plugin)[0])
        return of_keys(keys, sentences=True) if typing.is_typeddict(keys) else []
    if group in ("systems", "benchmarks", "segmenters"):
        return options_of(plugin, sentences=True)
    return []


def options_class(factory: Callable[..., Any]) -> type | None:
    """The dataclass that is the only parameter of a plugin's function, or None where its arguments are the options."""
    parameters = _keywords(factory)
    if len(parameters) != 1:
        return None
    hint = _annotation(factory, parameters[0])
    return hint if isinstance(hint, type) and dataclasses.is_dataclass(hint) else None


def arguments(name: str, factory: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The checked options as keyword arguments for a plugin's function.

    Raises `ConfigurationError` for an option that it does not have, one that lacks, and a value that does not fit.
    """
    known = {option.name: option for option in options_of(factory)}
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            raise ConfigurationError(unknown(f"option of {name}", str(key), list(known)))
        try:
            values[key] = known[key].value(value)
        except ConfigurationError as error:
            raise ConfigurationError(f"{name}.{error}") from None
    for option in known.values():
        if option.default is MISSING and option.name not in values:
            raise ConfigurationError(
                f"{name} needs the option {option.name} ({option.expected}): --set {name}.{option.name}=VALUE"
            )
    cls = options_class(factory)
    if cls is None:
        return values
    preset = _preset(factory, cls)
    made = cls(**values) if preset is None else dataclasses.replace(preset, **values)
    return {_keywords(factory)[0].name: made}


def check_options(name: str, options: Any) -> None:
    """Check the values of an options dataclass that was made in Python; raises `ConfigurationError` as `arguments`."""
    for option in of_class(type(options)):
        try:
            option.value(getattr(options, option.name))
        except ConfigurationError as error:
            raise ConfigurationError(f"{name}.{error}") from None


def identity_of(options: Any) -> dict[str, Any]:
    """The values of an options dataclass that decide an answer, by name: all except those marked `APART`."""
    hints = typing.get_type_hints(type(options), include_extras=True)
    return {
        field.name: getattr(options, field.name)
        for field in dataclasses.fields(options)
        if APART not in getattr(hints[field.name], "__metadata__", ())
    }


def declared(name: str, hint: Any, default: Any, sentence: str = "") -> Option:
    """An option from its annotation; one without any has the type of its default."""
    marks: tuple[Any, ...] = ()
    if typing.get_origin(hint) in (typing.NotRequired, typing.Required):
        (hint,) = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Annotated:
        hint, *rest = typing.get_args(hint)
        marks = tuple(rest)
    if hint is MISSING:
        hint = Any if default in (MISSING, None) else type(default)
    members = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    kept = tuple(member for member in members if member is not type(None))
    optional = len(kept) < len(members) or (hint is Any and default is None)
    texts = [mark for mark in marks if isinstance(mark, str)]
    bounds = tuple(mark for mark in marks if hasattr(mark, "fits"))
    plain = kept[0] if len(kept) == 1 else typing.Union[kept]  # noqa: UP007
    return Option(name, plain, default, optional, bounds, sentence or " ".join(texts))


def sentences_of(cls: type) -> dict[str, str]:
    """The docstrings under the fields of a class and of those it is derived from, in one line each."""
    sentences: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if base.__module__ in ("builtins", "typing"):
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
        except (OSError, TypeError, SyntaxError):  # made without a source file
            continue
        defined = tree.body[0] if tree.body else None
        if not isinstance(defined, ast.ClassDef):
            continue
        if typing.is_typeddict(base):  # not derived from those that it extends, by whose names it is written
            known = vars(sys.modules.get(base.__module__, typing))
            for extended in (known.get(named.id) for named in defined.bases if isinstance(named, ast.Name)):
                if extended is not None and typing.is_typeddict(extended):
                    sentences |= sentences_of(extended)
        for field, text in pairwise(defined.body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
                value = text.value
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    sentences[field.target.id] = " ".join(value.value.split())
    return sentences


def _keywords(factory: Callable[..., Any]) -> list[inspect.Parameter]:
    parameters = inspect.signature(factory).parameters.values()
    return [p for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _preset(factory: Callable[..., Any], cls: type) -> Any:
    default = _keywords(factory)[0].default
    return default if isinstance(default, cls) else None


def _of_parameter(factory: Callable[..., Any], parameter: inspect.Parameter) -> Option:
    return declared(parameter.name, _annotation(factory, parameter), parameter.default)


def _annotation(factory: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    """The type of a parameter; `Any` for one that is only known to type checkers."""
    hint = parameter.annotation
    if not isinstance(hint, str):
        return hint
    function = inspect.unwrap(factory)
    names = getattr(function, "__globals__", None) or vars(sys.modules.get(function.__module__, typing))
    try:
        return typing.get_type_hints(types.SimpleNamespace(__annotations__={"it": hint}), names, include_extras=True)[
            "it"
        ]
    except Exception:  # whatever evaluating a stranger's text raises; the plugin itself judges the value then
        return Any
