"""Corruptions: nothing at severity 0, more at each severity, and the protocol's parameters."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from workbench.data.samples import Sample
from workbench.plugins.perturbations import Question, declared
from workbench.stress import corruptions
from workbench.stress.corruptions import SEVERITIES, plasma

ALL = (
    corruptions.noise,
    corruptions.blur,
    corruptions.jpeg,
    corruptions.brightness,
    corruptions.contrast,
    corruptions.fog,
)


def question(side: int = 64) -> Question:
    ys, xs = np.mgrid[0:side, 0:side]
    image = np.stack([xs * 4 % 256, ys * 4 % 256, (xs // 8 + ys // 8) % 2 * 200], axis=-1).astype(np.uint8)
    return Question(Sample("1", "1", Path("1.png"), side, side, "the mug"), image)


@pytest.mark.parametrize("corrupt", ALL)
def test_severity_0_changes_nothing_and_each_severity_changes_more(corrupt: Callable[..., Question]) -> None:
    plain = question()
    axis = declared(corrupt)
    assert axis is not None and axis.levels == SEVERITIES and axis.plain == 0
    changed = []
    for severity in SEVERITIES:
        seen = corrupt(plain, severity, np.random.default_rng(1))
        assert seen.sample == plain.sample, "the truth stays"
        assert seen.image.shape == plain.image.shape and seen.image.dtype == np.uint8
        changed.append(np.abs(seen.image.astype(int) - plain.image).mean())
    assert changed[0] == 0
    assert changed[1] > 1
    if corrupt is not corruptions.fog:  # a stronger veil is finer as well, so that it hides more but adds no more
        assert all(later > earlier for earlier, later in pairwise(changed))


def test_noise_has_the_deviation_of_the_protocol() -> None:
    grey = Question(question(128).sample, np.full((128, 128, 3), 128, np.uint8))
    seen = corruptions.noise(grey, 1, np.random.default_rng(0))
    assert (seen.image / 255).std() == pytest.approx(0.08, rel=0.03)


def test_contrast_keeps_the_mean_and_a_share_of_the_distances() -> None:
    plain = question()
    seen = corruptions.contrast(plain, 2, np.random.default_rng(0))
    assert seen.image.mean(axis=(0, 1)) == pytest.approx(plain.image.mean(axis=(0, 1)), abs=0.6)
    left = seen.image.std(axis=(0, 1)) / plain.image.std(axis=(0, 1))
    assert left == pytest.approx(0.3, rel=0.05)


def test_brightness_keeps_hue_and_saturation() -> None:
    one = Question(question().sample, np.full((64, 64, 3), (100, 50, 25), np.uint8))
    seen = corruptions.brightness(one, 2, np.random.default_rng(0)).image[0, 0].astype(int)
    assert seen[0] == pytest.approx(100 + 0.2 * 255, abs=1)
    assert seen[0] / seen[1] == pytest.approx(2, rel=0.03) and seen[1] / seen[2] == pytest.approx(2, rel=0.03)


def test_blur_means_the_same_in_pictures_of_every_size() -> None:
    """A step edge is as wide, as a share of the picture's side."""
    widths = []
    for side in (112, 448):
        edge = np.zeros((side, side, 3), np.uint8)
        edge[:, side // 2 :] = 255
        row = corruptions.blur(Question(question(side).sample, edge), 5, np.random.default_rng(0)).image[0, :, 0]
        widths.append(((row > 25) & (row < 230)).sum() / side)
    assert widths[0] == pytest.approx(widths[1], rel=0.2)


def test_a_stronger_veil_leaves_less_of_the_picture() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[::2] = 255
    left = []
    for severity in (1, 3, 5):
        seen = corruptions.fog(Question(question().sample, stripes), severity, np.random.default_rng(2)).image
        left.append(np.median(seen[::2].astype(int) - seen[1::2]))
    assert 255 / 2.5 >= left[0] > left[1] > left[2] > 255 / 5


def test_the_veil_has_detail_at_every_scale_and_fills_the_range() -> None:
    veil = plasma(96, 1.7, np.random.default_rng(3))
    assert veil.shape == (96, 96) and veil.min() >= 0 and veil.max() <= 1 and veil.std() > 0.08
    fine = np.abs(np.diff(veil, axis=0)).mean()
    coarse = np.abs(veil[:48] - veil[48:]).mean()
    assert 0 < fine < coarse
