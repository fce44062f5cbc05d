"""What a threshold on calibrated scores is expected to give, from their histogram alone.

Where scores are calibrated, each frame is a single with its own p; edges are (bins + 1,),
counts (bins,), and p is taken at the bin's middle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a threshold is expected to give; NaN where nothing can be said.

    Attributes:
        accepted: frames at or above the threshold.
        precision: share of true singles among the accepted.
        recall: share of the singles that is accepted.
    """

    accepted: float
    precision: float
    recall: float


def expected_at(
    threshold: float, edges: NDArray[np.float64], counts: NDArray[np.int64]
) -> Expectation:
    """Precision = sum(p, p >= t) / N(p >= t), recall = sum(p, p >= t) / sum(p)."""
    centers = 0.5 * (edges[1:] + edges[:-1])
    # The part of the threshold's own bin that lies above it counts.
    share = np.clip((edges[1:] - threshold) / np.diff(edges), 0.0, 1.0)
    accepted = float((counts * share).sum())
    # Within the cut bin the accepted frames lie between the threshold and the upper edge.
    p_above = np.where(share < 1, 0.5 * (edges[1:] + np.maximum(threshold, edges[:-1])), centers)
    hits = float((counts * share * p_above).sum())
    total = float((counts * centers).sum())
    return Expectation(
        accepted,
        hits / accepted if accepted else math.nan,
        min(1.0, hits / total) if total else math.nan,
    )


def expected_singles(edges: NDArray[np.float64], counts: NDArray[np.int64]) -> tuple[float, float]:
    """True singles to expect among all frames, and the standard deviation of their number.

    sum(p) +- sqrt(sum(p (1 - p))).
    """
    p = 0.5 * (edges[1:] + edges[:-1])
    return float((counts * p).sum()), math.sqrt(float((counts * p * (1 - p)).sum()))
