"""Replaces one part of the agent by the truth of a sample, to see what a perfect part would gain (see
`docs/diagnosis.md`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from agents.loop import tools
from workbench.data.masks import Rle, iou_matrix

Part = Literal["rewriter", "checker"]
PARTS: dict[str, Part] = {part: part for part in get_args(Part)}
FITS = 0.5
"""IoU with a target from which on a mask is accepted."""


@dataclass(frozen=True)
class Oracle:
    """A part of the agent that answers from the truth: the sample's `targets`, and the `phrase` by which the benchmark
    names them (None if it has none)."""

    part: Part
    targets: Sequence[Rle]
    phrase: str | None

    def rewritten(self, call: tools.ToolCall, reply: str) -> tuple[tools.ToolCall, str]:
        """For a call of segment_phrase: the call and the model's reply with the true phrase in it. Other calls and
        their replies are returned unchanged."""
        if self.part != "rewriter" or call.name != "segment_phrase" or self.phrase is None:
            return call, reply
        right = tools.ToolCall("segment_phrase", phrase=self.phrase)
        changed = tools.cut(reply).replace(call.phrase, self.phrase) + tools.CLOSE
        if tools.parse(changed, 0) == right:
            return right, changed
        written = json.dumps({"name": right.name, "parameters": {"text_prompt": self.phrase}})
        return right, f"<tool>{written}{tools.CLOSE}"

    def verdict(self, mask: Rle) -> bool | None:
        """Whether a mask check accepts the mask; None if the model itself is to check."""
        return bool((iou_matrix([mask], self.targets) >= FITS).any()) if self.part == "checker" else None
