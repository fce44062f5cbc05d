"""How well frames are told apart that no adaptation saw, with an interval by event."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spi_viewer.networks.measurement import error_rates

_RESAMPLES = 1000


def hold_out_figures(
    p_good: NDArray, is_good: NDArray, event: NDArray, threshold: float
) -> dict[str, Any]:
    """Balanced accuracy with a 95 % interval, and the rates of `error_rates`.

    Args:
        p_good: (N,) P(single).
        is_good: (N,) bool.
        event: (N,); the interval draws whole events anew (bootstrap), for views of one are alike.
        threshold: good from here on.
    """
    right = (p_good >= threshold) == is_good
    low, high = _interval(right, is_good, event)
    return {
        "threshold": threshold,
        "events": len(np.unique(event)),
        "balanced_accuracy": balanced(right, is_good),
        "balanced_accuracy_95": [low, high],
        **error_rates(p_good, is_good, threshold),
    }


def balanced(right: NDArray, is_good: NDArray) -> float:
    """Mean share of right answers over good and bad frames; of one kind, its share."""
    shares = [right[part].mean() for part in (is_good, ~is_good) if part.any()]
    return float(np.mean(shares))


def _interval(right: NDArray, is_good: NDArray, event: NDArray) -> tuple[float, float]:
    random = np.random.default_rng(0)
    _, number = np.unique(event, return_inverse=True)
    rows = [np.flatnonzero(number == one) for one in range(number.max() + 1)]
    values = []
    for _ in range(_RESAMPLES):
        drawn = np.concatenate([rows[one] for one in random.integers(len(rows), size=len(rows))])
        if is_good[drawn].any() and not is_good[drawn].all():
            values.append(balanced(right[drawn], is_good[drawn]))
    if not values:
        return 0.0, 1.0
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
