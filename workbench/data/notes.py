"""What a model call was about and what it led to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from workbench.data.errors import SampleError, short
from workbench.data.fields import Fields


@dataclass(frozen=True)
class Sent:
    """A part of a request to a language model: a text, or a picture with the masks that are marked in it.

    `role`: who says it, as in chat messages. `picture`: what it shows, as `raw`, `all_masks`, `accepted_masks`,
    `single_mask` or `zoomed`; empty for a text. `masks`: their run lengths, at the size of the sample's image.
    """

    role: str
    text: str = ""
    picture: str = ""
    masks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        if self.picture:
            return {"role": self.role, "picture": self.picture, "masks": list(self.masks)}
        return {"role": self.role, "text": self.text}

    @classmethod
    def from_json(cls, record: object, where: str = "sent") -> "Sent":
        """The inverse of `to_json`; raises `SampleError` that names the field."""
        part = Fields(record, where)
        return cls(
            part.get("role", str, "user"),
            part.get("text", str, ""),
            part.get("picture", str, ""),
            tuple(part.texts("masks", [])),
        )


@dataclass
class Note:
    """What a call was about and what it led to. All fields are optional; fields that are None or empty are not stored.

    `extra` holds anything else that a system wants to keep, in JSON types.
    """

    request: str | None = None
    """What a request to a language model is for: `main` in the conversation, `check_mask` for the check of a mask."""
    about: str | None = None
    """The step that a request follows, such as `initial_query` or `masks_rendered`."""
    sent: list[Sent] = field(default_factory=list)
    """What a request showed the model, without its system text and its own replies."""
    reply: str | None = None
    """What the model wrote."""
    finish_reason: str | None = None
    """Why the model stopped writing, in its server's words."""
    remark: str | None = None
    """What was odd about the reply and how it was read all the same."""
    tool: str | None = None
    """The tool that the reply called."""
    phrase: str | None = None
    """The phrase that the segmenter was given."""
    masks: int | None = None
    """How many masks came back."""
    picture: str | None = None
    """What was drawn: `all_masks` or `check`."""
    marked: list[str] = field(default_factory=list)
    """Run lengths of the masks that are marked in the picture."""
    mask: int | None = None
    """The number of the mask that a check is about, as the model sees it."""
    accepted: bool | None = None
    """Whether a check accepted its mask."""
    mistake: str | None = None
    """What went wrong: a key of `workbench.data.vocabulary.MISTAKES`, or a short name of the system's own."""
    failed: str | None = None
    """The error that ended the call, if one did."""
    batch: int | None = None
    """How many samples were in the batch; the duration is that of the whole batch."""
    together: int | None = None
    """How many samples' calls ran together; the duration is this sample's share."""
    extra: dict[str, Any] = field(default_factory=dict)

    def set_fields(self) -> dict[str, Any]:
        """The fields that are set, except `extra`, in the order of their declaration; `sent` as `Sent`."""
        values = {name: getattr(self, name) for name in _NOTE_FIELDS}
        return {name: value for name, value in values.items() if value is not None and value != []}

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, without what is not set."""
        record = self.set_fields()
        if self.sent:
            record["sent"] = [part.to_json() for part in self.sent]
        return record | ({"extra": self.extra} if self.extra else {})

    @classmethod
    def from_json(cls, record: object, where: str = "note") -> "Note":
        """The inverse of `to_json`. Unknown names, and values that do not have a field's type, become part of `extra`:
        in earlier versions a note had no fields, and each system stored what it liked. Raises `SampleError` for
        anything that is not an object.
        """
        if not isinstance(record, Mapping):
            raise SampleError(f"{where}: expected an object, got {short(record)}")
        values: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        for key, value in _renamed(record).items():
            if type(value) is _NOTE_TYPES.get(key):  # nearly all
                values[key] = value
            elif key == "extra" and isinstance(value, Mapping):
                extra |= value
            elif key == "sent" and isinstance(value, list) and all(isinstance(part, Mapping) for part in value):
                values["sent"] = [Sent.from_json(part, f"{where}.sent[{i}]") for i, part in enumerate(value)]
            elif key == "marked" and isinstance(value, list) and all(isinstance(mask, str) for mask in value):
                values["marked"] = value
            elif value is not None or key not in _NOTE_FIELDS:
                extra[key] = value
        return cls(**values, extra=extra)


_NOTE_FIELDS = tuple(one.name for one in fields(Note) if one.name != "extra")
_NOTE_TYPES: dict[str, type] = {name: str for name in _NOTE_FIELDS if name not in ("sent", "marked")} | {
    "masks": int, "mask": int, "batch": int, "together": int, "accepted": bool
}  # fmt: skip


def _renamed(note: Mapping[str, Any]) -> dict[str, Any]:
    """A note with the present field names: versions up to 0.1 called a single pass's reply `text`, and the run lengths
    of marked masks `masks`.
    """
    renamed = dict(note)
    if isinstance(renamed.get("text"), str) and "reply" not in renamed:
        renamed["reply"] = renamed.pop("text")
    if isinstance(renamed.get("masks"), list) and "marked" not in renamed:
        renamed["marked"] = renamed.pop("masks")
    return renamed
