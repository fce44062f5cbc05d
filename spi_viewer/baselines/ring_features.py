"""What makes two patterns alike, however the particle was turned about the beam.

On rings about the centre: mean, spread, and the correlation of the ring with itself turned by an
angle (Kam 1977, Macromolecules 10, 927). Particles that differ by a turn in the detector's plane
have the same features, which the distance between pictures would hide.
"""

from __future__ import annotations

import functools
import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from spi_viewer.frames import NETWORK_SIDE_PX
from spi_viewer.preprocessing.network_input import InputKind, network_input

_RINGS = 24
_ANGLES = 64
_TURNS = _ANGLES // 4  # correlations that are kept: every other angle up to half a turn
_FIRST_PX, _LAST_PX = 3.0, 60.0  # radii of the rings
_SPREAD_FLOOR = 0.02  # of the squared spread of a frame: an even ring correlates with nothing
_CORRELATION_WEIGHT = 0.5  # beside mean and spread, of which there are fewer
FEATURE_COUNT = _RINGS * (2 + _TURNS)


def ring_features(counts: Tensor, valid: Tensor) -> Tensor:
    """Counts (B, 128, 128) and valid (B, 128, 128) bool -> (B, FEATURE_COUNT) float32.

    Made of the standardised square root, so that neither photons nor units matter. What a mask
    hides is left out of the sums, not filled.
    """
    if not len(counts):
        return counts.new_zeros((0, FEATURE_COUNT), dtype=torch.float32)
    x = network_input(counts, valid, InputKind.PER_IMAGE)
    grid = _polar_grid(x.device).expand(len(x), -1, -1, -1)
    polar = F.grid_sample(x[:, [0, 2]], grid, align_corners=False)  # (B, 2, rings, angles)
    weight = (polar[:, 1] > 0.5).float()
    n = weight.sum(2, keepdim=True).clamp_min(1)
    mean = (polar[:, 0] * weight).sum(2, keepdim=True) / n
    centred = (polar[:, 0] - mean) * weight
    spread = (centred.square().sum(2, keepdim=True) / n).sqrt()
    overlap = _correlation(weight).clamp_min(1)
    correlation = _correlation(centred) / overlap
    relative = correlation / (correlation[..., :1] + _SPREAD_FLOOR)
    turned = _CORRELATION_WEIGHT * relative[..., 1 : 2 * _TURNS : 2]
    return torch.cat([mean, spread, turned], 2).flatten(1)


def _correlation(rings: Tensor) -> Tensor:
    """Of each ring with itself turned: (B, rings, angles) -> the same (Wiener-Khinchin)."""
    power = torch.fft.rfft(rings, dim=2).abs().square()
    return torch.fft.irfft(power, n=rings.shape[2], dim=2)


@functools.cache
def _polar_grid(device: torch.device) -> Tensor:
    """Places on the rings as `grid_sample` wants them, (1, rings, angles, 2)."""
    radius = torch.linspace(_FIRST_PX, _LAST_PX, _RINGS, device=device) / (NETWORK_SIDE_PX / 2)
    angle = torch.arange(_ANGLES, device=device) * (2 * math.pi / _ANGLES)
    x, y = radius[:, None] * angle.cos(), radius[:, None] * angle.sin()
    return torch.stack([x, y], 2)[None]
