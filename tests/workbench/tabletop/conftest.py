"""Instructions of many scenes."""

import numpy as np
import pytest

from tests.workbench.tabletop.understood import Asked
from workbench.tabletop.grammar import instructions
from workbench.tabletop.scenes import make_scene


@pytest.fixture(scope="session")
def asked() -> Asked:
    pairs: Asked = []
    for i in range(250):
        rng = np.random.default_rng([7, i])
        scene = make_scene(rng, 128, "test")
        pairs += [(scene, instruction) for instruction in instructions(scene, rng, 6)]
    return pairs
