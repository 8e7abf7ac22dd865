"""Files of a run: append-only JSON lines that survive a kill at any byte, JSON files replaced in one step, locks."""

import errno
import fcntl
import json
import math
import os
import platform
import shlex
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NoReturn

from workbench.data.errors import ConfigurationError, short
from workbench.data.secrets import hidden

SHOWN = 5
"""Damaged lines that a message names."""
END = "lines"
"""Key of the last line of a file that was written as a whole."""
FETCHED = "fetched.json"
"""A file in a downloaded run folder that says where the run came from."""


@dataclass(frozen=True)
class Line:
    """A complete line of a journal: its number from 1, the byte that it starts at, and its JSON object."""

    number: int
    start: int
    text: bytes
    record: dict[str, Any]


class Lines:
    """The complete lines of a journal, one at a time, those that are good. Where others are damaged, iterating raises
    `ConfigurationError` at the end, which names each of them.

    `size` and `sealed` say how many bytes were read and whether lines have checksums. `head` may give the record of a
    line that has a checksum which fits, to save parsing it: an object with the fields that are needed, or None.
    """

    def __init__(self, path: Path, head: Callable[[bytes], dict[str, Any] | None] = lambda _: None) -> None:
        self.path, self.size, self.sealed, self._head = path, 0, False, head

    def __iter__(self) -> Iterator[Line]:
        problems: dict[int, str] = {}
        number = 0
        with self.path.open("rb") as file:
            for number, text in enumerate(file, 1):
                if not text.endswith(b"\n"):
                    number -= 1
                    break
                start, self.size = self.size, self.size + len(text)
                try:
                    has_seal = _has_seal(text)
                    if self.sealed and not has_seal:
                        raise ValueError("it has no checksum, but a line before it has one")
                    self.sealed = self.sealed or has_seal
                    record = (self._head(text) if has_seal else None) or _parsed(text)
                except (ValueError, RecursionError) as error:
                    problems[number] = str(error)
                    continue
                yield Line(number, start, text, record)
        if problems:
            raise damaged(self.path, problems, number)


class Journal:
    """An append-only file of JSON lines, from which keys are hidden (see `workbench.data.secrets`).

    The lines that are there on opening are given to `each`, one after the other; an incomplete last line is removed.
    Each line ends with a checksum of itself (key `crc`), which is removed again on reading. Lines of earlier versions
    have none.
    """

    def __init__(self, path: Path, each: Callable[[Line], None] = lambda _: None) -> None:
        self.path, lines = path, Lines(path)
        for line in lines if path.exists() else ():
            each(line)
        self._size = lines.size
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.ftruncate(self._file, self._size)

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one line and wait until it is on disk. Raises `ValueError` or `TypeError` for a record that is not
        JSON; nothing is written then. Raises `OSError` where the disk does not take the line; a half-written line is
        removed.
        """
        line = sealed(hidden(record))
        try:
            written = 0
            while written < len(line):
                written += os.write(self._file, line[written:])
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(line)

    def close(self) -> None:
        os.close(self._file)


def read_records(path: Path) -> list[dict[str, Any]]:
    """The complete lines of a journal that another process may be writing; empty where there is no file.

    Raises `ConfigurationError` that names each damaged line and says what can be kept.
    """
    return [line.record for line in Lines(path)] if path.exists() else []


def complete_lines(path: Path) -> Iterator[bytes]:
    """The lines of a journal as they are, without a last one that is not complete, one at a time.

    Raises `ConfigurationError` for a line whose checksum does not fit.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                _has_seal(line)
            except ValueError as error:
                raise damaged(path, {number: str(error)}, number) from error
            yield line


def write_whole(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Replace a file of JSON lines in one step. A last line states how many there are, so that a missing line is
    noticed.
    """

    def counted() -> Iterator[Mapping[str, Any]]:
        count = 0
        for count, record in enumerate(records, 1):  # noqa: B007
            yield record
        yield {END: count}

    write_lines(path, counted())


def read_whole(path: Path) -> list[dict[str, Any]]:
    """The records of `whole_lines`."""
    return [line.record for line in whole_lines(path)]


def whole_lines(path: Path) -> Iterator[Line]:
    """The lines of a file that `write_whole`, or an earlier version without the last line, wrote, one at a time.

    Raises `ConfigurationError` at the end, which names damaged lines and says where lines are missing.
    """
    lines = Lines(path)
    last: Line | None = None
    found = 0
    for line in lines:
        if last is not None:
            yield last
        last, found = line, found + 1
    count = last.record.get(END) if last and END in last.record else None
    if last is not None and END in last.record:
        found -= 1
    elif last is not None:
        yield last
    if lines.size < path.stat().st_size:
        raise damaged(path, {found + 1: "it is cut off"}, found + 1)
    if count != found if count is not None else lines.sealed:
        expected = "a line that counts them" if count is None else f"{count} lines"
        raise damaged(path, {found + 1: f"expected {expected} before the end"}, found + 1)


def sealed(record: Mapping[str, Any]) -> bytes:
    """A record as one JSON line with its checksum: the CRC-32 of all bytes before the key `crc`."""
    text = json.dumps(record, allow_nan=False, separators=(",", ":"))
    head = (text[:-1] + ("," if record else "")).encode()
    return head + _seal(head)


def damaged(path: Path, problems: Mapping[int, str], total: int) -> ConfigurationError:
    """The error for a journal with bad lines: `problems` by line number, of `total` lines."""
    numbers = sorted(problems)
    shown = "; ".join(f"line {number} is damaged: {problems[number]}" for number in numbers[:SHOWN])
    more = f"; and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
    kept = f"{total - len(numbers)} of {total} lines are good"
    return ConfigurationError(f"{path}: {shown}{more}. {kept}. {_advice(path, numbers)}")


def _advice(path: Path, numbers: Sequence[int]) -> str:
    file = shlex.quote(str(path))
    for folder in path.parents:
        if (folder / FETCHED).exists():
            return f"This is a copy from MLflow: delete {folder}, and it is downloaded again when it is needed"
    if path.name == "samples.jsonl":
        return "Give the command of the comparison again: it writes this file anew and keeps the predictions"
    if path.name == "sessions.jsonl":
        return f"Move it away (mv {file} {file}.damaged): all predictions are kept, only the cold start is then unknown"
    lines = ";".join(f"{number}d" for number in numbers)
    delete = f"Delete {'it' if len(numbers) == 1 else 'them'} (sed -i '{lines}' {file})"
    if path.name == "predictions.jsonl":
        return (
            f"{delete} and give the command of the comparison again: it keeps the others and asks only what is missing"
        )
    return f"{delete}: the other lines are kept"


_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)
"""How a file system answers that knows no locks."""
_HELD: set[Path] = set()
"""Folders that this process holds."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Like `lock`, but does nothing where this process holds the folder already."""
    if folder.resolve() in _HELD:
        yield
        return
    with lock(folder):
        yield


@contextmanager
def waiting_lock(path: Path) -> Iterator[None]:
    """Hold a lock file, waiting until all others have released it."""
    with path.open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        yield


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; raises `ConfigurationError` that names the holder where it is held."""
    place = folder.resolve()
    with (folder / "lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise ConfigurationError(f"{folder} is being written by {holder}: wait for it, or stop it") from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            print(
                f"workbench: the file system of {folder} has no locks ({error.strerror}): see to it that no other "
                "process writes there",
                file=sys.stderr,
            )
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n")
        file.flush()
        _HELD.add(place)
        try:
            yield
        finally:
            _HELD.discard(place)


def check_writable(folder: Path) -> None:
    """Make the folder where it is missing; raises `ConfigurationError` where no file can be written in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigurationError(f"output folder {folder} cannot be written: {error.strerror}") from error


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file in one step; numbers that are not finite become null, and keys are hidden."""
    text = json.dumps(hidden(finite(value)), indent=2, allow_nan=False) + "\n"
    with replacing(path) as file:
        file.write(text.encode())


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Replace a file of JSON lines, each with its checksum, in one step."""
    with replacing(path) as file:
        file.writelines(map(sealed, records))


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write. When all of it is on disk, it takes the place of `path`; until then, `path` stays as it is."""
    temporary = path.with_name(path.name + ".new")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> Any:
    """Read a JSON file; raises `ConfigurationError` that names it where it is missing or not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"file not found: {path}") from None
    except (IsADirectoryError, NotADirectoryError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigurationError(f"{path} is not JSON: {error}") from error


def finite(value: Any) -> Any:
    """The JSON value with None in place of every number that is not finite."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


_KEY = b'"crc":"'
_SEAL = len(b'"crc":"00000000"}\n')


def _seal(head: bytes) -> bytes:
    return b'"crc":"%08x"}\n' % zlib.crc32(head)


def _has_seal(line: bytes) -> bool:
    """Whether the line ends with a checksum; raises `ValueError` where the checksum is wrong."""
    if not line[-_SEAL:].startswith(_KEY):
        return False
    if line[-_SEAL:] != _seal(line[:-_SEAL]):
        raise ValueError("its checksum does not fit")
    return True


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON ({error})") from error
    if not isinstance(record, dict):
        raise ValueError(f"expected a JSON object, got {short(record)}")
    record.pop("crc", None)
    return record


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
