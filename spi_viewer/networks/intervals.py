"""Numbers with the 95 % interval in which they would lie on other frames of the same kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spi_viewer.networks.calibration import wilson_interval
from spi_viewer.networks.curves import operating_curve

RESAMPLES = 1000
_ENDS = (0.025, 0.975)

# A figure of scores, truths and weights, all (N,).
Statistic = Callable[[NDArray, NDArray[np.bool_], NDArray], float]


@dataclass(frozen=True)
class Estimate:
    """A measured number and its 95 % interval; not a number where nothing could be measured."""

    value: float
    low: float
    high: float

    @property
    def is_known(self) -> bool:
        """False where there were no frames to measure on."""
        return math.isfinite(self.value)


UNKNOWN = Estimate(math.nan, math.nan, math.nan)


def rate(hits: float, trials: float) -> Estimate:
    """Rate of hits / trials with the interval of Wilson (1927); unknown without trials."""
    if trials == 0:
        return UNKNOWN
    return Estimate(hits / trials, *wilson_interval(hits, trials))


def share(
    selected: NDArray[np.bool_], of: NDArray[np.bool_], group: NDArray | None = None
) -> Estimate:
    """How many of the frames `of` are `selected`, both (N,); frames of one `group` (N,) as one.

    The interval is that of n^2 / sum(m_i^2) independent frames for n frames in groups of m_i
    (Kish, Survey Sampling (1965), as if all frames of a group gave the same answer): never too
    narrow.
    """
    hits, trials = int((selected & of).sum()), int(of.sum())
    if group is None or trials == 0:
        return rate(hits, trials)
    sizes = np.unique(group[of], return_counts=True)[1].astype(np.float64)
    independent = trials**2 / (sizes**2).sum()
    return rate(hits * (independent / trials), independent)


def balanced_accuracy(
    called_good: NDArray[np.bool_],
    is_good: NDArray[np.bool_],
    group: NDArray | None = None,
    seed: int = 0,
) -> Estimate:
    """Mean of the accuracies on good and on bad frames; frames of one `group` belong together.

    The interval is the wider, at each end, of the bootstrap by group and of the two rates' Wilson
    intervals combined (MOVER: Zou & Donner, Stat. Med. 27, 1693 (2008)): the bootstrap alone is
    certain of a rate that had no error among a handful of frames.
    """
    if not is_good.any() or is_good.all():
        return UNKNOWN
    kept = share(called_good, is_good, group)
    refused = share(~called_good, ~is_good, group)
    value = (kept.value + refused.value) / 2
    below = math.hypot(kept.value - kept.low, refused.value - refused.low) / 2
    above = math.hypot(kept.high - kept.value, refused.high - refused.value) / 2

    def statistic(called: NDArray, good: NDArray[np.bool_], weights: NDArray) -> float:
        right = weights * (called == good)
        on_good = (right * good).sum() / (weights * good).sum()
        on_bad = (right * ~good).sum() / (weights * ~good).sum()
        return float(on_good + on_bad) / 2

    drawn = bootstrap(statistic, called_good, is_good, group, seed)
    return Estimate(value, min(value - below, drawn.low), max(value + above, drawn.high))


def area_under_curve(
    score: NDArray, is_good: NDArray[np.bool_], group: NDArray | None = None, seed: int = 0
) -> Estimate:
    """Area under the operating curve: the chance that a good frame scores above a bad one."""
    return bootstrap(lambda *of: operating_curve(*of).area, score, is_good, group, seed)


def average_precision(
    score: NDArray,
    is_good: NDArray[np.bool_],
    prevalence: float | None = None,
    group: NDArray | None = None,
    seed: int = 0,
) -> Estimate:
    """Average precision at a prevalence; None: the share of good frames as it is."""

    def statistic(score: NDArray, is_good: NDArray[np.bool_], weights: NDArray) -> float:
        here = float((weights * is_good).sum() / weights.sum())
        at = here if prevalence is None else prevalence
        return operating_curve(score, is_good, weights).average_precision(at)

    return bootstrap(statistic, score, is_good, group, seed)


def bootstrap(
    statistic: Statistic,
    score: NDArray,
    is_good: NDArray[np.bool_],
    group: NDArray | None = None,
    seed: int = 0,
    needs_both: bool = True,
) -> Estimate:
    """A statistic with its percentile interval over resampled groups (Efron 1979).

    Groups, not frames, are drawn with replacement, because views of one event are no independent
    evidence. A statistic that `needs_both` good and bad frames is unknown without, and draws that
    lack one are left out.
    """

    def is_enough(truth: NDArray[np.bool_]) -> bool:
        return bool(truth.any() and not truth.all()) if needs_both else bool(len(truth))

    if not is_enough(is_good):
        return UNKNOWN
    value = statistic(score, is_good, np.ones(len(score)))
    _, member = np.unique(np.arange(len(score)) if group is None else group, return_inverse=True)
    groups = int(member.max()) + 1
    order = np.argsort(-score.astype(np.float64), kind="stable")  # so that no draw sorts from anew
    score, is_good, member = score[order], is_good[order], member[order]
    generator = np.random.default_rng(seed)
    drawn = []
    for _ in range(RESAMPLES):
        times = np.bincount(generator.integers(0, groups, groups), minlength=groups)
        weights = times[member].astype(np.float64)
        chosen = weights > 0
        if is_enough(is_good[chosen]):
            drawn.append(statistic(score[chosen], is_good[chosen], weights[chosen]))
    return Estimate(value, *percentile_interval(value, drawn))


def percentile_interval(value: float, drawn: Sequence[float]) -> tuple[float, float]:
    """The middle 95 % of what was drawn, stretched to hold the value; unknown without draws."""
    if not len(drawn):
        return math.nan, math.nan
    low, high = np.quantile(drawn, _ENDS)
    return min(float(low), value), max(float(high), value)
