"""Good frames lost where a threshold lets in a fixed share of the bad ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from spi_viewer.evaluation.answers import Answers
from spi_viewer.networks.intervals import (
    RESAMPLES,
    UNKNOWN,
    Estimate,
    percentile_interval,
    share,
)


def lost_at(
    answer: Answers, false_positives: float, parts: Mapping[str, NDArray[np.bool_]], seed: int = 0
) -> dict[str, Estimate]:
    """Share of good frames called bad, for each named part of them.

    One threshold for all parts: the lowest at which at most `false_positives` of all bad frames
    are called good. Each interval is the wider, at each end, of Wilson's and of a bootstrap that
    draws the threshold anew each time, because the threshold is known no better than the few bad
    frames that it lets in.

    Args:
        answer: N frames, good and bad; unknown rates without both.
        false_positives: from 0 to below 1.
        parts: (N,) bool each, by name; only good frames of a part count.
        seed: of the bootstrap.
    """
    if not answer.has_both:
        return dict.fromkeys(parts, UNKNOWN)
    highest_lost = _HighestLost(answer.p_good[~answer.is_good], false_positives)
    good = answer.select(answer.is_good)
    members = np.stack([part[answer.is_good] for part in parts.values()]).astype(np.float64)
    lost = good.p_good <= highest_lost()
    drawn = _drawn(good.p_good, members, highest_lost, np.random.default_rng(seed))
    found = {}
    for name, member, rates in zip(parts, members > 0, drawn.T, strict=True):
        wilson = share(lost, member, good.group)
        low, high = percentile_interval(wilson.value, rates[np.isfinite(rates)])
        found[name] = Estimate(
            wilson.value, float(np.fmin(wilson.low, low)), float(np.fmax(wilson.high, high))
        )
    return found


class _HighestLost:
    """The highest P(single) that a threshold at a fixed share of bad frames still refuses."""

    def __init__(self, bad: NDArray[np.float64], false_positives: float) -> None:
        self._falling = -np.sort(-bad)
        self._rate = false_positives

    def __call__(self, generator: np.random.Generator | None = None) -> float:
        """Of the bad frames as they are, or as many drawn from them with replacement."""
        bad = len(self._falling)
        allowed = int(self._rate * bad)  # so many may be called good
        if generator is None:
            return float(self._falling[allowed])
        drawn = np.bincount(generator.integers(0, bad, bad), minlength=bad)
        return float(self._falling[np.searchsorted(np.cumsum(drawn), allowed, side="right")])


def _drawn(
    p_good: NDArray[np.float64],
    members: NDArray[np.float64],
    highest_lost: _HighestLost,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Rates (resamples, parts) of drawn good frames at drawn thresholds; NaN where none is left."""
    frames = len(p_good)
    rates = np.empty((RESAMPLES, len(members)))
    for number in range(RESAMPLES):
        weights = np.bincount(generator.integers(0, frames, frames), minlength=frames)
        lost = p_good <= highest_lost(generator)
        of_part = members @ np.stack([weights * lost, weights], axis=1).astype(np.float64)
        with np.errstate(invalid="ignore"):
            rates[number] = of_part[:, 0] / of_part[:, 1]
    return rates
