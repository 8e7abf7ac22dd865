"""Stores the agent's steps on disk, so that a killed run continues in the middle of a sample."""

import hashlib
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import aiosqlite
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from agents import event_loop as background
from agents.loop import conversation, workspace
from workbench.data import predictions
from workbench.plugins.interfaces import Image

KEPT = (
    conversation.Turn,
    conversation.Text,
    conversation.Shown,
    workspace.Ending,
    workspace.SeenMask,
    predictions.Call,
    predictions.Note,
    predictions.Sent,
    predictions.Candidate,
)
"""What the graph's state is made of besides plain types; nothing else is ever read back."""
_LAYOUT = 2  # of the state: steps that a version with another one left are not read, and their samples start anew


class Unfinished:
    """A SQLite file of LangGraph checkpoints, with one thread for each sample.

    The steps of an answered sample are deleted when the next samples are asked for by `predict`, or its answer is said
    to be stored, not before.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "unfinished.sqlite"
        self._answered: dict[str, str] = {}
        set_aside_if_damaged(self.path)
        self.saver: Any = background.run(self._open())

    async def _open(self) -> AsyncSqliteSaver:
        connection = await _daemon(aiosqlite.connect(self.path))
        serde = JsonPlusSerializer(allowed_msgpack_modules=KEPT)
        saver = AsyncSqliteSaver(connection, serde=serde)
        await saver.setup()
        await connection.execute("PRAGMA synchronous=NORMAL")  # no wait for the disk: a kill loses nothing even so
        return saver

    async def forget_answered(self, sample_ids: Sequence[str] | None = None) -> None:
        """Delete the steps of the samples for which `answered` was called: all, or those of these ids."""
        for sample_id in list(self._answered) if sample_ids is None else sample_ids:
            if thread := self._answered.pop(sample_id, None):
                await self.saver.adelete_thread(thread)

    def answered(self, sample_id: str, thread: str) -> None:
        """Mark a sample as answered: its steps are deleted when its answer is known to be stored."""
        self._answered[sample_id] = thread

    async def forget(self, thread: str) -> None:
        """Drop the steps of one sample now."""
        await self.saver.adelete_thread(thread)

    async def has(self, thread: str) -> bool:
        """Whether there are stored steps of a sample."""
        return await self.saver.aget_tuple({"configurable": {"thread_id": thread}}) is not None


def set_aside_if_damaged(path: Path) -> None:
    """Rename a file that is not a complete SQLite database, and say so. Only the steps of unanswered samples are lost
    with it; they are repeated.
    """
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path)) as connection:
            sound = connection.execute("pragma quick_check").fetchone()[0] == "ok"
    except sqlite3.DatabaseError:
        sound = False
    if sound:
        return
    aside = path.with_name(path.name + ".damaged")
    path.replace(aside)
    for ending in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    print(f"{path} is damaged and now {aside.name}: samples that were begun are begun anew", file=sys.stderr)


async def _daemon(connection: aiosqlite.Connection) -> aiosqlite.Connection:
    # its thread would otherwise keep a finished process from ending
    thread = getattr(connection, "_thread", connection)
    if hasattr(thread, "daemon"):
        thread.daemon = True
    return await connection


def thread_of(sample_id: str, instruction: str, image: Image) -> str:
    """The name under which a sample's steps are kept: a digest of its id, instruction and image."""
    total = hashlib.sha256(f"{_LAYOUT}\0{sample_id}\0{instruction}\0{image.shape}".encode())
    total.update(image.tobytes())
    return total.hexdigest()
