"""How the verdict and the reports write numbers and lists."""

from collections.abc import Sequence

from workbench.data.metric_info import FRACTION
from workbench.data.units import change_in_unit, in_unit

NONE = "\N{EN DASH}"


def shown(value: float, unit: str) -> str:
    """A value in its unit, which is not written: a fraction in percent, as `41.3`, any other as it is."""
    return in_unit(value, unit).replace("-", "\N{MINUS SIGN}")


def change(difference: float, unit: str) -> str:
    """A signed difference in its unit, which is not written: of fractions in points, of any other as it is."""
    return change_in_unit(difference, unit).replace("-", "\N{MINUS SIGN}")


def points(fraction: float) -> str:
    """A signed difference of fractions in points: `+4.0`, a minus sign and `4.0`, or `0.0` for none at all."""
    return change(fraction, FRACTION)


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


def size(count: float) -> str:
    """Bytes with a unit a reader would choose: `850 KiB`, `12.3 MiB`, `4.9 GiB`."""
    for unit in ("KiB", "MiB", "GiB"):
        count /= 1024
        if count < 999.5 or unit == "GiB":
            break
    return f"{count:.0f} {unit}" if count >= 99.95 or unit == "KiB" else f"{count:.1f} {unit}"


def clock(value: float) -> str:
    """A duration in seconds as `1:14`, or `2:01:14` from an hour on."""
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def p_value(value: float) -> str:
    """A p-value with two digits that count: `p 0.04`, `p < 0.001`."""
    return "p < 0.001" if value < 0.001 else f"p {value:.2g}" if value < 0.995 else "p 1"


def many(count: int, noun: str) -> str:
    """A count of things: `1 sample`, `1,234 samples`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(parts: Sequence[str]) -> str:
    """One or more parts of a sentence: `a`, `a and b` or `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
