"""Instructions about a scene: seven kinds, each asking for one object, several, or something that is not there."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workbench.tabletop.descriptions import attribute, category, exclusion, intent
from workbench.tabletop.relations import counting, relation, superlative
from workbench.tabletop.scenes import Scene
from workbench.tabletop.view import FORMS, Draft, Form, View

KINDS: dict[str, Callable[[View, np.random.Generator, Form], Draft | None]] = {
    "category": category,
    "attribute": attribute,
    "relation": relation,
    "superlative": superlative,
    "counting": counting,
    "exclusion": exclusion,
    "intent": intent,
}
"""Kind of instruction -> its construction."""

FORM_SHARES: dict[Form, float] = {"single": 0.40, "multi": 0.35, "none": 0.25}

_ATTEMPTS = 12


@dataclass(frozen=True)
class Instruction:
    """One instruction about a scene.

    `targets` are indices into the scene's objects, none of them for no-target. `phrase` is the noun phrase (see
    `workbench.tabletop.phrases`) that the instruction chooses from: it names all targets, and maybe more.
    """

    text: str
    kind: str
    targets: tuple[int, ...]
    phrase: str


def instructions(scene: Scene, rng: np.random.Generator, count: int) -> list[Instruction]:
    """Up to `count` different instructions about a scene, fewer only where the scene offers no more.

    Kinds come about equally often; 40 % have one target, 35 % several (at most 10), 25 % none, as far as the scene
    allows.
    """
    view = View(scene)
    asked: list[Instruction] = []
    used: Counter[str] = Counter()
    for _ in range(count):
        instruction = _one(view, rng, used, {i.text for i in asked})
        if instruction is None:
            break
        asked.append(instruction)
        used[instruction.kind] += 1
    return asked


def _one(view: View, rng: np.random.Generator, used: Counter[str], taken: set[str]) -> Instruction | None:
    wanted = rng.choice(len(FORMS), p=list(FORM_SHARES.values()))
    forms = [FORMS[wanted], *(FORMS[i] for i in rng.permutation(len(FORMS)) if i != wanted)]
    names = list(KINDS)
    shuffled = [names[i] for i in rng.permutation(len(names))]
    for form in forms:
        for kind in sorted(shuffled, key=lambda name: used[name]):
            for _ in range(_ATTEMPTS):
                draft = KINDS[kind](view, rng, form)
                if draft is not None and draft.text not in taken:
                    return Instruction(draft.text, kind, tuple(sorted(draft.targets)), str(draft.phrase))
    return None
