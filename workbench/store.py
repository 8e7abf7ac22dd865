"""What a run keeps on disk: append-only JSON lines that survive a kill at any byte, and the store of one system.

A store is a folder `<run>/<benchmark>/<system>`:
    identity.json       what its predictions depend on; they are reused only where it is equal
    predictions.jsonl   one `Prediction.to_json()` a line, with the digests of the image file and of the instruction
                        and the seconds it took
    sessions.jsonl      one line for each time that predictions were added: when, seconds to load and to warm up
    lock                held by the one process that writes
    unfinished.sqlite   steps of samples that a system was working on, where it can go on with them
"""

import fcntl
import json
import math
import os
import platform
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from workbench.errors import ConfigurationError
from workbench.predictions import OK, Prediction
from workbench.provenance import flatten


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


@dataclass(frozen=True)
class Done:
    """A sample that has its prediction: digests of its image file (None: unreadable) and of its instruction."""

    image: str | None
    instruction: str
    failed: bool


class Store:
    """The predictions of one system on one benchmark; a context manager that holds the folder's lock.

    Raises `ConfigurationError` where another process holds the lock, and where the predictions that are there were
    made under another `identity` (JSON types).
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._identity = json.loads(json.dumps(identity))

    def __enter__(self) -> Self:
        self._lock = lock(self.folder)
        self._lock.__enter__()
        try:
            self._check_identity()
            self._predictions = Journal(self.folder / "predictions.jsonl")
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        self.done = {
            record["sample_id"]: Done(record["image"], record["instruction"], record["outcome"] != OK)
            for record in self._predictions.records
        }
        self._predictions.records.clear()
        return self

    def __exit__(self, *_: object) -> None:
        self._predictions.close()
        self._lock.__exit__(None, None, None)

    def check(self, sample_id: str, image: str | None, instruction: str) -> None:
        """Raise `ConfigurationError` where the stored prediction of this sample is for another image or instruction."""
        stored = self.done[sample_id]
        changed = [
            what
            for what, before, now in (
                ("image file", stored.image, image),
                ("instruction", stored.instruction, instruction),
            )
            if before != now
        ]
        if changed:
            raise ConfigurationError(
                f"{self.folder}: sample {sample_id}: the {' and the '.join(changed)} changed since it was predicted; "
                + self._advice()
            )

    def append(self, prediction: Prediction, image: str | None, instruction: str, seconds: float) -> None:
        """Add the prediction of a new sample; `seconds` is its share of the time the system worked."""
        if prediction.sample_id in self.done:
            raise ValueError(f"sample {prediction.sample_id} is already in {self.folder}")
        digests = {"image": image, "instruction": instruction}
        self._predictions.append({**prediction.to_json(), **digests, "seconds": seconds})
        self.done[prediction.sample_id] = Done(image, instruction, prediction.outcome != OK)

    def add_session(self, record: Mapping[str, Any]) -> None:
        """Note that predictions are about to be added."""
        sessions = Journal(self.folder / "sessions.jsonl")
        sessions.append(record)
        sessions.close()

    def _check_identity(self) -> None:
        path = self.folder / "identity.json"
        if not path.exists() and not read_records(self.folder / "predictions.jsonl"):
            write_json(path, self._identity)
            return
        stored = read_json(path) if path.exists() else {}
        if stored != self._identity:
            before, now = flatten(stored), flatten(self._identity)
            changed = [
                f"{key} was {before.get(key, 'absent')!r} and is now {now.get(key, 'absent')!r}"
                for key in sorted(before.keys() | now.keys())
                if before.get(key, "absent") != now.get(key, "absent")
            ]
            raise ConfigurationError(
                f"{self.folder} holds predictions made under other conditions: {'; '.join(changed)}. {self._advice()}"
            )

    def _advice(self) -> str:
        return f"choose another --out, or delete {self.folder} to predict anew"


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
