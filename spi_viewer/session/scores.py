"""Figures from the scores: histogram, expected precision and recall, scores of labelled frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spi_viewer.frames import OperatorLabel
from spi_viewer.session.row_columns import RowColumns


def score_histogram(
    p_good: NDArray[np.float32], bins: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Edges (bins + 1,) over [0, 1] and counts (bins,); scores that are NaN are left out."""
    finite = p_good[np.isfinite(p_good)]
    numbers = np.clip((finite * bins).astype(np.int64), 0, bins - 1)
    return np.linspace(0.0, 1.0, bins + 1), np.bincount(numbers, minlength=bins)


def expected_figures(p_good: NDArray[np.float32], threshold: float) -> tuple[float, float]:
    """(precision, recall) to expect at a threshold, if the probabilities are calibrated.

    A calibrated P is the share of good frames among those with this P, so good frames above the
    threshold are expected to number the sum of P there. NaN where no frame decides.
    """
    finite = np.asarray(p_good, np.float64)
    finite = finite[np.isfinite(finite)]
    above = finite[finite >= threshold]
    everything = finite.sum()
    precision = above.mean() if len(above) else np.nan
    recall = above.sum() / everything if everything > 0 else np.nan
    return float(precision), float(recall)


def labelled_scores(
    columns: RowColumns, run: int | None = None
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """P(good) and whether the operator said good, of labelled valid frames."""
    chosen = (columns.label != OperatorLabel.NONE) & np.isfinite(columns.p_good)
    if run is not None:
        chosen &= columns.run == run
    return columns.p_good[chosen], columns.label[chosen] == OperatorLabel.GOOD
