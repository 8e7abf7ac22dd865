"""Draws the training curves of any number of runs as one figure, from their `log.jsonl`:

python -m workbench.foundations.training.curves runs/sam3-tiny runs/qwen-tiny --out training.png
"""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.data.errors import ConfigurationError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOG = "log.jsonl"
COLUMNS = 3
ABOUT = frozenset({"step", "samples", "seconds"})
SHARES = ("val ", "accuracy")
"""What marks a number as a share, which has an axis of its own beside the losses."""

Line = Mapping[str, float]


def logs(folder: Path) -> dict[str, Path]:
    """The logs of a run, by title: the run's own log, or one for each of its phases, in the order of writing.

    Raises `ConfigurationError` for a folder without any log.
    """
    if (folder / LOG).exists():
        return {folder.name: folder / LOG}
    phases = sorted(folder.glob(f"*/{LOG}"), key=lambda path: path.stat().st_mtime)
    if not phases:
        raise ConfigurationError(f"{folder} holds no {LOG}: expected the output folder of `workbench train`")
    return {f"{folder.name}, {path.parent.name}": path for path in phases}


def read(path: Path) -> list[Line]:
    """The lines of a log. Lines of steps that were repeated after a kill are left out."""
    kept: list[Line] = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
        except ValueError:  # the last line of a run that was killed while it wrote
            continue
        while kept and kept[-1]["step"] > line["step"]:
            kept.pop()
        kept.append(line)
    return kept


def series(lines: Sequence[Line]) -> dict[str, tuple[list[float], list[float]]]:
    """The course of each logged number: minutes and values."""
    curves: dict[str, tuple[list[float], list[float]]] = {}
    for line in lines:
        for name in line.keys() - ABOUT:
            minutes, values = curves.setdefault(name, ([], []))
            minutes.append(line["seconds"] / 60)
            values.append(line[name])
    return dict(sorted(curves.items()))


def draw(folders: Sequence[Path], out: Path) -> None:
    """Write one figure of the runs in these folders: losses on the left axes, shares, dashed, on the right ones."""
    from matplotlib.figure import Figure

    files = {title: path for folder in folders for title, path in logs(folder).items()}
    columns = min(COLUMNS, len(files))
    rows = math.ceil(len(files) / columns)
    figure = Figure(figsize=(6 * columns, 4.2 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for panel, (title, path) in zip(panels, files.items(), strict=False):
        _panel(panel, title, read(path))
    for panel in panels[len(files) :]:
        panel.set_visible(False)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=80)


def _panel(panel: "Axes", title: str, lines: Sequence[Line]) -> None:
    numbers = series(lines)
    shares = {name: points for name, points in numbers.items() if any(mark in name for mark in SHARES)}
    for number, name in enumerate(name for name in numbers if name not in shares):
        panel.plot(*numbers[name], color=f"C{number}", linewidth=1.2, label=name)
    steps = f", {lines[-1]['step']:,} steps" if lines else ""
    panel.set(title=f"{title}{steps}", xlabel="minutes", ylabel="loss", yscale="log")
    panel.grid(alpha=0.3)
    handles, labels = panel.get_legend_handles_labels()
    if shares:
        right = panel.twinx()
        right.set(ylim=(0, 1), ylabel="share")
        for number, (name, points) in enumerate(shares.items()):
            right.plot(*points, color=f"C{number}", linewidth=1.2, linestyle="--", marker="." * (len(points[0]) < 30))
            handles.append(right.lines[-1])
            labels.append(name)
    panel.legend(handles, labels, fontsize=8, ncols=5, loc="upper center", bbox_to_anchor=(0.5, -0.13), frameon=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the runs named on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m workbench.foundations.training.curves", description="Draw training curves."
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="output folder of `workbench train`")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    options = parser.parse_args(arguments)
    try:
        draw(options.folders, options.out)
    except ConfigurationError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
