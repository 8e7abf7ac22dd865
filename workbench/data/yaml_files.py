"""Reads YAML from unknown authors: plain values only, of bounded size, and a single kind of error for everything that
is wrong with it.

Two readings differ from YAML 1.1, which would surprise: `1e-3` is a number, and a date is a text.
"""

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.data.errors import ConfigurationError, short

if TYPE_CHECKING:
    import yaml

MAX_BYTES, MAX_DEPTH, MAX_VALUES = 200_000, 40, 50_000
"""Of a text; `MAX_VALUES` counts an anchored value again for each alias of it."""
MAX_INTEGER = 2**63 - 1

_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map")}
_TEXTS = {f"tag:yaml.org,2002:{name}" for name in ("timestamp", "value")}  # dates, and a lone `=`
_STR, _FLOAT, _MERGE = (f"tag:yaml.org,2002:{name}" for name in ("str", "float", "merge"))
_EXPONENT = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+")


class _WrongError(Exception):
    """An error in a text that YAML's own rules allow."""


def read_yaml(path: Path, texts: Collection[str] = ()) -> Any:
    """The value of a YAML file: None, bool, int, float, str, or lists and mappings of them.

    `texts` are keys of the outermost mapping whose value is a text even where it looks like something else (a folder
    called 2018). Raises `ConfigurationError` with the path for anything that cannot be read.
    """
    return parse_yaml(_text(path), str(path), texts)


def read_mapping(path: Path, texts: Collection[str] = ()) -> dict[str, Any]:
    """Like `read_yaml`, for a file that holds keys with values; all keys are texts."""
    given = read_yaml(path, texts)
    if not isinstance(given, dict):
        raise ConfigurationError(f"{path}: expected keys with values, got {short(given)}")
    for key in given:
        if not isinstance(key, str):
            raise ConfigurationError(f"{path}: expected every key to be a text, got {short(key)}")
    return given


def parse_yaml(text: str, where: str, texts: Collection[str] = (), only_texts: bool = False) -> Any:
    """The value of a YAML text, as `read_yaml` gives it; errors begin with `where`. `only_texts`: lists and mappings of
    texts, whatever they look like."""
    import yaml

    if len(text) > MAX_BYTES:
        raise ConfigurationError(f"{where}: expected at most {MAX_BYTES:,} characters of YAML, got {len(text):,}")
    try:
        _check_depth(yaml.parse(text, yaml.SafeLoader))
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _Nodes(texts, only_texts).check(node)
            return _checked(loader.construct_document(node))
        finally:
            loader.dispose()
    except _WrongError as error:
        raise ConfigurationError(f"{where}: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{where} is not YAML: {_first_lines(error)}") from error
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        # a tag on a value that it does not fit, as `!!int abc`, and numbers beyond what Python converts
        raise ConfigurationError(f"{where} is not YAML that can be read: {type(error).__name__}: {error}") from error


def _text(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise ConfigurationError(f"{path} cannot be read: expected a file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ConfigurationError(f"{path}: expected at most {MAX_BYTES:,} bytes of YAML")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not YAML: expected UTF-8: {error.reason} at byte {error.start}") from error
    except ValueError as error:  # a path with a NUL
        raise ConfigurationError(f"{str(path)!r} cannot be read: {error}") from error


def _check_depth(events: Any) -> None:
    """Before anything recursive looks at it."""
    import yaml

    depth = 0
    for count, event in enumerate(events):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise _WrongError(f"expected at most {MAX_DEPTH} levels of lists and mappings inside each other")
        if count > 2 * MAX_VALUES:
            raise _WrongError(f"expected at most {MAX_VALUES:,} values")


class _Nodes:
    """Checks the nodes of a document, and tags those that are not to be read as in YAML 1.1."""

    def __init__(self, texts: Collection[str], only_texts: bool) -> None:
        self.texts, self.only_texts = texts, only_texts
        self.sizes: dict[int, int | None] = {}

    def check(self, root: "yaml.Node") -> None:
        import yaml

        if isinstance(root, yaml.MappingNode):
            for key, value in root.value:
                if isinstance(value, yaml.ScalarNode) and key.value in self.texts:
                    value.tag = _STR
        self._size(root)

    def _size(self, node: "yaml.Node") -> int:
        """Number of values; the values behind an alias count once for each use."""
        import yaml

        known = self.sizes.get(id(node), 0)
        if known is None:
            raise _WrongError("expected no value that holds itself (an alias inside of what it stands for)")
        if known:
            return known
        self.sizes[id(node)] = None
        total = 1
        if isinstance(node, yaml.ScalarNode):
            self._scalar(node)
        else:
            if node.tag not in _TAGS:
                raise _WrongError(f"expected plain values, got the tag {short(node.tag)}")
            if isinstance(node, yaml.MappingNode):
                _check_keys(node)
                children = [part for pair in node.value for part in pair]
            else:
                children = list(node.value)
            total += sum(map(self._size, children))
        if total > MAX_VALUES:
            raise _WrongError(f"expected at most {MAX_VALUES:,} values, aliases counted as what they stand for")
        self.sizes[id(node)] = total
        return total

    def _scalar(self, node: "yaml.ScalarNode") -> None:
        if node.style is None and (node.tag in _TEXTS or (self.only_texts and node.tag in _TAGS)):
            node.tag = _STR
        elif node.tag == _STR and node.style is None and _EXPONENT.fullmatch(node.value):
            node.tag, node.value = _FLOAT, str(float(node.value))
        elif node.tag not in _TAGS and node.tag != _MERGE:
            raise _WrongError(f"expected plain values, got the tag {short(node.tag)}")


def _check_keys(node: "yaml.MappingNode") -> None:
    import yaml

    seen: set[tuple[str, str]] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _WrongError("expected every key to be a plain value, got a list or a mapping")
        if (key.tag, key.value) in seen and key.tag != _MERGE:
            raise _WrongError(f"the key {short(key.value)} is there twice")
        seen.add((key.tag, key.value))


def _checked(value: Any) -> Any:
    """The value; raises for an integer so large that no option takes it and that Python may refuse to print."""
    if isinstance(value, dict):
        for part in (*value.keys(), *value.values()):
            _checked(part)
    elif isinstance(value, list):
        for part in value:
            _checked(part)
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise _WrongError(f"expected whole numbers of at most {MAX_INTEGER:,}")
    return value


def _first_lines(error: Exception) -> str:
    """YAML's own message on one line, with long quotations cut."""
    return " ".join(str(error).split())[:300]
