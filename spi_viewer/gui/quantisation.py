"""Frames laid on a 16-bit axis: levels from all valid pixels, never from a sample of them.

Max-pooled smaller copies are made with it, so a single bright pixel stays visible however far one
zooms out.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from spi_viewer.gui.intensity import (
    AXIS_TOP,
    HISTOGRAM_BINS,
    IntensityImage,
    IntensityScale,
    Levels,
    Transform,
)

_LOW_FRACTION = 0.01  # of the valid pixels
_HIGH_FRACTION = 0.0002  # of the pixels above the low level, so sparse frames are not empty
_SMALLEST_COPY_PX = 256
_NO_MEASUREMENT = 1e30  # beyond are fill values: 9.97e36 of netCDF, FLT_MAX, DBL_MAX


def lay_on_axis(
    pixels: NDArray,
    valid: NDArray[np.bool_],
    scale: IntensityScale,
    locked: Levels | None = None,
) -> IntensityImage:
    """Prepare (height, width) pixels of any numeric type for display.

    `locked` levels are kept inside the axis. Takes some 20 ms for 1024 x 1024: not for the GUI
    thread when frames are larger.
    """
    pixels = _plain(pixels)
    if pixels.dtype.kind == "f":
        valid = valid & (np.abs(pixels) < _NO_MEASUREMENT)  # False for NaN too
    low, high, smallest, largest = _robust_range(pixels[valid])
    if scale in (IntensityScale.SQRT, IntensityScale.LOG) and high > 0:
        low = max(low, 0.0)
    transform = Transform(scale, _softening(high, pixels.dtype))
    axis = _axis(transform, Levels(low, high), smallest, largest, locked)
    laid = _quantised(pixels, valid, transform, axis)
    counts = np.bincount(laid.ravel() >> 9, minlength=HISTOGRAM_BINS)[:HISTOGRAM_BINS]
    counts[0] -= laid.size - np.count_nonzero(laid)
    return IntensityImage(_pooled_copies(laid), transform, axis, Levels(low, high), counts)


def _plain(pixels: NDArray) -> NDArray:
    """Real numbers of a type that numpy is quick with."""
    if pixels.dtype.kind == "c":
        return np.abs(pixels)
    if pixels.dtype.kind == "b":
        return pixels.astype(np.uint8)
    if pixels.dtype == np.float16:
        return pixels.astype(np.float32)
    return pixels if pixels.dtype.isnative else pixels.astype(pixels.dtype.newbyteorder("="))


def _robust_range(values: NDArray) -> tuple[float, float, float, float]:
    """Low and high level, smallest and largest of the valid values, by exact selection."""
    if values.size == 0:
        return 0.0, 1.0, 0.0, 1.0
    if _has_few_values(values.dtype):
        return _robust_range_by_counting(values)
    first = int(_LOW_FRACTION * (values.size - 1))
    values.partition(first)  # a private copy, so in place
    low, smallest = values[first], values[: first + 1].min()
    upper = values[first:]
    above = upper[upper > low]
    if above.size == 0:
        return float(low), float(low) + 1.0, float(smallest), float(low) + 1.0
    largest = above.max()
    last = above.size - math.ceil(_HIGH_FRACTION * above.size)
    above.partition(last)
    return float(low), float(above[last]), float(smallest), float(largest)


def _has_few_values(dtype: np.dtype) -> bool:
    return dtype.kind in "iu" and dtype.itemsize <= 2


def _every_value(dtype: np.dtype) -> NDArray:
    """All values of an integer type of at most 16 bits, in the order of their bit patterns."""
    unsigned = np.dtype(f"u{dtype.itemsize}")
    return np.arange(256**dtype.itemsize, dtype=unsigned).view(dtype)


def _robust_range_by_counting(values: NDArray) -> tuple[float, float, float, float]:
    """The same for types of few values, where selection is slow because of the many equal ones."""
    every = _every_value(values.dtype)
    unsigned = values.view(f"u{values.dtype.itemsize}")
    order = np.argsort(every, kind="stable")
    counts = np.bincount(unsigned, minlength=every.size)[order]
    every, below = every[order].astype(float), np.cumsum(counts)
    present = np.flatnonzero(counts)
    smallest, largest = every[present[0]], every[present[-1]]
    first = int(_LOW_FRACTION * (values.size - 1))
    low_at = int(np.searchsorted(below, first, side="right"))
    above = values.size - int(below[low_at])
    low = float(every[low_at])
    if above == 0:
        return low, low + 1.0, float(smallest), low + 1.0
    last = values.size - math.ceil(_HIGH_FRACTION * above)
    high_at = int(np.searchsorted(below, last, side="right"))
    return low, float(every[high_at]), float(smallest), float(largest)


def _softening(high: float, dtype: np.dtype) -> float:
    """Where the logarithm turns linear: one photon, unless the values are no photon counts."""
    if high > 1e4:
        return high / 1e4
    return 1.0 if dtype.kind in "iu" or high >= 10 else max(high, 1e-30) / 100.0


def _axis(
    transform: Transform, auto: Levels, smallest: float, largest: float, locked: Levels | None
) -> Levels:
    """Range of values worth resolving: the data, but outliers do not squeeze the rest."""
    low, high = transform.position(auto.low), transform.position(auto.high)
    margin = 1.0 * (high - low)
    start = transform.value(max(transform.position(smallest), low - 0.5 * margin))
    end = transform.value(min(transform.position(largest), high + margin))
    if transform.scale in (IntensityScale.SQRT, IntensityScale.LOG) and auto.low >= 0:
        start = max(start, 0.0)
    start, end = min(start, auto.low), max(end, auto.high)
    if locked is not None:
        start, end = min(start, locked.low), max(end, locked.high)
    return Levels(start, end)


def _quantised(
    pixels: NDArray, valid: NDArray[np.bool_], transform: Transform, axis: Levels
) -> NDArray[np.uint16]:
    """(h, w) uint16 axis values, 0 where not valid."""
    if _has_few_values(pixels.dtype):  # transform those few and look the pixels up
        table = _positions_16_bit(_every_value(pixels.dtype), transform, axis)
        laid = table[pixels.view(f"u{pixels.dtype.itemsize}")]
    else:
        laid = _positions_16_bit(pixels, transform, axis)
    laid[~valid] = 0
    return laid


def _positions_16_bit(values: NDArray, transform: Transform, axis: Levels) -> NDArray[np.uint16]:
    """Values to 1..65535 along the axis; NaN may come out as anything."""
    start, end = transform.position(axis.low), transform.position(axis.high)
    with np.errstate(over="ignore", invalid="ignore"):  # invalid pixels may hold anything
        positions = transform.forward(values)
        if positions is values:  # the caller's own pixels stay untouched
            positions = positions.copy()
        positions -= np.float32(start)
        positions *= np.float32((AXIS_TOP - 1) / max(end - start, 1e-30))
    np.clip(positions, 0, AXIS_TOP - 1, out=positions)
    np.nan_to_num(positions, copy=False)
    laid = positions.astype(np.uint16)
    laid += 1
    return laid


def _pooled_copies(laid: NDArray[np.uint16]) -> tuple[NDArray[np.uint16], ...]:
    """The image and its max-pooled halves; invalid (0) loses against any valid neighbour."""
    copies = [laid]
    while max(copies[-1].shape) > _SMALLEST_COPY_PX:
        image = copies[-1]
        height, width = image.shape
        image = np.pad(image, ((0, height % 2), (0, width % 2)))
        rows = np.maximum(image[0::2], image[1::2])
        copies.append(np.maximum(rows[:, 0::2], rows[:, 1::2]))
    return tuple(copies)
