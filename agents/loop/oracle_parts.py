"""One part of the agent replaced by the truth of a sample: what a perfect one would buy (see `docs/diagnosis.md`)."""

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
class Perfect:
    """A part that knows the truth: `targets`, and the benchmark's `phrase` for them, None where it has none."""

    part: Part
    targets: Sequence[Rle]
    phrase: str | None

    def rewritten(self, call: tools.ToolCall, reply: str) -> tuple[tools.ToolCall, str]:
        """A call of segment_phrase, and the reply that it stood in, with the true phrase; any other as it is."""
        if self.part != "rewriter" or call.name != "segment_phrase" or self.phrase is None:
            return call, reply
        right = tools.ToolCall("segment_phrase", phrase=self.phrase)
        changed = tools.cut(reply).replace(call.phrase, self.phrase) + tools.CLOSE
        if tools.parse(changed, 0) == right:
            return right, changed
        written = json.dumps({"name": right.name, "parameters": {"text_prompt": self.phrase}})
        return right, f"<tool>{written}{tools.CLOSE}"

    def verdict(self, mask: Rle) -> bool | None:
        """Whether a mask check accepts; None where checks are the model's own."""
        return bool((iou_matrix([mask], self.targets) >= FITS).any()) if self.part == "checker" else None
