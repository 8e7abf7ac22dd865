"""The 95 % interval of a metric, and the p-value of a difference, from a bootstrap over images.

The interval is Student's, with four things that metrics of detections need, chosen by measuring on real answers how
often it holds the truth (`speed/coverage.py`; docs/diagnosis.md has the table):

* The bootstrap's bias is used, not its percentiles. Interpolated average precision takes the best precision to the
  right, and is too high where scores rank poorly. Draws are too high once more, so their percentiles lie on the wrong
  side of the value.
* The standard error is the jackknife's, from leaving out each image in turn (Tukey, Annals of Mathematical Statistics
  1958); of more than `JACKKNIFED` images it is the bootstrap's, which is the same by then. In a draw some images are
  twice and others not at all, and the average precision of so uneven data varies a little less from draw to draw than
  that of data sets does.
* A fraction has Jeffreys' interval (Brown, Cai and DasGupta, Statistical Science 2001), with as many observations as
  the standard error stands for: it stays in [0, 1]. Where all answers are right, or all wrong, there is no standard
  error, and it has Wilson's (Journal of the American Statistical Association 1927), which is wider there.
* Equal scores have no order that means anything, but a value depends on theirs. The interval is that of the metric with
  equal scores mixed evenly, widened where need be to hold the value.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workbench.metrics.statistics import (
    DRAWS,
    LEVEL,
    SEED,
    Interval,
    Measure,
    Spread,
    draw,
    enough_draws,
    estimate,
    numbered,
)

BIAS_PER_SHIFT = 1 / (2 ** (2 / 3) - 1)
"""The bias of a value, for each unit by which draws lie above it on average: 1.7. A draw holds the noise of the data
set and that of drawing from it, so twice the variance. The bias of interpolated AP where scores rank little grows like
that of other largest values of a random walk, with the variance to the power of 2/3, and adds 0.59 of itself in a draw.
Means have no bias, and ratios one too small to matter."""
NOISE = 0.15
"""Standard error of the bias of a difference, for each unit of its own standard error. So small a bias may be none, and
taking it off makes the difference vary more from data set to data set than its standard error says."""
AT_ONCE = 32
"""Sets of weights that a measure is asked about together."""
JACKKNIFED = 400
"""Images of a data set up to which each is left out in turn."""
NOTHING = 1e-12


@dataclass(frozen=True, eq=False)
class Sampled:
    """A metric on the data set and on bootstrap draws of it."""

    value: float
    """on the data set; nan where undefined"""
    even: float
    """the same, equal scores mixed evenly as in draws"""
    draws: NDArray[np.float64]
    """`[D]`; none for fewer than 10 images"""
    images: int
    """how many images the data set has"""
    telling: int
    """on how many of them the metric is defined; `images` where draws differ, which tells more"""
    left_out: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """with each image left out in turn, `[images]`; none for more than `JACKKNIFED` images"""

    def __sub__(self, other: "Sampled") -> "Sampled":
        """The difference of two systems on the same samples and draws."""
        return Sampled(
            self.value - other.value,
            self.even - other.even,
            self.draws - other.draws,
            self.images,
            min(self.telling, other.telling),
            # one of them may have none, as a metric that is defined for one system only
            self.left_out - other.left_out if len(self.left_out) == len(other.left_out) else np.zeros(0),
        )


def sampled(image_ids: Sequence[str], measure: Measure, draws: int = DRAWS, seed: int = SEED) -> dict[str, Sampled]:
    """Each metric of a measure on its samples, and on as many draws over their images, of many images on fewer (see
    `workbench.metrics.statistics.enough_draws`). image_ids: the image of each sample, `[S]`."""
    values = estimate(measure, len(image_ids))
    images = len(set(image_ids))
    drawn = draw(image_ids, measure, enough_draws(images, draws), seed)
    even, growing = _even(measure, values, len(image_ids))
    fixed = [name for name, found in drawn.items() if not np.isnan(found).any() and np.ptp(found) < NOTHING]
    telling = _telling(image_ids, measure) if fixed else {}
    left_out = _left_out(image_ids, measure) if drawn and images <= JACKKNIFED else {}
    nothing = np.zeros(0)
    return {
        name: Sampled(
            value,
            even[name],
            drawn.get(name, nothing),
            images,
            telling[name] if name in fixed else images,
            nothing if name in growing else left_out.get(name, nothing),
        )
        for name, value in values.items()
    }


def intervals(
    image_ids: Sequence[str],
    measure: Measure,
    fractions: Collection[str] = (),
    draws: int = DRAWS,
    seed: int = SEED,
) -> dict[str, Interval | None]:
    """The 95 % interval of each metric of a measure, see `interval`. fractions: the metrics that lie in [0, 1]."""
    found = sampled(image_ids, measure, draws, seed)
    return {name: interval(one, name in fractions) for name, one in found.items()}


def interval(one: Sampled, fraction: bool = True) -> Interval | None:
    """The 95 % interval of a metric. fraction: whether it lies in [0, 1].

    Fewer than 10 images give no interval (None), and so does a metric that some draw leaves undefined, as it then rests
    on about as few images (N_acc with a handful of no-target images).
    """
    if not _is_defined(one):
        return None
    centre, error = _estimated(one)
    reach = _t_quantile(one.images - 1)
    if not (fraction and 0 <= one.even <= 1):
        low, high = centre - reach * error, centre + reach * error
    else:
        low, high = _of_fraction(min(max(centre, 0.0), 1.0), one, error, reach)
    return min(low, one.value), max(high, one.value)


def spread(one: Sampled, fraction: bool = True) -> Spread | None:
    """The 95 % interval and the two-sided p-value of a difference; None as in `interval`. fraction: whether it is one
    of two fractions, and so lies in [-1, 1].

    The p-value is below 0.05 where the interval leaves out 0. Where the interval reaches 0 only because it was widened
    to hold the value, the p-value is 1.
    """
    if not _is_defined(one):
        return None
    centre, error = _estimated(one, NOISE)
    freedom = one.images - 1
    if error > NOTHING:
        reach = _t_quantile(freedom) * error
        low, high, p = centre - reach, centre + reach, _p_value(centre / error, freedom)
    else:  # the same in all images, as likely as that all of so many coins fall alike if there is no difference
        low, high, p = centre, centre, 2.0 ** (1 - one.telling) if centre else 1.0
        if fraction:
            # a share of images with another difference would hardly have gone unseen if it were larger than this
            squared = _t_quantile(freedom) ** 2
            others = squared / (one.telling + squared)
            low, high = centre - others * (1 + centre), centre + others * (1 - centre)
            student = _p_value(math.sqrt(one.telling * abs(centre)), freedom)
            p = min(p, student) if low > 0 or high < 0 else student
    if fraction:
        low, high = max(low, -1.0), min(high, 1.0)
    widened = min(low, one.value), max(high, one.value)
    return Spread(widened, 1.0 if p < 1 - LEVEL and widened[0] <= 0 <= widened[1] else p)


def _is_defined(one: Sampled) -> bool:
    return len(one.draws) > 1 and not math.isnan(one.value) and not np.isnan(one.draws).any()


def _estimated(one: Sampled, noise: float = 0.0) -> tuple[float, float]:
    """The metric without its bias, and its standard error: with the bias in it, which is estimated from the same images
    and so about as unsure as it is large. noise: the bias is shrunk by so many standard errors, by the positive part of
    James and Stein's rule (Fourth Berkeley Symposium 1961)."""
    bias, variance = BIAS_PER_SHIFT * (float(one.draws.mean()) - one.even), _variance(one)
    if noise:
        bias *= max(0.0, 1 - noise**2 * variance / bias**2) if bias else 0.0
    return one.even - bias, math.sqrt(variance + bias**2)


def _variance(one: Sampled) -> float:
    if len(one.left_out) and not np.isnan(one.left_out).any():
        return float(one.left_out.var()) * (one.images - 1)
    # a mean of n images has n / (n - 1) times the variance that draws of n from them have
    return float(one.draws.var(ddof=1)) * one.images / (one.images - 1)


def _of_fraction(share: float, one: Sampled, error: float, reach: float) -> Interval:
    """The interval of a fraction that is estimated as `share`."""
    variance = one.even * (1 - one.even)
    if variance <= NOTHING or error <= NOTHING:
        return _wilson(share, one.telling, reach)
    # so many independent yes-or-no observations have this standard error
    return _jeffreys(share, variance / error**2, reach)


def _jeffreys(share: float, observations: float, reach: float) -> Interval:
    from scipy.special import betaincinv, ndtri

    weight = observations * (float(ndtri((1 + LEVEL) / 2)) / reach) ** 2  # fewer, as Student's quantile is the larger
    right, wrong = share * weight + 0.5, (1 - share) * weight + 0.5
    low, high = (float(betaincinv(right, wrong, part)) for part in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return 0.0 if share <= 0 else low, 1.0 if share >= 1 else high


def _wilson(share: float, observations: float, reach: float) -> Interval:
    weight = reach**2 / observations
    centre = (share + weight / 2) / (1 + weight)
    half = math.sqrt(share * (1 - share) * weight + weight**2 / 4) / (1 + weight)
    return max(0.0, centre - half), min(1.0, centre + half)


def _even(measure: Measure, values: Mapping[str, float], n_samples: int) -> tuple[dict[str, float], set[str]]:
    """The metrics with equal scores mixed evenly, as they are when each sample occurs twice; and the names of those
    that grow with the data set, as a sum does: these have no scores, and keep their value."""
    twice = measure(np.tile(np.array([2, 4], dtype=np.int32), (n_samples, 1)))
    growing = {name for name in values if not math.isclose(*twice[name][:2], rel_tol=1e-6, abs_tol=1e-9)}
    return {n: value if n in growing else float(twice[n][0]) for n, value in values.items()}, growing


def _left_out(image_ids: Sequence[str], measure: Measure) -> dict[str, NDArray[np.float64]]:
    """Each metric with each image left out in turn, `[images]`, equal scores mixed evenly."""
    n_images, image_of_sample = numbered(image_ids)
    parts: dict[str, list[NDArray[np.float64]]] = {}
    for start in range(0, n_images, AT_ONCE):
        columns = np.arange(start, min(start + AT_ONCE, n_images))
        without = 2 * (image_of_sample[:, None] != columns).astype(np.int32)
        for name, found in measure(without).items():
            parts.setdefault(name, []).append(np.asarray(found, dtype=np.float64))
    return {name: np.concatenate(found) for name, found in parts.items()}


def _telling(image_ids: Sequence[str], measure: Measure) -> dict[str, int]:
    """On how many images each metric is defined by itself; on all, where it is on none."""
    n_images, image_of_sample = numbered(image_ids)
    counts: dict[str, int] = {}
    for start in range(0, n_images, AT_ONCE):
        columns = np.arange(start, min(start + AT_ONCE, n_images))
        alone = (image_of_sample[:, None] == columns).astype(np.int32)
        for name, found in measure(alone).items():
            counts[name] = counts.get(name, 0) + int((~np.isnan(found)).sum())
    return {name: count or n_images for name, count in counts.items()}


def _t_quantile(freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + LEVEL) / 2))


def _p_value(t: float, freedom: int) -> float:
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -abs(t)))
