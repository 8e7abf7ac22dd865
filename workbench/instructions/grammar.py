"""Instructions about an annotated picture: seven kinds, each asking for one object, several, or what is not there.

They are those of tabletop, without `intent`, which needs to know what things are for, and with `position` of its own.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workbench.instructions.comparisons import counting, position, relation, superlative
from workbench.instructions.descriptions import attribute, category, exclusion
from workbench.instructions.view import Draft, View
from workbench.tabletop.grammar import FORM_SHARES
from workbench.tabletop.view import FORMS, Form

KINDS: dict[str, Callable[[View, np.random.Generator, Form], Draft | None]] = {
    "category": category,
    "attribute": attribute,
    "position": position,
    "superlative": superlative,
    "relation": relation,
    "counting": counting,
    "exclusion": exclusion,
}
"""Kind of instruction -> its construction."""

_ATTEMPTS = 12
_ALIKE = 1
"""Instructions of one kind that may ask for the same objects of a picture."""


@dataclass(frozen=True)
class Instruction:
    """One instruction about a picture; `targets` are indices into its things, none of them for no-target."""

    text: str
    kind: str
    targets: tuple[int, ...]


def instructions(view: View, rng: np.random.Generator, count: int) -> list[Instruction]:
    """Up to `count` different instructions about a picture, fewer only where it offers no more.

    Kinds come about equally often; 40 % have one target, 35 % several (at most 10), 25 % none, as far as the picture
    allows.
    """
    asked: list[Instruction] = []
    used: Counter[str] = Counter()
    taken: Counter[object] = Counter()
    for _ in range(count):
        instruction = _one(view, rng, used, taken)
        if instruction is None:
            break
        asked.append(instruction)
        used[instruction.kind] += 1
        taken.update(_marks(instruction))
    return asked


def _one(view: View, rng: np.random.Generator, used: Counter[str], taken: Counter[object]) -> Instruction | None:
    wanted = rng.choice(len(FORMS), p=list(FORM_SHARES.values()))
    forms = [FORMS[wanted], *(FORMS[i] for i in rng.permutation(len(FORMS)) if i != wanted)]
    shuffled = [list(KINDS)[i] for i in rng.permutation(len(KINDS))]
    for form in forms:
        for kind in sorted(shuffled, key=lambda name: used[name]):
            for _ in range(_ATTEMPTS):
                draft = KINDS[kind](view, rng, form)
                if draft is None:
                    continue
                instruction = Instruction(draft.text, kind, tuple(sorted(draft.targets)))
                core, same = _marks(instruction)
                if not taken[core] and (not draft.targets or taken[same] < _ALIKE):
                    return instruction
    return None


def _marks(instruction: Instruction) -> tuple[object, object]:
    """What makes two instructions the same, and what makes them alike: one kind that asks for the same objects."""
    text = instruction.text
    starts = [place for word in ("the", "all", "every", "each", "both") if (place := text.find(f"{word} ")) >= 0]
    core = text[min(starts, default=0) :].rstrip(".?").removesuffix(", please").removesuffix(" for me")
    return core, (instruction.kind, instruction.targets)
