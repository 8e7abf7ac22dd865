"""What a run keeps on disk: append-only JSON lines that survive a kill at any byte, and the store of one system.

A store is a folder `<run>/<benchmark>/<system>`:
    identity.json       what its predictions depend on; they are reused only where it is equal
    predictions.jsonl   one `Prediction.to_json()` a line, long traces packed (`workbench.data.traces`), with the
                        digests of the image file and of the instruction and the seconds it took (where workers in
                        other processes answered also: `worker`, and `wall`, its share of the time that passed); a
                        sample that failed for a server's sake (then also: `when`) and was
                        asked again has a second line, whose `earlier` lists the failures that it stands in for
    sessions.jsonl      one line for each time that predictions were added, and for each worker: when, seconds to load
                        and to warm up, the state of the machine, and which worker it was, where and on which device
    repeats.jsonl       one line for each time that a sample was asked again to take its time
    lock                held by the one process that writes
    unfinished.sqlite   steps of samples that a system was working on, where it can go on with them
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from workbench.data.digests import flatten
from workbench.data.errors import ConfigurationError
from workbench.data.outages import is_outage
from workbench.data.predictions import Prediction
from workbench.data.secrets import hidden
from workbench.data.traces import packed
from workbench.runs.checks import REPEATS, Done, DoneReader, Repeat, check_identity, read_repeats
from workbench.runs.files import Journal, complete_lines, lock, read_json, write_json


class Store:
    """The predictions of one system on one benchmark; a context manager that holds the folder's lock.

    Raises `ConfigurationError` where another process holds the lock, and where the predictions that are there were
    made under another `identity` (JSON types).
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._identity = hidden(json.loads(json.dumps(identity)))

    def __enter__(self) -> Self:
        self._lock = lock(self.folder)
        self._lock.__enter__()
        try:
            self._check_identity()
            path = self.folder / "predictions.jsonl"
            reading = DoneReader(path)
            self._predictions = Journal(path, reading.add)
            self.done = reading.finish()
            self.repeats = read_repeats(self.folder / REPEATS)
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
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

    def append(
        self,
        prediction: Prediction,
        image: str | None,
        instruction: str,
        seconds: float,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """Add the prediction of a sample that has none, or that failed because of a server. In the latter case, the new
        line lists the failures that it replaces (`earlier`). `seconds` is the sample's share of the time the system
        worked; `about`: what is kept beside it.
        """
        before = self.done.get(prediction.sample_id)
        if before and not before.outage:
            raise ValueError(f"sample {prediction.sample_id} is already in {self.folder}")
        record = {**prediction.to_json(), "image": image, "instruction": instruction, "seconds": seconds}
        record |= about or {}
        if before:
            record["earlier"] = list(before.earlier)
        if is_outage(prediction):
            record["when"] = datetime.now(UTC).isoformat(timespec="seconds")
        self._predictions.append(packed(hidden(record)))
        self.done[prediction.sample_id] = Done.of(record)

    def add_repeat(self, repeat: Repeat) -> None:
        """Record what it took to ask a sample again; its answer is not kept."""
        journal = Journal(self.folder / REPEATS)
        journal.append(asdict(repeat))
        journal.close()
        self.repeats.append(repeat)

    def add_session(self, record: Mapping[str, Any]) -> None:
        """Record that predictions are about to be added."""
        sessions = Journal(self.folder / "sessions.jsonl")
        sessions.append(record)
        sessions.close()

    def _check_identity(self) -> None:
        path = self.folder / "identity.json"
        predictions = self.folder / "predictions.jsonl"
        if not predictions.exists() or next(complete_lines(predictions), None) is None:
            write_json(path, self._identity)
            return
        stored = check_identity(path, read_json(path)) if path.exists() else {}
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
