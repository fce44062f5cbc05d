"""The share of good frames, how sure it is, and how it went over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spi_viewer.frames import Verdict
from spi_viewer.session import judgement
from spi_viewer.session.row_columns import RowColumns

_Z_95 = 1.959963984540054  # two-sided 95 % of the normal distribution


def wilson_interval(
    good: ArrayLike, total: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """95 % interval of good / total: (low, high), (0, 1) where total is 0.

    E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927): holds also for rates near 0 and few frames.
    """
    n = np.asarray(total, np.float64)
    safe_n = np.where(n > 0, n, 1.0)
    rate = np.asarray(good, np.float64) / safe_n
    z2 = _Z_95**2
    middle = (rate + z2 / (2 * safe_n)) / (1 + z2 / safe_n)
    half = _Z_95 / (1 + z2 / safe_n) * np.sqrt(rate * (1 - rate) / safe_n + z2 / (4 * safe_n**2))
    low = np.where(n > 0, np.clip(middle - half, 0.0, rate), 0.0)
    high = np.where(n > 0, np.clip(middle + half, rate, 1.0), 1.0)
    return low, high


@dataclass(frozen=True, slots=True)
class HitRateSeries:
    """Hit rate bin by bin, for the strip chart; all arrays (bins,), empty bins left out.

    Attributes:
        time_s: Unix time at which the bin begins.
        hit_rate: good / valid frames of the bin.
        low, high: 95 % Wilson interval.
        first_row: the session row of the bin's first frame, to jump there on a click.
        frames: valid frames in the bin.
    """

    time_s: NDArray[np.float64]
    hit_rate: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    first_row: NDArray[np.int64]
    frames: NDArray[np.int64]


def bin_hit_rate(
    bins: NDArray[np.int64],
    good: NDArray[np.bool_],
    rows: NDArray[np.int64],
    time_s: NDArray[np.float64],
) -> HitRateSeries:
    """Series over frames (n,) that carry a bin number each; rows ascend.

    Only valid frames belong in here.
    """
    if not (np.diff(bins) >= 0).all():
        order = np.argsort(bins, kind="stable")
        bins, good, rows, time_s = bins[order], good[order], rows[order], time_s[order]
    starts = np.flatnonzero(np.diff(bins, prepend=bins[:1] - 1))
    total = np.diff(starts, append=len(bins))
    good_count = np.add.reduceat(good.astype(np.int64), starts) if len(starts) else total
    low, high = wilson_interval(good_count, total)
    rate = good_count / np.maximum(total, 1)
    return HitRateSeries(time_s[starts], rate, low, high, rows[starts], total)


def hit_rate_series(
    columns: RowColumns, run: int | None, bin_s: float, bin_frames: int | None = None
) -> HitRateSeries:
    """Hit rate of a run in bins of seconds, or of a number of frames if given."""
    chosen = judgement.categories(columns.code) != judgement.INVALID
    if run is not None:
        chosen &= columns.run == run
    if bin_frames is None:
        chosen &= np.isfinite(columns.written_at_s)
    rows = np.flatnonzero(chosen)
    times = columns.written_at_s[rows]
    good = judgement.verdicts(columns.code[rows]) == Verdict.GOOD
    if bin_frames is not None:
        bins = np.arange(len(rows), dtype=np.int64) // max(1, bin_frames)
    else:
        bins = np.floor_divide(times, bin_s).astype(np.int64)
    return bin_hit_rate(bins, good, rows, times)
