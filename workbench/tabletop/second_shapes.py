"""What each category of the second world looks like: parts painted in order."""

from collections.abc import Callable

import numpy as np

from workbench.tabletop.outlines import Part, bar, box, oval, polygon


def _teapot() -> list[Part]:
    handle = np.concatenate([oval(0.3, 0.06, 0.2, 0.22, -80, 80), oval(0.3, 0.06, 0.1, 0.12, 80, -80)])
    return [
        (handle, "shade"),
        (polygon((-0.22, 0.22), (-0.5, -0.16), (-0.4, -0.2), (-0.18, 0.0)), "body"),
        (oval(0.02, 0.08, 0.32, 0.28), "body"),
        (oval(0.02, -0.17, 0.19, 0.06), "light"),
        (oval(0.02, -0.26, 0.07, 0.07), "ink"),
        (box(-0.16, 0.33, 0.2, 0.4), "ink"),
    ]


def _spoon() -> list[Part]:
    return [
        (bar(0, -0.1, 0, 0.5, 0.1), "body"),
        (oval(0, 0.45, 0.09, 0.06), "body"),
        (oval(0, -0.27, 0.2, 0.23), "body"),
        (oval(0, -0.25, 0.12, 0.15), "shade"),
    ]


def _hammer() -> list[Part]:
    return [
        (box(-0.07, -0.3, 0.07, 0.5), "body"),
        (box(-0.07, 0.2, 0.07, 0.5), "shade"),
        (polygon((-0.34, -0.48), (0.2, -0.48), (0.42, -0.3), (0.2, -0.24), (-0.34, -0.24)), "ink"),
        (box(-0.4, -0.5, -0.3, -0.22), "cream"),
    ]


def _saw() -> list[Part]:
    teeth = [(x, y) for i, x in enumerate(np.linspace(0.5, -0.14, 13)) for y in (0.16 if i % 2 else 0.08,)]
    return [
        (polygon((-0.14, -0.16), (0.5, -0.04), *teeth), "cream"),
        (polygon((-0.5, -0.2), (-0.12, -0.22), (-0.1, 0.2), (-0.46, 0.24)), "body"),
        (oval(-0.32, 0.01, 0.11, 0.12), "hole"),
        (oval(-0.13, -0.1, 0.03, 0.03), "ink"),
    ]


def _car() -> list[Part]:
    return [
        (polygon((-0.28, -0.02), (-0.16, -0.26), (0.14, -0.26), (0.3, -0.02)), "body"),
        (polygon((-0.2, -0.03), (-0.12, -0.2), (-0.03, -0.2), (-0.03, -0.03)), "cream"),
        (polygon((0.03, -0.03), (0.03, -0.2), (0.11, -0.2), (0.21, -0.03)), "cream"),
        (box(-0.5, -0.04, 0.5, 0.18), "body"),
        (box(-0.5, 0.1, 0.5, 0.18), "shade"),
        (oval(0.46, 0.02, 0.05, 0.05), "glow"),
        *((oval(x, 0.18, 0.12, 0.12), "ink") for x in (-0.28, 0.28)),
        *((oval(x, 0.18, 0.05, 0.05), "light") for x in (-0.28, 0.28)),
    ]


def _boat() -> list[Part]:
    return [
        (bar(0, -0.5, 0, 0.2, 0.05), "ink"),
        (polygon((0.05, -0.46), (0.4, 0.1), (0.05, 0.1)), "body"),
        (polygon((-0.05, -0.36), (-0.05, 0.1), (-0.32, 0.1)), "light"),
        (polygon((-0.5, 0.17), (0.5, 0.17), (0.32, 0.42), (-0.34, 0.42)), "shade"),
        (box(-0.46, 0.17, 0.46, 0.23), "cream"),
    ]


def _guitar() -> list[Part]:
    return [
        (bar(0, -0.4, 0, 0.1, 0.09), "shade"),
        (box(-0.08, -0.5, 0.08, -0.38), "ink"),
        (oval(0, 0.06, 0.19, 0.15), "body"),
        (oval(0, 0.28, 0.27, 0.22), "body"),
        (oval(0, 0.13, 0.09, 0.09), "ink"),
        (box(-0.12, 0.32, 0.12, 0.38), "ink"),
    ]


def _bell() -> list[Part]:
    dome = np.concatenate(
        [oval(0, -0.12, 0.22, 0.26, 180, 360), polygon((0.26, 0.14), (0.44, 0.32), (-0.44, 0.32), (-0.26, 0.14))]
    )
    return [
        (oval(0, 0.36, 0.11, 0.12), "ink"),
        (oval(0, -0.4, 0.09, 0.09), "shade"),
        (dome, "body"),
        (polygon((-0.3, 0.18), (0.3, 0.18), (0.37, 0.25), (-0.37, 0.25)), "light"),
        (polygon((-0.13, -0.2), (-0.05, -0.26), (-0.08, 0.14), (-0.2, 0.14)), "light"),
    ]


DRAWERS: dict[str, Callable[[], list[Part]]] = {
    "teapot": _teapot,
    "spoon": _spoon,
    "hammer": _hammer,
    "saw": _saw,
    "car": _car,
    "boat": _boat,
    "guitar": _guitar,
    "bell": _bell,
}
