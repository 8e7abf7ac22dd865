"""Corruptions of the picture in five severities, with the parameters of the common-corruptions protocol.

Source: Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and Perturbations (ICLR
2019), whose code corrupts pictures of 224 x 224 pixels. Lengths in pixels are scaled by the picture's shorter side over
224, so that a severity means the same in pictures of every size. Severity 0 changes nothing. The fog is a veil of
plasma noise as in that protocol, made by our own midpoint displacement.
"""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from workbench.plugins.perturbations import Pixels, Question, axis

SEVERITIES = (0, 1, 2, 3, 4, 5)
REFERENCE_SIDE = 224

NOISE = (0.08, 0.12, 0.18, 0.26, 0.38)
"""Standard deviation, of values from 0 to 1."""
BLUR = (1, 2, 3, 4, 6)
"""Standard deviation of the Gaussian in pixels of a picture of 224."""
QUALITY = (25, 18, 15, 10, 7)
"""JPEG quality."""
BRIGHTNESS = (0.1, 0.2, 0.3, 0.4, 0.5)
"""Added to the value of HSV, from 0 to 1."""
CONTRAST = (0.4, 0.3, 0.2, 0.1, 0.05)
"""Share of the distance from each channel's mean that is left."""
FOG = ((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4))
"""Strength of the veil, and how fast its finer parts fade."""


@axis("Noise", SEVERITIES, unit="severity")
def noise(question: Question, level: float, rng: np.random.Generator) -> Question:
    """Gaussian noise on every value of the picture."""
    if not level:
        return question
    grain = rng.standard_normal(question.image.shape)
    return question.seen(_pixels(question.image / 255 + _at(NOISE, level) * grain))


@axis("Blur", SEVERITIES, unit="severity")
def blur(question: Question, level: float, rng: np.random.Generator) -> Question:
    """Gaussian blur."""
    if not level:
        return question
    radius = _at(BLUR, level) * min(question.image.shape[:2]) / REFERENCE_SIDE
    return question.seen(np.asarray(Image.fromarray(question.image).filter(ImageFilter.GaussianBlur(radius))))


@axis("JPEG", SEVERITIES, unit="severity")
def jpeg(question: Question, level: float, rng: np.random.Generator) -> Question:
    """Strong JPEG compression."""
    if not level:
        return question
    file = io.BytesIO()
    Image.fromarray(question.image).save(file, "JPEG", quality=round(_at(QUALITY, level)))
    return question.seen(np.asarray(Image.open(file).convert("RGB")))


@axis("Brightness", SEVERITIES, unit="severity")
def brightness(question: Question, level: float, rng: np.random.Generator) -> Question:
    """A picture that is too bright: the value of HSV is raised."""
    if not level:
        return question
    rgb = question.image / 255
    value = rgb.max(axis=-1, keepdims=True)
    raised = np.minimum(value + _at(BRIGHTNESS, level), 1)
    # hue and saturation stay: all channels grow by the same factor, and black becomes grey
    return question.seen(_pixels(np.where(value > 0, rgb * raised / np.maximum(value, 1e-9), raised)))


@axis("Contrast", SEVERITIES, unit="severity")
def contrast(question: Question, level: float, rng: np.random.Generator) -> Question:
    """A picture with little contrast."""
    if not level:
        return question
    rgb = question.image / 255
    mean = rgb.mean(axis=(0, 1), keepdims=True)
    return question.seen(_pixels((rgb - mean) * _at(CONTRAST, level) + mean))


@axis("Fog", SEVERITIES, unit="severity")
def fog(question: Question, level: float, rng: np.random.Generator) -> Question:
    """A bright, uneven veil over the picture."""
    if not level:
        return question
    strength, decay = (_at(column, level) for column in zip(*FOG, strict=True))
    rgb = question.image / 255
    height, width = rgb.shape[:2]
    veil = plasma(max(height, width), decay, rng)[:height, :width, None]
    return question.seen(_pixels((rgb + strength * veil) * rgb.max() / (rgb.max() + strength)))


def plasma(side: int, decay: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise with detail at every scale, `[side, side]` in 0..1, by midpoint displacement (Fournier, Fussell and
    Carpenter, Communications of the ACM 1982). decay: by how much each halving of the scale weakens the noise."""
    size = 1 << max(1, (side - 1).bit_length())
    field = np.zeros((1, 1))
    reach = 1.0
    while len(field) < size:
        field = np.repeat(np.repeat(field, 2, axis=0), 2, axis=1)
        field = (field + np.roll(field, 1, 0) + np.roll(field, 1, 1) + np.roll(field, (1, 1), (0, 1))) / 4
        field = field + reach * rng.uniform(-1, 1, field.shape)
        reach /= decay
    field -= field.min()
    return field[:side, :side] / max(float(field.max()), 1e-9)


def _at(values: tuple[Any, ...], level: float) -> float:
    """The parameter of a severity from 1 to 5, between two of them in proportion."""
    return float(np.interp(level, range(1, 6), values))


def _pixels(rgb: NDArray[Any]) -> Pixels:
    pixels: Pixels = np.round(np.clip(rgb, 0, 1) * 255).astype(np.uint8)
    return pixels
