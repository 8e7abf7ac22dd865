"""One picture of the benchmark: scenes, what is asked of them, and the answers outlined."""

import io
import textwrap
from pathlib import Path

import numpy as np
from PIL import Image

from workbench.tabletop.grammar import Instruction, instructions
from workbench.tabletop.scenes import Scene, make_scene

_SHOWN = (
    ("category", 2),
    ("attribute", 1),
    ("relation", 2),
    ("superlative", 2),
    ("counting", 1),
    ("exclusion", 2),
    ("intent", 2),
    ("attribute", 0),
)
"""Kind of instruction and number of targets (2: several) of each panel."""

_SIZE = 224


def overview(path: Path, seed: int = 5) -> None:
    """Write a PNG with eight scenes of the test split, an instruction under each, and its targets outlined."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7.1), dpi=100, facecolor="white")
    figure.set_layout_engine("constrained", hspace=0.04, h_pad=0.06)
    FigureCanvasAgg(figure)
    rng = np.random.default_rng(seed)
    for axes, (kind, targets) in zip(figure.subplots(2, 4).flat, _SHOWN, strict=True):
        scene, asked = _find(rng, kind, targets)
        axes.imshow(scene.image)
        for i in asked.targets:
            mask = np.pad(scene.objects[i].mask, 1).astype(float)
            for colour, width in (("white", 5), ("#e6007e", 2.4)):
                axes.contour(
                    np.arange(-1, _SIZE + 1), np.arange(-1, _SIZE + 1), mask, [0.5], colors=colour, linewidths=width
                )
        axes.set(xticks=[], yticks=[], xlim=(-0.5, _SIZE - 0.5), ylim=(_SIZE - 0.5, -0.5))
        axes.spines[:].set_visible(False)
        answer = f"{len(asked.targets) or 'no'} target{'' if len(asked.targets) == 1 else 's'}"
        axes.set_title(f"{kind}, {answer}", fontsize=10, color="#666666")
        axes.set_xlabel("\n".join(textwrap.wrap(asked.text, 33)), fontsize=11.5)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    with Image.open(buffer) as picture:  # a palette keeps the file small
        picture.convert("RGB").quantize(256, kmeans=3, dither=Image.Dither.NONE).save(path, optimize=True)


def _find(rng: np.random.Generator, kind: str, targets: int) -> tuple[Scene, Instruction]:
    """The first full scene that offers an instruction of the kind with that many targets (2: several)."""
    while True:
        scene = make_scene(rng, _SIZE, "test")
        if len(scene.objects) >= 6:
            for asked in instructions(scene, rng, 7):
                if asked.kind == kind and min(len(asked.targets), 2) == targets:
                    return scene, asked
