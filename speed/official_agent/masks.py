"""What the official code does with masks: suppresses overlaps at full size, and draws marks by matplotlib.

Rewritten from that code (facebookresearch/sam3, `sam3/agent/helpers/`) so that it takes as long as the original.
Outlines come from matplotlib's contours, as OpenCV is not a dependency here.
"""

import colorsys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from workbench.data.masks import Rle, decode
from workbench.plugins.interfaces import Image


def suppress(masks: Sequence[Rle], scores: Sequence[float], limit: float = 0.3) -> list[int]:
    """Indices of the masks that stay, by falling score: each is compared, pixel by pixel, with all that were kept."""
    import torch

    order = sorted(range(len(masks)), key=lambda i: -scores[i])
    if len(masks) < 2:
        return [i for i in order if decode(masks[i]).any()]
    pixels = torch.from_numpy(np.stack([decode(mask) for mask in masks]))
    kept: list[int] = []
    for i in order:
        if not pixels[i].any():
            continue
        if kept:
            others = torch.stack([pixels[k] for k in kept])
            shared = torch.cat([(pixels[i] & block).flatten(1).sum(1) for block in torch.split(others, 16)])
            smaller = torch.minimum(pixels[i].sum(), others.flatten(1).sum(1))
            if bool((shared / smaller > limit).any()):
                continue
        kept.append(i)
    return kept


def render(image: Image, masks: Sequence[NDArray[np.bool_]]) -> Image:
    """The image with numbered marks, `[H, W, 3] uint8`: for each mask a box without a line, a number at the point
    farthest from its border, a pale fill with an off-white edge, and an outline in its colour."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height, width = image.shape[:2]
    figure = Figure(frameon=False)
    figure.set_size_inches((width + 0.01) / figure.get_dpi(), (height + 0.01) / figure.get_dpi())
    surface = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.axis("off")
    axes.imshow(image, extent=(0, width, height, 0), interpolation="nearest")
    size = max((height * width) ** 0.5 // 60, 15) * 1.2
    for number, mask in enumerate(masks, start=1):
        _mark(axes, mask, number, colorsys.hsv_to_rgb(number * 0.618 % 1, 1.0, 1.0), size)
    buffer, (columns, rows) = surface.print_to_buffer()  # type: ignore[no-untyped-call]
    pixels = np.frombuffer(buffer, dtype=np.uint8).reshape(rows, columns, 4)
    return np.ascontiguousarray(pixels[..., :3])


def _mark(axes: Any, mask: NDArray[np.bool_], number: int, colour: tuple[float, float, float], size: float) -> None:
    from matplotlib.patches import Polygon, Rectangle

    ys, xs = np.nonzero(mask)
    corner = (float(xs.min()), float(ys.min()))
    axes.add_patch(Rectangle(corner, float(np.ptp(xs)), float(np.ptp(ys)), fill=False, edgecolor=colour, linewidth=0))
    distance: Any = distance_transform_edt(np.pad(mask, 1))
    y, x = np.unravel_index(int(distance.argmax()), distance.shape)
    ground = {"facecolor": "black", "alpha": 0.8, "pad": 0.7, "edgecolor": "none"}
    axes.text(
        x + 2, y - 6, str(number), size=size, family="sans-serif", bbox=ground, va="top", ha="center", color=colour
    )
    line = max(size // 15, 1)
    outlines = _outlines(mask)
    for outline in outlines:
        axes.add_patch(Polygon(outline, facecolor=(*colour, 0.15), edgecolor=(1.0, 1.0, 0.94, 1.0), linewidth=line))
    for outline in outlines:
        axes.add_patch(Polygon(outline, facecolor=(*colour, 0.0), edgecolor=(*colour, 1.0), linewidth=line))


def _outlines(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    from contourpy import contour_generator

    lines = contour_generator(z=np.pad(mask, 1).astype(np.float32)).lines(0.5)
    return [np.asarray(line) - 0.5 for line in lines]


def _measure(count: int = 60, side: int = 1008) -> None:
    """Print the processor seconds of suppressing and drawing masks, here and the way the agent does it."""
    import time

    import torch

    from agents.loop.suppression import postprocess
    from agents.pictures import marks as canvas
    from workbench.data.masks import encode

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    ys, xs = np.mgrid[:side, :side]
    discs = [(rng.uniform(0, side), rng.uniform(0, side), rng.uniform(20, 60)) for _ in range(count)]
    masks = [encode((xs - x) ** 2 + (ys - y) ** 2 < radius**2) for x, y, radius in discs]
    scores = rng.uniform(0.5, 1.0, count).tolist()
    image = rng.integers(0, 255, (side, side, 3), dtype=np.uint8)
    works: dict[str, Callable[[], object]] = {
        "suppression, official way": lambda: suppress(masks, scores),
        "suppression, ours": lambda: postprocess(masks, scores),
        "drawing, official way": lambda: render(image, [decode(mask) for mask in masks]),
        "drawing, ours": lambda: canvas.all_masks(image, masks),
    }
    for name, work in works.items():
        begun = time.process_time()
        work()
        print(f"{count} masks of {side} x {side}: {name}: {time.process_time() - begun:.3f} s")


if __name__ == "__main__":
    _measure()
