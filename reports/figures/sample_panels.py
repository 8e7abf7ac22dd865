"""One sample drawn for a notebook: its truth and every system's answer, side by side."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports.figures.style import FIGURE_STYLE, INK, MUTED, system_style
from workbench.data.masks import Rle, decode, union
from workbench.data.predictions import OK, Prediction
from workbench.data.samples import Sample


@mpl.rc_context(FIGURE_STYLE)
def sample_panels(sample: Sample, answers: Mapping[str, Prediction], systems: Sequence[str]) -> Figure:
    """The image with the targets, then with each system's instances and their scores; `systems` gives the colours."""
    image = sample.load_image()
    height = 0.8 + 2.3 * sample.height / sample.width
    figure = Figure(figsize=(2.4 * (1 + len(answers)), height), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, 1 + len(answers)))
    figure.suptitle(textwrap.fill(sample.instruction, 30 * len(axes)), fontsize=10, color=INK)
    targets = list(sample.targets)
    picture(axes[0], _dimmed(image, targets), targets, "white", "truth" if targets else "truth: nothing fits")
    for panel, (name, answer) in zip(axes[1:], answers.items(), strict=True):
        colour = system_style(systems)[name][0]
        instances = answer.instances if answer.outcome == OK else ()
        masks = [instance.mask for instance in instances]
        title = name if answer.outcome == OK else f"{name}: {answer.outcome.replace('_', ' ')}"
        picture(panel, tinted(image, masks, colour), masks, colour, title)
        for instance in instances:
            rows, columns = np.nonzero(decode(instance.mask))
            if len(rows):
                box = {"facecolor": colour, "edgecolor": "none", "boxstyle": "round,pad=0.2"}
                panel.text(
                    columns.mean(), rows.min(), f"{instance.score:.2f}", color="white", size=7, ha="center", bbox=box
                )
        if answer.phrases:
            panel.set_xlabel(", ".join(answer.phrases), color=MUTED, size=8, style="italic", wrap=True)
    return figure


def picture(axes: Axes, image: NDArray[np.uint8], masks: Sequence[Rle], colour: str, title: str) -> None:
    """One image without frame, the outlines of masks on it, under a title."""
    axes.imshow(image)
    for mask in masks:
        axes.contour(decode(mask), [0.5], colors=[colour], linewidths=1.6)
    axes.set_title(title, fontsize=9)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _dimmed(image: NDArray[np.uint8], masks: Sequence[Rle]) -> NDArray[np.uint8]:
    """The image, darker outside the masks; unchanged without any."""
    if not masks:
        return image
    return np.where(decode(union(masks))[:, :, None], image, image * 0.45).astype(np.uint8)


def tinted(image: NDArray[np.uint8], masks: Sequence[Rle], colour: str) -> NDArray[np.uint8]:
    """The image with the masks in a transparent colour."""
    if not masks:
        return image
    tint = 0.6 * image + 0.4 * 255 * np.array(to_rgb(colour))
    return np.where(decode(union(masks))[:, :, None], tint, image).astype(np.uint8)
