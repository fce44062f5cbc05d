"""The trade between good frames kept and bad frames let in, at any share of good frames.

Rates at a threshold do not depend on how many good frames there are; precision does. So a curve is
measured once, on a set of any composition, and precision is computed for the prevalence asked for:
with recall r and false-positive rate f, precision at prevalence p is p r / (p r + (1 - p) f).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RELIABILITY_BINS = 15


@dataclass(frozen=True)
class OperatingCurve:
    """All thresholds that differ, from the strictest, beginning with the one that takes nothing.

    Attributes:
        thresholds: (T,), good from here on; the first is infinite.
        recall: (T,) good frames called good, of the good.
        false_positives: (T,) bad frames called good, of the bad.
    """

    thresholds: NDArray[np.float64]
    recall: NDArray[np.float64]
    false_positives: NDArray[np.float64]

    @property
    def area(self) -> float:
        """Area under recall over false positives; ties between good and bad count half."""
        middle = (self.recall[1:] + self.recall[:-1]) / 2
        return float((np.diff(self.false_positives) * middle).sum())

    def precision(self, prevalence: float) -> NDArray[np.float64]:
        """Precision at each threshold, (T,), where a share `prevalence` of frames is good.

        1 where nothing is called good.
        """
        return precision_of(self.recall, self.false_positives, prevalence)

    def average_precision(self, prevalence: float) -> float:
        """Precision averaged over the recall gained from threshold to threshold."""
        return float((np.diff(self.recall) * self.precision(prevalence)[1:]).sum())

    def recall_at(self, false_positives: float) -> float:
        """Largest recall at which at most this share of the bad frames is let in."""
        return float(self.recall[self.false_positives <= false_positives][-1])

    def place_of(self, threshold: float) -> int:
        """Index of the operating point that a threshold makes."""
        return int(np.searchsorted(-self.thresholds, -threshold, side="right")) - 1


def precision_of(
    recall: NDArray[np.float64], false_positives: NDArray[np.float64], prevalence: float
) -> NDArray[np.float64]:
    """Precision of rates (T,) where a share `prevalence` is good; 1 where nothing is called so."""
    good = prevalence * recall
    called = good + (1 - prevalence) * false_positives
    return np.divide(good, called, out=np.ones_like(called), where=called > 0)


def operating_curve(
    score: NDArray, is_good: NDArray[np.bool_], weights: NDArray | None = None
) -> OperatingCurve:
    """Curve of scores (N,) and truths (N,); weights (N,) count a frame more than once, or not.

    Raises ValueError if all frames that count are good, or all are bad.
    """
    weights = np.ones(len(score)) if weights is None else np.asarray(weights, np.float64)
    order = np.argsort(-score, kind="stable")
    score, weights = np.asarray(score, np.float64)[order], weights[order]
    good = np.cumsum(weights * is_good[order])
    bad = np.cumsum(weights * ~is_good[order])
    if not len(score) or good[-1] <= 0 or bad[-1] <= 0:
        raise ValueError("a curve needs good and bad frames")
    ends = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)  # ties move together
    return OperatingCurve(
        thresholds=np.append(np.inf, score[ends]),
        recall=np.append(0.0, good[ends] / good[-1]),
        false_positives=np.append(0.0, bad[ends] / bad[-1]),
    )


@dataclass(frozen=True)
class Reliability:
    """What came true of what was said, bin by bin of confidence; empty bins are left out.

    Attributes:
        said: (bins,) mean probability.
        happened: (bins,) share of frames for which it was true.
        frames: (bins,) how many.
    """

    said: NDArray[np.float64]
    happened: NDArray[np.float64]
    frames: NDArray[np.float64]

    @property
    def error(self) -> float:
        """Expected calibration error: gap between said and happened, averaged over frames."""
        gap = np.abs(self.said - self.happened)
        return float((gap * self.frames).sum() / max(self.frames.sum(), 1))


def reliability(
    probability: NDArray, is_true: NDArray[np.bool_], weights: NDArray | None = None
) -> Reliability:
    """Said probability (N,) against truth (N,), in 15 equal bins; weights (N,) count frames."""
    weights = np.ones(len(probability)) if weights is None else weights
    bins = np.digitize(probability, np.linspace(0, 1, RELIABILITY_BINS + 1)[1:-1])

    def summed(values: NDArray) -> NDArray[np.float64]:
        return np.bincount(bins, weights * values, RELIABILITY_BINS).astype(np.float64)

    frames = summed(np.ones(len(bins)))
    filled = frames > 0
    said, happened = summed(probability)[filled], summed(is_true)[filled]
    return Reliability(said / frames[filled], happened / frames[filled], frames[filled])
