"""How a report writes numbers."""

NONE = "\N{EN DASH}"


def percent(fraction: float) -> str:
    """A fraction as a percentage without its sign: `41.3`."""
    return f"{100 * fraction:.1f}"


def points(fraction: float) -> str:
    """A signed difference of fractions in points: `+4.0`, a minus sign and `4.0`, or `0.0` for none at all."""
    return f"{100 * fraction:+.1f}".replace("-", "\N{MINUS SIGN}") if fraction else "0.0"


def times(factor: float) -> str:
    """A ratio: `0.9`, `1.3` or `12`."""
    return f"{factor:.0f}" if factor >= 9.95 else f"{factor:.1f}"


def seconds(value: float) -> str:
    """A duration with a unit a reader would choose: `0.4 ms`, `35 ms`, `1.2 s`, `3.5 min`."""
    if value < 0.9995:
        return f"{value * 1000:.1f} ms" if value < 0.00995 else f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s" if value < 9.95 else f"{value:.0f} s"
    return f"{value / 60:.1f} min"


def p_value(value: float) -> str:
    """A p-value with two digits that count: `p 0.04`, `p < 0.001`."""
    return "p < 0.001" if value < 0.001 else f"p {value:.2g}" if value < 0.995 else "p 1"
