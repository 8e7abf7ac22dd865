"""What each category of the first world looks like: parts painted in order."""

from collections.abc import Callable

import numpy as np

from workbench.tabletop.outlines import Part, bar, box, oval, polygon


def _mug() -> list[Part]:
    return [
        (oval(0.22, 0.04, 0.28, 0.27), "body"),
        (oval(0.22, 0.04, 0.14, 0.13), "hole"),
        (np.concatenate([oval(-0.14, -0.32, 0.36, 0.13, 180, 360), oval(-0.14, 0.34, 0.3, 0.13, 0, 180)]), "body"),
        (oval(-0.14, -0.32, 0.36, 0.13), "light"),
        (oval(-0.14, -0.31, 0.28, 0.08), "ink"),
        (polygon((-0.44, 0.02), (0.17, 0.02), (0.16, 0.14), (-0.43, 0.14)), "cream"),
    ]


def _bottle() -> list[Part]:
    return [
        (box(-0.11, -0.46, 0.11, -0.1), "body"),
        (np.concatenate([oval(0, 0.0, 0.22, 0.2, 180, 360), box(-0.22, 0, 0.22, 0.5)[[2, 3]]]), "body"),
        (box(-0.13, -0.5, 0.13, -0.36), "ink"),
        (box(-0.22, 0.08, 0.22, 0.3), "cream"),
        (box(-0.12, 0.15, 0.12, 0.23), "shade"),
    ]


def _apple() -> list[Part]:
    t = np.linspace(0, 2 * np.pi, 40)
    dent = 0.4 * (
        1 - 0.32 * np.exp(-(((t - np.pi / 2) / 0.42) ** 2)) - 0.1 * np.exp(-(((t - 3 * np.pi / 2) / 0.3) ** 2))
    )
    outline = np.stack([1.12 * dent * np.cos(t), 0.08 - dent * np.sin(t)], axis=1)
    leaf = polygon((0.03, -0.3), (0.12, -0.47), (0.38, -0.46), (0.26, -0.3))
    return [
        (outline, "body"),
        (leaf, "shade"),
        (bar(0, -0.12, -0.06, -0.48, 0.11), "ink"),
        (oval(-0.22, 0.0, 0.09, 0.13), "light"),
    ]


def _banana() -> list[Part]:
    outer, inner = oval(0, -0.36, 0.5, 0.66, 10, 170), oval(0, -0.4, 0.36, 0.36, 168, 12)
    middle = np.concatenate([oval(0, -0.37, 0.45, 0.55, 30, 150), oval(0, -0.37, 0.42, 0.48, 150, 30)])
    return [
        (np.concatenate([outer, inner]), "body"),
        (middle, "shade"),
        (polygon((-0.52, -0.26), (-0.34, -0.34), (-0.36, -0.48), (-0.5, -0.46)), "ink"),
        (polygon((0.5, -0.24), (0.35, -0.3), (0.41, -0.4), (0.51, -0.38)), "ink"),
    ]


def _pear() -> list[Part]:
    return [
        (oval(0, 0.2, 0.34, 0.3), "body"),
        (polygon((-0.31, 0.1), (-0.17, -0.2), (0.17, -0.2), (0.31, 0.1)), "body"),
        (oval(0, -0.18, 0.175, 0.17), "body"),
        (bar(0, -0.28, 0.08, -0.5, 0.1), "ink"),
        (oval(-0.14, 0.18, 0.06, 0.13), "light"),
        (oval(0.1, 0.12, 0.04, 0.04), "ink"),
        (oval(0.18, 0.26, 0.04, 0.04), "ink"),
        (oval(0.04, 0.34, 0.04, 0.04), "ink"),
    ]


def _book() -> list[Part]:
    return [
        (box(-0.4, -0.5, 0.4, 0.5), "body"),
        (box(-0.26, 0.36, 0.4, 0.46), "cream"),
        (box(-0.4, -0.5, -0.26, 0.5), "shade"),
        (box(-0.14, -0.34, 0.28, -0.22), "cream"),
        (box(-0.14, -0.14, 0.28, -0.02), "cream"),
    ]


def _pencil() -> list[Part]:
    return [
        (box(-0.14, -0.4, 0.14, 0.24), "body"),
        (box(-0.14, -0.5, 0.14, -0.38), "ink"),
        (box(-0.14, -0.36, 0.14, -0.3), "cream"),
        (box(0.02, -0.28, 0.08, 0.22), "shade"),
        (polygon((-0.14, 0.22), (0.14, 0.22), (0, 0.5)), "cream"),
        (polygon((-0.06, 0.36), (0.06, 0.36), (0, 0.5)), "ink"),
    ]


def _ball() -> list[Part]:
    band = np.concatenate([oval(0, -0.32, 0.6, 0.32, 145, 35), oval(0, -0.12, 0.6, 0.32, 35, 145)])
    return [
        (oval(0, 0, 0.5, 0.5), "body"),
        (np.clip(band, -0.47, 0.47), "cream"),
        (oval(0, -0.3, 0.14, 0.1), "cream"),
        (oval(0, 0.34, 0.13, 0.08), "ink"),
    ]


def _die() -> list[Part]:
    pips = [(x, y) for x in (-0.34, 0.08) for y in (-0.08, 0.34)] + [(-0.13, 0.13)]
    return [
        (polygon((-0.5, -0.24), (-0.26, -0.5), (0.5, -0.5), (0.24, -0.24)), "light"),
        (polygon((0.24, -0.24), (0.5, -0.5), (0.5, 0.24), (0.24, 0.5)), "shade"),
        (box(-0.5, -0.24, 0.24, 0.5), "body"),
        *((oval(x, y, 0.08, 0.08), "ink") for x, y in pips),
    ]


def _kite() -> list[Part]:
    return [
        (polygon((0, -0.5), (0.36, -0.12), (0, 0.3), (-0.36, -0.12)), "body"),
        (polygon((0, -0.5), (0.36, -0.12), (0, -0.12)), "shade"),
        (bar(-0.36, -0.12, 0.36, -0.12, 0.07), "cream"),
        (bar(0, -0.5, 0, 0.3, 0.07), "cream"),
        (polygon((0, 0.26), (0.22, 0.36), (0.22, 0.5), (0, 0.42), (-0.22, 0.5), (-0.22, 0.36)), "ink"),
    ]


def _candle() -> list[Part]:
    flame = polygon((0, -0.5), (0.12, -0.3), (0.08, -0.19), (-0.08, -0.19), (-0.12, -0.3))
    return [
        (oval(0, 0.4, 0.38, 0.1), "shade"),
        (box(-0.18, -0.14, 0.18, 0.4), "body"),
        (oval(0, 0.4, 0.18, 0.05), "body"),
        (oval(0, -0.14, 0.18, 0.06), "light"),
        (polygon((-0.18, -0.12), (-0.04, -0.12), (-0.06, 0.1), (-0.12, 0.16), (-0.18, 0.08)), "cream"),
        (flame, "glow"),
        (bar(0, -0.26, 0, -0.12, 0.07), "ink"),
    ]


def _lamp() -> list[Part]:
    return [
        (box(-0.08, -0.05, 0.08, 0.42), "body"),
        (np.concatenate([oval(0, 0.46, 0.3, 0.18, 180, 360), box(-0.3, 0.46, 0.3, 0.5)[[2, 3]]]), "body"),
        (polygon((-0.22, -0.5), (0.22, -0.5), (0.44, 0.06), (-0.44, 0.06)), "body"),
        (polygon((-0.405, -0.03), (0.405, -0.03), (0.44, 0.1), (-0.44, 0.1)), "glow"),
        (box(-0.22, -0.5, 0.22, -0.42), "ink"),
    ]


def _clock() -> list[Part]:
    return [
        (bar(-0.2, 0.3, -0.34, 0.5, 0.14), "ink"),
        (bar(0.2, 0.3, 0.34, 0.5, 0.14), "ink"),
        (oval(-0.28, -0.36, 0.17, 0.13), "shade"),
        (oval(0.28, -0.36, 0.17, 0.13), "shade"),
        (oval(0, 0.02, 0.44, 0.44), "body"),
        (oval(0, 0.02, 0.28, 0.28), "cream"),
        (bar(0, 0.05, 0, -0.22, 0.075), "body"),
        (bar(-0.03, 0.02, 0.2, 0.02, 0.075), "body"),
    ]


def _hourglass() -> list[Part]:
    return [
        (polygon((-0.3, -0.42), (0.3, -0.42), (0.06, 0), (0.3, 0.42), (-0.3, 0.42), (-0.06, 0)), "body"),
        (polygon((-0.17, -0.26), (0.17, -0.26), (0, 0.0)), "cream"),
        (polygon((-0.2, 0.4), (0.2, 0.4), (0, 0.18)), "cream"),
        (box(-0.38, -0.5, 0.38, -0.36), "body"),
        (box(-0.38, 0.36, 0.38, 0.5), "body"),
    ]


DRAWERS: dict[str, Callable[[], list[Part]]] = {
    "mug": _mug,
    "bottle": _bottle,
    "apple": _apple,
    "banana": _banana,
    "pear": _pear,
    "book": _book,
    "pencil": _pencil,
    "ball": _ball,
    "die": _die,
    "kite": _kite,
    "candle": _candle,
    "lamp": _lamp,
    "clock": _clock,
    "hourglass": _hourglass,
}
