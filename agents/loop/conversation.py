"""The agent's conversation as plain data: turns of texts and references to pictures, never pixels.

What stays in the context follows the SAM 3 agent: the system text, the opening, and everything since the latest call
of segment_phrase. Of older rounds only the phrases are kept, as part of the opening.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from agents.language_models.interface import Message, Picture
from agents.loop import tools
from agents.prompts.texts import Prompts

TextKind = Literal[
    "system_prompt",
    "initial_query",
    "initial_query_with_used_phrases",
    "assistant_reply",
    "masks_rendered",
    "zero_masks",
    "duplicate_phrase",
    "masks_placeholder_after_examine",
    "examined_masks_left",
    "examined_all_rejected",
    "mistake",
    "checking_prompt",
    "label_raw",
    "label_query",
    "label_mask",
    "label_zoom",
]
ImageKind = Literal["raw", "all_masks", "accepted_masks", "single_mask", "zoomed"]
REPLY_LIMIT = 4000  # characters of a reply that was a mistake, when it is shown to the model again


@dataclass(frozen=True)
class Text:
    """A text of the prompts, filled in."""

    kind: TextKind
    text: str


@dataclass(frozen=True)
class Shown:
    """A picture: `picture` is its index in the sample's workspace."""

    kind: ImageKind
    picture: int


@dataclass(frozen=True)
class Turn:
    """One message. `anchor`: the message is a reply that called segment_phrase. `passing`: the message belongs to an
    exchange about a mistake, which is removed as soon as a later reply can be carried out.
    """

    role: Literal["system", "user", "assistant"]
    parts: tuple[Text | Shown, ...]
    anchor: bool = False
    passing: bool = False


def opening(prompts: Prompts, query: str, raw: int) -> list[Turn]:
    """System text, and the raw image with the query."""
    return [
        Turn("system", (Text("system_prompt", prompts.system),)),
        Turn("user", (Shown("raw", raw), Text("initial_query", prompts.query.format(query=query)))),
    ]


def replied(turns: Sequence[Turn], reply: str, *, anchor: bool) -> list[Turn]:
    """The turns after a reply that can be carried out: the reply is cut after its call, and exchanges about mistakes
    are removed.
    """
    return [*(t for t in turns if not t.passing), Turn("assistant", (_reply(reply),), anchor=anchor)]


def corrected(turns: Sequence[Turn], prompts: Prompts, reply: str, mistake: tools.Mistake) -> list[Turn]:
    """The turns after a reply that cannot be carried out: the reply, and a message that says what is wrong with it."""
    said = Text("assistant_reply", reply[:REPLY_LIMIT])
    told = prompts.mistake.format(kind=mistake.kind.replace("_", " "), problem=mistake.problem)
    return [*turns, Turn("assistant", (said,), passing=True), Turn("user", (Text("mistake", told),), passing=True)]


def prune(turns: Sequence[Turn], prompts: Prompts, query: str, used: Sequence[str]) -> list[Turn]:
    """Keep the system text, the opening and everything from the latest anchor on. The opening then lists the phrases
    that were used, if any.
    """
    anchors = [i for i, turn in enumerate(turns) if turn.anchor]
    system, first = turns[0], turns[1]
    if used:
        text = prompts.query_used.format(query=query, used=quoted(used))
        first = replace(first, parts=(first.parts[0], Text("initial_query_with_used_phrases", text)))
    return [system, first, *turns[anchors[-1] if anchors else 2 :]]


def examined(turns: Sequence[Turn], prompts: Prompts) -> list[Turn]:
    """The turns after a call for mask checks, with a short text in place of the picture of the checked masks."""
    moved = Turn("user", (Text("masks_placeholder_after_examine", prompts.masks_moved),))
    return [*turns[:-2], moved, turns[-1]]


def messages(turns: Sequence[Turn], picture: Callable[[int], Picture]) -> list[Message]:
    """What is sent to the model: empty texts left out, neighbouring texts joined by a line break."""
    sent = []
    for turn in turns:
        parts: list[str | Picture] = []
        for part in turn.parts:
            if isinstance(part, Shown):
                parts.append(picture(part.picture))
            elif part.text and parts and isinstance(parts[-1], str):
                parts[-1] += "\n" + part.text
            elif part.text:
                parts.append(part.text)
        sent.append(Message(turn.role, tuple(parts)))
    return sent


def quoted(phrases: Sequence[str]) -> str:
    """Phrases in quotes, sorted, so that the same phrases always give the same text."""
    return ", ".join(f'"{phrase}"' for phrase in sorted(phrases))


def _reply(reply: str) -> Text:
    return Text("assistant_reply", tools.cut(reply) + tools.CLOSE)
