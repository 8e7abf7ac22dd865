"""Instructions read back by their words alone, to compare with the targets that they were given."""

import re

from workbench.tabletop.grammar import Instruction
from workbench.tabletop.phrases import Phrase
from workbench.tabletop.scenes import Scene
from workbench.tabletop.vocabulary import CATEGORIES, COLOURS, KINDS

Asked = list[tuple[Scene, Instruction]]
SIZE_WORDS = {"small": "small", "little": "small", "medium-sized": "medium", "large": "large", "big": "large"}


def words(text: str) -> Phrase | None:
    """Read "little red mugs" or "pieces of fruit that are blue"; None where a word is unknown."""
    nouns = {name: name for name in (*CATEGORIES, *KINDS)}
    nouns |= {c.plural: name for name, c in CATEGORIES.items()} | {plural: name for name, plural in KINDS.items()}
    nouns |= {f"{word}{s}": "object" for word in ("object", "thing", "item") for s in ("", "s")}
    noun = colour = size = None
    for word in re.sub(r"\b(pieces? of|that (is|are)) ", "", text).split():
        if word in SIZE_WORDS:
            size = SIZE_WORDS[word]
        elif word in COLOURS:
            colour = word
        elif word in nouns and noun is None:
            noun = nouns[word]
        else:
            return None
    return Phrase(noun, colour, size) if noun else None


def named(scene: Scene, text: str) -> list[int] | None:
    phrase = words(text)
    return None if phrase is None else [i for i, o in enumerate(scene.objects) if phrase.matches(o)]


def check(asked: Asked, kind: str, pattern: str, answer, at_least: int) -> None:  # type: ignore[no-untyped-def]
    """`answer(scene, match, indices of the named class)` must be the targets wherever the pattern fits the text."""
    checked = 0
    for scene, instruction in asked:
        match = re.search(pattern, instruction.text) if instruction.kind == kind else None
        candidates = named(scene, match["noun"]) if match else None
        if candidates is not None:
            expected = answer(scene, match, candidates)
            if expected is not None:
                assert instruction.targets == tuple(sorted(expected)), instruction.text
                checked += 1
    assert checked >= at_least
