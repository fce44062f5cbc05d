"""Which rows a grid shows and in which order, and which are good enough to export."""

from __future__ import annotations

import enum

import numpy as np
from numpy.typing import NDArray

from spi_viewer.frames import FrameClass, FrameFlag, OperatorLabel, Verdict
from spi_viewer.session import judgement
from spi_viewer.session.row_columns import RowColumns


class RowFilter(enum.StrEnum):
    """What to show. Good and bad are the network's; LABELLED and DISAGREE the operator's.

    UNFAMILIAR is unlike the network's training, FLAGGED has something wrong with its data.
    """

    ALL = "all"
    GOOD = "good"
    BAD = "bad"
    MULTI = "multi"
    NON_SAMPLE = "non-sample"
    BLANK = "blank"
    UNSURE = "unsure"
    UNFAMILIAR = "unfamiliar"
    INVALID = "invalid"
    LABELLED = "labelled"
    DISAGREE = "disagree"
    FLAGGED = "flagged"


class SortOrder(enum.StrEnum):
    """In which order; ties stay in order of arrival, frames without a score come last."""

    NEWEST = "newest"
    OLDEST = "oldest"
    P_GOOD_HIGH = "P(good) high"
    P_GOOD_LOW = "P(good) low"
    UNCERTAIN = "uncertain"
    PHOTONS = "photons"


class ExportPolicy(enum.StrEnum):
    """Whose word decides which frames are good."""

    NETWORK = "network"
    OPERATOR = "operator"
    FINAL = "final"  # the operator's where there is one, else the network's


_CATEGORY_OF_FILTER = {
    RowFilter.GOOD: int(FrameClass.SINGLE),
    RowFilter.MULTI: int(FrameClass.MULTI),
    RowFilter.NON_SAMPLE: int(FrameClass.NON_SAMPLE),
    RowFilter.BLANK: int(FrameClass.BLANK),
    RowFilter.INVALID: judgement.INVALID,
}


def disagreeing(code: NDArray[np.int8], label: NDArray[np.int8]) -> NDArray[np.bool_]:
    """True where the operator's label differs from the network's verdict; invalid has none."""
    verdicts = judgement.verdicts(code)
    return (label != OperatorLabel.NONE) & (verdicts != Verdict.INVALID) & (label != verdicts)


def _passing(columns: RowColumns, row_filter: RowFilter) -> NDArray[np.bool_]:
    category = _CATEGORY_OF_FILTER.get(row_filter)
    if category is not None:
        return judgement.categories(columns.code) == category
    match row_filter:
        case RowFilter.BAD:
            return judgement.verdicts(columns.code) == Verdict.BAD
        case RowFilter.UNSURE:
            return judgement.unsure(columns.code)
        case RowFilter.UNFAMILIAR:
            return judgement.unfamiliar(columns.code)
        case RowFilter.LABELLED:
            return columns.label != OperatorLabel.NONE
        case RowFilter.DISAGREE:
            return disagreeing(columns.code, columns.label)
        case RowFilter.FLAGGED:
            return (columns.flags & ~np.uint32(FrameFlag.OUT_OF_DISTRIBUTION)) != 0
    return np.ones(len(columns.code), bool)


def select_rows(
    columns: RowColumns,
    row_filter: RowFilter,
    order: SortOrder,
    threshold: float,
    run: int | None = None,
) -> NDArray[np.int64]:
    """Rows that pass the filter, in order: (m,) int64."""
    if row_filter is RowFilter.ALL and run is None:
        rows = np.arange(len(columns.code), dtype=np.int64)
    else:
        passing = _passing(columns, row_filter)
        if run is not None:
            passing &= columns.run == run
        rows = np.flatnonzero(passing)
    return _sorted(columns, rows, order, threshold)


def _sorted(
    columns: RowColumns, rows: NDArray[np.int64], order: SortOrder, threshold: float
) -> NDArray[np.int64]:
    match order:
        case SortOrder.OLDEST:
            return rows
        case SortOrder.NEWEST:
            return rows[::-1].copy()
        case SortOrder.P_GOOD_HIGH:
            key = -columns.p_good[rows]
        case SortOrder.P_GOOD_LOW:
            key = columns.p_good[rows]
        case SortOrder.UNCERTAIN:
            key = np.abs(columns.p_good[rows] - np.float32(threshold))
        case SortOrder.PHOTONS:
            key = -columns.photons[rows].astype(np.float32)
    return rows[np.argsort(key, kind="stable")]  # NaN sorts last


def good_rows(
    columns: RowColumns, policy: ExportPolicy, run: int | None = None
) -> NDArray[np.int64]:
    """Rows that are good by the policy, ascending: (m,) int64."""
    good = _good_by(policy, columns)
    if run is not None:
        good &= columns.run == run
    return np.flatnonzero(good)


def _good_by(policy: ExportPolicy, columns: RowColumns) -> NDArray[np.bool_]:
    network = judgement.verdicts(columns.code) == Verdict.GOOD
    operator = columns.label == OperatorLabel.GOOD
    match policy:
        case ExportPolicy.NETWORK:
            return network
        case ExportPolicy.OPERATOR:
            return operator
    return operator | (network & (columns.label == OperatorLabel.NONE))
