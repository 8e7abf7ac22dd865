"""The agent's conversation as its language model saw it, drawn again from the trace of an answer."""

from collections.abc import Iterator
from dataclasses import dataclass

from agents.options import Options
from agents.pictures.view import View
from workbench.data.masks import Rle
from workbench.data.predictions import Call, Prediction, Sent
from workbench.plugins.interfaces import Image


@dataclass(frozen=True)
class Said:
    """One message: a text or a picture (`what`), and who sent it (`who`: user or model). `picture` names what a picture
    shows. `check` is the number of the mask that is checked, None for a message of the main conversation."""

    who: str
    what: str | Image
    picture: str = ""
    check: int | None = None


def conversation(image: Image, answer: Prediction, options: Options) -> list[Said]:
    """All messages in order; a part that several requests repeat is given once. The system text is left out, and long
    texts are cut as they are in the trace.

    `options` are the agent's when it answered: pictures of masks depend on them.
    """
    view = View(image, options)
    said: list[Said] = []
    seen: set[tuple[int | None, Sent]] = set()
    for call in answer.calls:
        if call.kind != "llm":
            continue
        check = call.note.mask if call.note.request == "check_mask" else None
        for part in call.note.sent:
            if (check, part) not in seen:
                seen.add((check, part))
                said.append(_part(view, part, check))
        said.append(Said("model", _reply(call), check=check))
    return said


def dropped(answer: Prediction) -> Iterator[tuple[Rle, str]]:
    """Each mask that is not in the answer, with a caption: why it was dropped, its score, and its phrase."""
    for candidate in answer.candidates:
        yield candidate.mask, f"{candidate.dropped.replace('_', ' ')} {candidate.score:.2f}\n{candidate.phrase}"


def _part(view: View, part: Sent, check: int | None) -> Said:
    if not part.picture:
        return Said(part.role, part.text, check=check)
    masks: list[Rle] = [{"size": list(view.image.shape[:2]), "counts": counts} for counts in part.masks]
    kind = part.picture
    if kind == "raw":
        drawn = view.raw
    elif kind == "single_mask":
        drawn = view.single_mask(masks[0])
    elif kind == "zoomed":
        drawn = view.zoom_pair(masks[0])
    else:
        drawn = view.all_masks(masks)
    return Said(part.role, drawn, kind.replace("_", " "), check)


def _reply(call: Call) -> str:
    return call.note.reply or f"(no reply: {call.note.failed or 'unknown'})"
