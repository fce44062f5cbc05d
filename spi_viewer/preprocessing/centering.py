"""Find the beam centre: the point about which a diffraction pattern looks the same upside down.

At small angles I(q) = I(-q) (Friedel's law), so the centre maximises the correlation of the
pattern with its own rotation by 180 degrees. Beam stop, gaps and masked pixels are left out of
every pair, after Padfield (2012), IEEE Trans. Image Process. 21, 2706.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_WORKING_SIDE_PX = 160  # coarse enough to be fast, fine enough for half a network pixel
_MAX_SHIFT = 0.25  # the beam is within this fraction of the frame's side from the middle
_MIN_OVERLAP = 0.3  # fraction of the frame's valid pixels that must have a partner
_MIN_CORRELATION = 0.3
_BRIGHTEST = 0.999  # part of the pixels; what is brighter counts as bright as these
_MIN_GAIN = 0.01  # over the middle of the frame, else the middle is as good


def find_center(frames: NDArray[Any], valid: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Beam centre from the mean of some frames.

    Args:
        frames: (N, height, width) raw counts of any numeric type.
        valid: (height, width) or (N, height, width) bool.

    Returns:
        (y, x) in pixels, (0, 0) being the middle of the first pixel; None where the frames show
        no symmetry that would beat the middle of the frame.
    """
    mean, seen = _mean_pattern(frames, valid)
    factor = max(1, min(mean.shape) // _WORKING_SIDE_PX)
    mean, seen = _reduce(mean, seen, factor)
    if seen.sum() < 0.05 * seen.size:
        return None
    correlation = _point_symmetry(mean, seen)
    peak = np.unravel_index(int(np.argmax(correlation)), correlation.shape)
    middle = correlation[mean.shape[0] - 1, mean.shape[1] - 1]
    best = correlation[peak]
    if best < _MIN_CORRELATION or best < middle + _MIN_GAIN:
        return None
    # a shift of t pairs pixel x with t - x, so the centre is t / 2
    return tuple(  # type: ignore[return-value]
        float(_refine(correlation, peak, axis) / 2 * factor + (factor - 1) / 2) for axis in (0, 1)
    )


def _mean_pattern(
    frames: NDArray[Any], valid: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean of the square roots, so that no single bright frame decides; and where it is known."""
    valid = np.broadcast_to(valid, frames.shape)
    total = np.zeros(frames.shape[1:])
    seen = np.zeros(frames.shape[1:])
    for frame, frame_valid in zip(frames, valid, strict=True):
        known = np.where(frame_valid, frame, 0).astype(np.float64)
        total += np.sqrt(np.maximum(known, 0))
        seen += frame_valid
    mean = total / np.maximum(seen, 1)
    if seen.any():  # a hot pixel is its own mirror image, and would outweigh everything
        mean = np.minimum(mean, np.quantile(mean[seen > 0], _BRIGHTEST))
    return mean, (seen > 0).astype(np.float64)


def _reduce(
    mean: NDArray[np.float64], seen: NDArray[np.float64], factor: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    height, width = (length // factor * factor for length in mean.shape)
    blocks = (height // factor, factor, width // factor, factor)
    weight = seen[:height, :width].reshape(blocks).sum(axis=(1, 3))
    value = (mean * seen)[:height, :width].reshape(blocks).sum(axis=(1, 3))
    return value / np.maximum(weight, 1), (weight >= factor**2 / 2).astype(np.float64)


def _point_symmetry(mean: NDArray[np.float64], seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson correlation of all valid pairs (x, t - x), for each t; -1 where t is not allowed."""
    centred = (mean - mean[seen > 0].mean()) * seen
    shape = (2 * mean.shape[0] - 1, 2 * mean.shape[1] - 1)
    # numpy's transforms: scipy.signal alone would double the start-up time of a reading process
    seen_f, centred_f, square_f = (np.fft.rfft2(a, shape) for a in (seen, centred, centred**2))
    pairs = np.fft.irfft2(seen_f * seen_f, shape)
    safe = np.maximum(pairs, 1)
    pair_mean = np.fft.irfft2(centred_f * seen_f, shape) / safe
    variance = np.fft.irfft2(square_f * seen_f, shape) / safe - pair_mean**2
    covariance = np.fft.irfft2(centred_f * centred_f, shape) / safe - pair_mean**2
    scale = max(float(centred.var()), 1e-12)
    correlation = covariance / np.maximum(variance, 1e-3 * scale)
    correlation[pairs < _MIN_OVERLAP * seen.sum()] = -1
    for axis, length in enumerate(mean.shape):
        away = np.abs(np.arange(2 * length - 1) - (length - 1)) / 2 > _MAX_SHIFT * length
        correlation[away if axis == 0 else (slice(None), away)] = -1
    return correlation


def _refine(correlation: NDArray[np.float64], peak: tuple[np.intp, ...], axis: int) -> float:
    """Vertex of the parabola through the peak and its neighbours along one axis."""
    at = int(peak[axis])
    line = correlation[:, peak[1]] if axis == 0 else correlation[peak[0], :]
    if not 0 < at < len(line) - 1 or min(line[at - 1], line[at + 1]) <= -1:
        return float(at)
    before, here, after = line[at - 1 : at + 2]
    curvature = before - 2 * here + after
    return at + float(0.5 * (before - after) / curvature) if curvature < 0 else float(at)
