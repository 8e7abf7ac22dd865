"""Files of a run: append-only JSON lines that survive a kill at any byte, JSON files replaced in one step, locks."""

import fcntl
import json
import math
import os
import platform
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.data.errors import ConfigurationError


class Journal:
    """An append-only file of JSON lines. `records` are those found on opening; a truncated last line is cut off."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records, complete = _read(path) if path.exists() else ([], 0)
        self._file = path.open("ab")
        self._file.truncate(complete)

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one line and wait until it is on disk; raises `ValueError` or `TypeError`, with nothing written, for
        what is not JSON."""
        line = json.dumps(record, allow_nan=False, separators=(",", ":")) + "\n"
        self._file.write(line.encode())
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def read_records(path: Path) -> list[dict[str, Any]]:
    """The complete lines of a journal that another process may be writing."""
    return _read(path)[0] if path.exists() else []


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; raises `ConfigurationError` that names the holder where it is held."""
    with (folder / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise ConfigurationError(f"{folder} is being written by {holder}: wait for it, or stop it") from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n")
        file.flush()
        yield


def check_writable(folder: Path) -> None:
    """Make the folder where it is missing; raises `ConfigurationError` where no file can be written in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigurationError(f"output folder {folder} cannot be written: {error.strerror}") from error


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file in one step; numbers that are not finite become null."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(json.dumps(_finite(value), indent=2, allow_nan=False) + "\n")
    temporary.replace(path)


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Replace a file of JSON lines in one step."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("w") as file:
        file.writelines(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
    temporary.replace(path)


def read_json(path: Path) -> Any:
    """Read a JSON file; raises `ConfigurationError` that names it where it is missing or not JSON."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise ConfigurationError(f"file not found: {path}") from None
    except ValueError as error:
        raise ConfigurationError(f"{path} is not JSON: {error}") from error


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _read(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The complete lines and the number of bytes they take."""
    records, size = [], 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                break
            try:
                records.append(json.loads(line))
            except ValueError as error:
                raise ConfigurationError(
                    f"{path}: line {number} is not JSON; delete {path.parent} to predict anew"
                ) from error
            size += len(line)
    return records, size
