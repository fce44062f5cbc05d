"""How well frames are told apart that no adaptation saw, with an interval by event."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spi_viewer.networks import intervals
from spi_viewer.networks.measurement import error_rates


def hold_out_figures(
    p_good: NDArray, is_good: NDArray, event: NDArray, threshold: float
) -> dict[str, Any]:
    """Balanced accuracy with a 95 % interval, and the rates of `error_rates`.

    Args:
        p_good: (N,) P(single).
        is_good: (N,) bool.
        event: (N,); the views of one are no independent evidence in any interval.
        threshold: good from here on.
    """
    called = p_good >= threshold
    accuracy = intervals.balanced_accuracy(called, is_good, event)
    lost = intervals.share(~called, is_good, event)
    let_in = intervals.share(called, ~is_good, event)
    return {
        "threshold": threshold,
        "events": len(np.unique(event)),
        "balanced_accuracy": accuracy.value,
        "balanced_accuracy_95": [accuracy.low, accuracy.high],
        **error_rates(p_good, is_good, threshold),
        "false_negatives_95": [lost.low, lost.high],
        "false_positives_95": [let_in.low, let_in.high],
    }
