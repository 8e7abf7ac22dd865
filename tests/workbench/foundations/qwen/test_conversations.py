"""Conversations about a scene say what is in it."""

import numpy as np

from workbench.foundations.qwen import conversations
from workbench.tabletop.training_scenes import draw


def test_conversations_answer_from_the_scene() -> None:
    scene = draw(0, 5, size=128, asked=4)
    at = conversations.cells(scene)
    for question, answer in conversations.conversation(scene, np.random.default_rng(0)):
        for x, y in (
            place.split()[:2]
            for place in answer.split(": ")[-1].replace("-> ", "; ").split("; ")
            if place[:1].isdigit()
        ):
            assert (int(x), int(y)) in at, (question, answer)
