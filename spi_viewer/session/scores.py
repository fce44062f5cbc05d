"""Figures from the scores: their histogram, and those of labelled frames."""

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


def labelled_scores(
    columns: RowColumns, run: int | None = None
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """P(good) and whether the operator said good, of labelled valid frames."""
    chosen = (columns.label != OperatorLabel.NONE) & np.isfinite(columns.p_good)
    if run is not None:
        chosen &= columns.run == run
    return columns.p_good[chosen], columns.label[chosen] == OperatorLabel.GOOD
