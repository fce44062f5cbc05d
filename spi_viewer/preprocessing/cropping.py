"""Cut the network's square out of a detector frame: sum pixels, or interpolate small frames.

Numpy only: this runs in the reading process, which must start fast and stay small.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spi_viewer.frames import NETWORK_SIDE_PX, THUMBNAIL_SIDE_PX, Crop

_MIN_VALID_FRACTION = 0.5  # a network pixel needs at least half of its detector pixels
_MAX_COUNTS = 1e30  # beyond are fill values, whose sums would not fit into float32
_THUMBNAIL_PERCENTILES = (2.0, 99.5)


def default_crop(frame_shape: tuple[int, int], center: tuple[float, float] | None = None) -> Crop:
    """Largest square about the centre that a whole-number bin allows.

    Args:
        frame_shape: (height, width) in pixels.
        center: (y, x) of the beam in pixels; the middle of the frame if None.
    """
    height, width = frame_shape
    y, x = center if center is not None else ((height - 1) / 2, (width - 1) / 2)
    shortest = min(height, width)
    scale = shortest // NETWORK_SIDE_PX if shortest >= NETWORK_SIDE_PX else None
    return Crop(float(y), float(x), float(scale or shortest / NETWORK_SIDE_PX))


def bin_and_crop(
    pixels: NDArray[Any], valid: NDArray[np.bool_], crop: Crop
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Network-sized counts of one frame.

    Sums stand for all pixels of a bin: where some are missing the sum is scaled up, and below
    half the bin is not valid. Outside of the frame nothing is valid.

    Args:
        pixels: (height, width) of any numeric type.
        valid: (height, width), False where masked or not finite.
        crop: the square; see `Crop`.

    Returns:
        counts (128, 128) float32, 0 where not valid, and valid (128, 128) bool.
    """
    if pixels.dtype.kind == "f" and pixels.dtype.itemsize >= 4:
        with np.errstate(invalid="ignore"):  # NaN compares as not valid, which it is
            valid = valid & (np.abs(pixels) < _MAX_COUNTS)
    if crop.scale >= 1:
        return _bin(pixels, valid, crop)
    return _interpolate(pixels, valid, crop)


def _bin(
    pixels: NDArray[Any], valid: NDArray[np.bool_], crop: Crop
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    factor = max(1, round(crop.scale))
    side = NETWORK_SIDE_PX * factor
    top = round(crop.center_y_px - (side - 1) / 2)
    left = round(crop.center_x_px - (side - 1) / 2)
    window_valid = _window(valid, top, left, side)
    # chosen, not multiplied: NaN times 0 is NaN
    window = np.where(window_valid, _window(pixels, top, left, side), 0).astype(np.float32)
    if factor == 1:
        return window, window_valid
    if window_valid.all():  # the usual case, at half the cost
        return _sum_in_blocks(window, NETWORK_SIDE_PX), np.ones(
            (NETWORK_SIDE_PX, NETWORK_SIDE_PX), bool
        )
    seen = _sum_in_blocks(window_valid.astype(np.float32), NETWORK_SIDE_PX)
    enough = seen >= _MIN_VALID_FRACTION * factor**2
    scale_up = np.where(enough, factor**2 / np.maximum(seen, 1), 0)
    return (_sum_in_blocks(window, NETWORK_SIDE_PX) * scale_up).astype(np.float32), enough


def _window(array: NDArray[Any], top: int, left: int, side: int) -> NDArray[Any]:
    """Square of `array`; zero (False) where it reaches beyond the frame."""
    height, width = array.shape
    bottom, right = top + side, left + side
    if top >= 0 and left >= 0 and bottom <= height and right <= width:
        return array[top:bottom, left:right]
    window = np.zeros((side, side), array.dtype)
    y0, y1 = max(top, 0), min(bottom, height)
    x0, x1 = max(left, 0), min(right, width)
    if y0 < y1 and x0 < x1:
        window[y0 - top : y1 - top, x0 - left : x1 - left] = array[y0:y1, x0:x1]
    return window


def _sum_in_blocks(array: NDArray[np.float32], blocks: int) -> NDArray[np.float32]:
    """Sums of equal square blocks, `blocks` a side, of a square array."""
    factor = len(array) // blocks
    # whole rows, then whole columns: numpy adds short axes one element at a time
    rows = _sum_every(array.reshape(blocks, factor, -1).swapaxes(0, 1))
    return _sum_every(rows.reshape(blocks, blocks, factor).transpose(2, 0, 1))


def _sum_every(parts: NDArray[np.float32]) -> NDArray[np.float32]:
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total


def _interpolate(
    pixels: NDArray[Any], valid: NDArray[np.bool_], crop: Crop
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    rows = _linear_weights(pixels.shape[0], crop.center_y_px, crop.scale)
    columns = _linear_weights(pixels.shape[1], crop.center_x_px, crop.scale)
    known = np.where(valid, pixels, 0).astype(np.float32)
    weight = rows @ valid.astype(np.float32) @ columns.T
    enough = weight >= _MIN_VALID_FRACTION
    density = rows @ known @ columns.T / np.maximum(weight, _MIN_VALID_FRACTION)
    counts = np.where(enough, density * crop.scale**2, 0)
    return counts.astype(np.float32), enough


def _linear_weights(length: int, center: float, scale: float) -> NDArray[np.float32]:
    """(128, length) weights of linear interpolation along one axis."""
    at = center + (np.arange(NETWORK_SIDE_PX) - (NETWORK_SIDE_PX - 1) / 2) * scale
    distance = np.abs(at[:, None] - np.arange(length)[None, :])
    return np.maximum(0, 1 - distance).astype(np.float32)


def thumbnail(counts: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Small picture for the grid: counts, valid (128, 128) -> (64, 64) uint8.

    0 marks pixels that are not valid; 1..255 run from dark to bright on a square-root scale whose
    ends are percentiles of the valid pixels.
    """
    seen = _sum_in_blocks(valid.astype(np.float32), THUMBNAIL_SIDE_PX)
    mean = _sum_in_blocks(counts, THUMBNAIL_SIDE_PX) / np.maximum(seen, 1)
    shown = seen > 0
    picture = np.zeros((THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX), np.uint8)
    if not shown.any():
        return picture
    brightness = np.sqrt(np.maximum(mean, 0))
    low, high = _percentiles(brightness[shown], _THUMBNAIL_PERCENTILES)
    relative = np.clip((brightness - low) / max(high - low, 1e-12), 0, 1)
    picture[shown] = (1 + 254 * relative[shown]).astype(np.uint8)
    return picture


def _percentiles(values: NDArray[np.float32], percents: tuple[float, ...]) -> list[float]:
    """The values below which so many percent lie; np.percentile takes five times as long."""
    places = [round(percent / 100 * (values.size - 1)) for percent in percents]
    ordered = np.partition(values, places)
    return [float(ordered[place]) for place in places]
