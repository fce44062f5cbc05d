"""From binned counts to what a network sees: the one function that training and viewing share."""

from __future__ import annotations

import enum
import functools
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spi_viewer.frames import NETWORK_SIDE_PX

_RING_WIDTH_PX = 1.5  # fringes are at least 3 px apart: two rings to a fringe
_CLAMP = 5.0  # in standard deviations; the steep core would drown the fringes otherwise
_RING_STD_FLOOR = 0.02  # of the frame's own std: an empty ring must not blow up rounding noise
_PER_PIXEL_CLAMP = 30.0  # far beyond any fringe; keeps a hot pixel within half precision
_TINY = float(np.finfo(np.float32).tiny)


class InputKind(enum.StrEnum):
    """How counts become network input."""

    PER_IMAGE = "per_image"
    PER_PIXEL = "per_pixel"

    @property
    def channels(self) -> int:
        """Number of channels that the network receives."""
        return 3 if self is InputKind.PER_IMAGE else 1


@dataclass(frozen=True)
class PixelStatistics:
    """Mean and standard deviation of every pixel over a run or training set, (128, 128) float32."""

    mean: Tensor
    std: Tensor


def network_input(
    counts: Tensor, valid: Tensor, kind: InputKind, statistics: PixelStatistics | None = None
) -> Tensor:
    """Counts (B, 128, 128) and valid pixels (B, 128, 128) bool -> (B, C, 128, 128) float32.

    PER_IMAGE, C = 3: square root standardised over the frame's own valid pixels; the same whitened
    ring by ring about the centre; the valid pixels. Free of the frame's scale, so photons, ADU and
    8-bit pictures look alike. PER_PIXEL, C = 1: the poster's, and needs `statistics`.
    Pixels that are not valid are 0 in every channel, whatever value they hold.
    """
    counts = counts.float()
    valid = valid & torch.isfinite(counts)
    counts = torch.where(valid, counts, 0.0)
    if kind is InputKind.PER_PIXEL:
        if statistics is None:
            raise ValueError("per-pixel input needs pixel statistics")
        return _per_pixel(counts, valid, statistics)[:, None]
    return _per_image(counts, valid)


def _per_pixel(counts: Tensor, valid: Tensor, statistics: PixelStatistics) -> Tensor:
    """(x - mean) / std of each pixel; 0 where the pixel never varied."""
    mean, std = statistics.mean.to(counts), statistics.std.to(counts)
    varies = std > 0
    scaled = (counts - mean) / torch.where(varies, std, 1.0)
    return torch.where(valid & varies, scaled.clamp(-_PER_PIXEL_CLAMP, _PER_PIXEL_CLAMP), 0.0)


def _per_image(counts: Tensor, valid: Tensor) -> Tensor:
    weight = valid.float().flatten(1)  # (B, P)
    flat = counts.flatten(1)
    # Dividing by the largest pixel first keeps squares of any float32 finite. In two divisions,
    # because the largest may itself be too small to have a finite reciprocal.
    flat = flat / flat.abs().amax(1, keepdim=True).clamp_min(_TINY)
    amplitude = flat.sign() * flat.abs().sqrt()
    standard = _standardised(amplitude, weight)
    channels = (standard.clamp(-_CLAMP, _CLAMP), _ring_whitened(standard, weight), weight)
    return torch.stack(channels, 1).unflatten(2, counts.shape[1:])


def _standardised(amplitude: Tensor, weight: Tensor) -> Tensor:
    """Zero mean, unit variance over the valid pixels, (B, P) -> (B, P); 0 elsewhere.

    The moments are taken a second time after clipping, so that a few hot pixels or a bright core
    do not flatten the rest.
    """
    rough = _rescaled(amplitude, amplitude, weight)
    return _rescaled(rough, rough.clamp(-_CLAMP, _CLAMP), weight)


def _rescaled(values: Tensor, sample: Tensor, weight: Tensor) -> Tensor:
    """Values less the sample's mean, over the sample's std."""
    n = weight.sum(1, keepdim=True).clamp_min(1.0)
    mean = (sample * weight).sum(1, keepdim=True) / n
    variance = ((sample - mean).square() * weight).sum(1, keepdim=True) / n
    return (values - mean) / torch.where(variance > 0, variance.sqrt(), 1.0) * weight


def _ring_whitened(standard: Tensor, weight: Tensor) -> Tensor:
    """(a - ring mean) / ring std over the valid pixels of each ring, (B, P) -> (B, P)."""
    index, membership = _rings(standard.device)
    # Under autocast these sums would be taken in half precision.
    with torch.autocast(standard.device.type, enabled=False):
        n = (weight @ membership).clamp_min(1.0)  # (B, R)
        mean = standard @ membership / n
        centred = (standard - mean.index_select(1, index)) * weight
        std = (centred.square() @ membership / n).sqrt().clamp_min(_RING_STD_FLOOR)
    return (centred / std.index_select(1, index)).clamp(-_CLAMP, _CLAMP)


def radial_profile(images: Tensor, valid: Tensor) -> Tensor:
    """Mean over the valid pixels of each ring about the middle: (B, 128, 128) -> (B, R).

    Rings are 1.5 px wide, from the middle outwards; 0 where nothing is valid.
    """
    _, membership = _rings(images.device)
    weight = valid.flatten(1).float()
    return (images.flatten(1) * weight) @ membership / (weight @ membership).clamp_min(1.0)


@functools.cache
def _rings(device: torch.device) -> tuple[Tensor, Tensor]:
    """Ring of each pixel, (P,) int64, and ring membership, (P, R) of 0 and 1."""
    axis = torch.arange(NETWORK_SIDE_PX) - (NETWORK_SIDE_PX - 1) / 2
    radius = torch.hypot(axis[:, None], axis[None, :]).flatten()
    index = (radius / _RING_WIDTH_PX).long()
    membership = torch.nn.functional.one_hot(index).float()
    return index.to(device), membership.to(device)


class RunningPixelStatistics:
    """Mean and variance of every pixel over frames as they come (Chan, Golub & LeVeque 1979).

    Each pixel counts only the frames in which it is valid. One thread may update while others
    look at `statistics`.
    """

    def __init__(self, side_px: int = NETWORK_SIDE_PX) -> None:
        zero = torch.zeros(side_px, side_px, dtype=torch.float64)
        # Frames, mean, and sum of squared deviations; replaced together, never changed in place.
        self._moments = (zero, zero, zero)

    def update(self, counts: Tensor | NDArray, valid: Tensor | NDArray) -> None:
        """Add frames: counts (B, H, W), valid (B, H, W) bool."""
        batch = tensor_of(counts).to("cpu", torch.float64)
        used = tensor_of(valid).cpu() & torch.isfinite(batch)
        batch = torch.where(used, batch, 0.0)
        n = used.sum(0)
        mean = batch.sum(0) / n.clamp_min(1)
        squares = ((batch - mean).square() * used).sum(0)
        old_n, old_mean, old_squares = self._moments
        total = old_n + n
        share = n / total.clamp_min(1)
        difference = mean - old_mean
        self._moments = (
            total,
            old_mean + difference * share,
            old_squares + squares + difference.square() * old_n * share,
        )

    @property
    def statistics(self) -> PixelStatistics:
        """Mean and std so far; std is 0 where a pixel has been valid less than twice."""
        n, mean, squares = self._moments
        return PixelStatistics(mean.float(), (squares / n.clamp_min(1)).sqrt().float())


def per_pixel_pattern(
    counts: NDArray, valid: NDArray, statistics: PixelStatistics
) -> NDArray[np.float32]:
    """The poster's per-pixel normalisation of one frame, (128, 128), for the viewer's overlay."""
    with torch.inference_mode():
        counts_t, valid_t = tensor_of(counts)[None], tensor_of(valid)[None]
        return network_input(counts_t, valid_t, InputKind.PER_PIXEL, statistics)[0, 0].numpy()


def tensor_of(array: NDArray | Tensor) -> Tensor:
    """The array as a tensor, without a copy where torch can share its memory."""
    if isinstance(array, Tensor):
        return array
    shareable = array.flags.writeable and array.flags.c_contiguous
    return torch.from_numpy(array if shareable else array.copy(order="C"))
