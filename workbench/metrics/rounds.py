"""What the calls of one answer come to: its rounds of conversation, and the seconds of the clock by kind of call."""

from collections.abc import Sequence
from itertools import pairwise

from workbench.data.predictions import Call, Prediction


def wall_clock(calls: Sequence[Call]) -> dict[str, float]:
    """Seconds of the clock by kind of call. A moment in which calls of several kinds run side by side is shared equally
    by the kinds, so that the seconds of all kinds never add up to more than the clock's.
    """
    ends = sorted({end for call in calls for end in (call.start, call.start + call.duration)})
    spent = dict.fromkeys((call.kind for call in calls), 0.0)
    waiting = sorted(calls, key=lambda call: call.start, reverse=True)
    running: list[Call] = []
    for begun, ended in pairwise(ends):
        while waiting and waiting[-1].start <= begun:
            running.append(waiting.pop())
        running = [call for call in running if call.start + call.duration >= ended]
        kinds = {call.kind for call in running}
        for kind in kinds:
            spent[kind] += (ended - begun) / len(kinds)
    return spent


def rounds(answer: Prediction) -> int:
    """The requests of the conversation: all `llm` calls, except those whose note names another `request` than `main`,
    such as an agent's mask checks.
    """
    return sum(call.kind == "llm" and call.note.request in (None, "main") for call in answer.calls)
