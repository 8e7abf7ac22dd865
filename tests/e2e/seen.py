"""Pictures of noise, and whether two answers about one are the same."""

from dataclasses import replace

import numpy as np
import pytest

from e2e.single_pass.predictor import Answer
from workbench.data.masks import decode


def picture(seed: int, height: int = 64, width: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def assert_same(one: Answer, other: Answer) -> None:
    assert replace(one, instances=(), below=()) == replace(other, instances=(), below=())
    for found, expected in ((one.instances, other.instances), (one.below, other.below)):
        assert [slot.phrase for slot in found] == [slot.phrase for slot in expected]
        assert [slot.score for slot in found] == pytest.approx([slot.score for slot in expected], abs=1e-5)
        for a, b in zip(found, expected, strict=True):
            assert float((decode(a.mask) ^ decode(b.mask)).mean()) < 1e-3
