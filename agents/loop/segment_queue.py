"""Runs the phrases of several samples through the segmenter in one batch, where they wait for it at the same time."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from agents import event_loop as background
from workbench.data.predictions import Call, Note, Trace
from workbench.plugins.interfaces import BatchSegmenter, Image, PhraseMasks, Segmenter

MOST = 8
"""Phrases that are run together at most: more gain little, and take memory."""


@dataclass
class Asked:
    """A phrase of a sample. `features` are None until the image is encoded; later phrases of the sample use them
    again.
    """

    image: Image
    phrase: str
    trace: Trace
    features: Any = None


class PhraseQueue:
    """A segmenter shared by several samples. The phrases that arrive while it is busy form its next batch."""

    def __init__(self, segmenter: Segmenter) -> None:
        self.segmenter = segmenter
        self._waiting: list[tuple[Asked, asyncio.Future[PhraseMasks]]] = []
        self._work: asyncio.Task[None] | None = None

    async def masks(self, asked: Asked) -> PhraseMasks:
        """The masks of a phrase; raises what the segmenter raises."""
        answer: asyncio.Future[PhraseMasks] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._empty())
        return await answer

    async def _empty(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            taken = [(asked, future) for asked, future in taken if not future.done()]  # some have run out of time
            answers = await background.one_at_a_time(partial(self._run, [asked for asked, _ in taken]))
            for (_, future), answer in zip(taken, answers, strict=True):
                if future.done():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    def _run(self, asked: Sequence[Asked]) -> list[PhraseMasks | Exception]:
        """The masks of all phrases, computed in one batch. If the batch fails, each phrase is run alone, so that only
        the phrase that caused the failure fails.
        """
        if not asked:
            return []
        if len(asked) > 1 and isinstance(self.segmenter, BatchSegmenter):
            counts = [len(one.trace.calls) for one in asked]
            try:
                return list(together(self.segmenter, asked))
            except Exception:  # the phrase that caused it raises it again when it is run alone
                for one, count in zip(asked, counts, strict=True):  # the images that were encoded are not encoded again
                    done = [
                        call for call in one.trace.calls[count:] if call.kind == "encode" and one.features is not None
                    ]
                    one.trace.calls[count:] = done
        return [self._run_alone(one) for one in asked]

    def _run_alone(self, asked: Asked) -> PhraseMasks | Exception:
        try:
            return alone(self.segmenter, asked)
        except Exception as error:  # any failure of a segmenter is that sample's outcome, whatever it raises
            return error


def alone(segmenter: Segmenter, asked: Asked) -> PhraseMasks:
    """The masks of one phrase; its image is encoded first, if that has not been done."""
    if asked.features is None:
        with _timed([asked], "encode"):
            asked.features = segmenter.encode(asked.image)
    with _timed([asked], "segment") as (call,):
        answer = segmenter.segment(asked.features, [asked.phrase])[0]
        call.note.phrase, call.note.masks = asked.phrase, len(answer.masks)
    return answer


def together(segmenter: BatchSegmenter, asked: Sequence[Asked]) -> Sequence[PhraseMasks]:
    """The masks of phrases about several images in one batch, in order."""
    new = [one for one in asked if one.features is None]
    if new:
        with _timed(new, "encode"):
            encoded = segmenter.encode_all([one.image for one in new])
        for one, features in zip(new, encoded, strict=True):
            one.features = features
    with _timed(asked, "segment") as calls:
        answers = segmenter.segment_all([(one.features, one.phrase) for one in asked])
        for call, one, answer in zip(calls, asked, answers, strict=True):
            call.note.phrase, call.note.masks = one.phrase, len(answer.masks)
    return answers


@contextmanager
def _timed(asked: Sequence[Asked], kind: str) -> Iterator[list[Call]]:
    """Record the block as a call of every sample. Each sample gets an equal share of the time, so that the shares add
    up to the elapsed time.
    """
    begun, processor = time.perf_counter(), time.process_time()
    sharing = len(asked) if len(asked) > 1 else None
    calls = [Call(kind, begun - one.trace.origin, note=Note(together=sharing)) for one in asked]
    for one, call in zip(asked, calls, strict=True):
        one.trace.calls.append(call)
    try:
        yield calls
    finally:
        for call in calls:
            call.duration = (time.perf_counter() - begun) / len(asked)
            call.processor = (time.process_time() - processor) / len(asked)
