"""Conversations about generated scenes, from which a tiny Qwen3-VL learns."""

import numpy as np

from workbench.foundations.training.tokenizer import COMMON_WORDS
from workbench.tabletop import phrases
from workbench.tabletop.training_scenes import TrainingScene, draw

GRID = 8


def cells(scene: TrainingScene) -> list[tuple[int, int]]:
    """The grid cell `x, y` of each object: that of the mean of its visible pixels."""
    side = scene.index.shape[0]
    centres = []
    for mask in scene.masks():
        rows, columns = np.nonzero(mask)
        centres.append((int(columns.mean() * GRID / side), int(rows.mean() * GRID / side)))
    return centres


def places(chosen: list[tuple[int, int]]) -> str:
    """Cells in reading order: `3 1; 0 4`; `none` for no cell."""
    return "; ".join(f"{x} {y}" for x, y in sorted(chosen, key=lambda c: (c[1], c[0]))) or "none"


def conversation(scene: TrainingScene, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Questions and answers about one scene."""
    at = cells(scene)
    order = sorted(range(len(at)), key=lambda i: (at[i][1], at[i][0]))
    listed = "; ".join(
        f"{at[i][0]} {at[i][1]} {scene.objects[i].size} {scene.objects[i].colour} {scene.objects[i].category}"
        for i in order
    )
    turns = [("Describe.", listed)] if rng.random() < 0.5 else []
    for _ in range(2):
        if rng.random() < 0.7:
            own = phrases.noun_phrases(scene.objects[rng.integers(len(scene.objects))])
        else:
            own = list(phrases.ALL_PHRASES)
        phrase = own[rng.integers(len(own))]
        turns.append(
            (f"Where: {phrase}", places([at[i] for i, o in enumerate(scene.objects) if phrases.matches(phrase, o)]))
        )
    for i in scene.instructions:
        named = [at[k] for k, o in enumerate(scene.objects) if phrases.matches(i.phrase, o)]
        turns.append((i.text, f"{i.phrase}: {places(named)} -> {places([at[k] for k in i.targets])}"))
    return [turns[int(i)] for i in rng.permutation(len(turns))]


def corpus(scenes: int = 2000) -> list[str]:
    """Texts that the tokenizer learns its merges from: conversations about so many scenes, phrases and the agent's tool
    calls."""
    rng = np.random.default_rng(0)
    drawn = (draw(0, number, size=128, asked=5) for number in range(scenes))
    said = [part for scene in drawn for turn in conversation(scene, rng) for part in turn]
    calls = [
        '<think>x</think><tool>{"name": "segment_phrase", "parameters": {"text_prompt": "' + phrase + '"}}</tool>'
        for phrase in phrases.ALL_PHRASES
    ]
    other = [
        '{"name": "examine_each_mask", "parameters": {}}', '{"name": "report_no_mask", "parameters": {}}',
        '{"name": "select_masks_and_return", "parameters": {"final_answer_masks": [1, 2, 3]}}',
        "system user assistant\n", "Accept", "Reject", " masks", " mask", "Masks:", " small", " medium", " large",
    ]  # fmt: skip
    return [*said, *calls, *other * 200, *(f"the {word}" for word in COMMON_WORDS)]
