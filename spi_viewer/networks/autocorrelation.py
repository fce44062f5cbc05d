"""What lies how far apart: the transform of a pattern, which shows particles beside one another.

The Fourier transform of a diffraction pattern is the autocorrelation of what scattered it. That of
one particle stays within its own diameter whatever its shape; every further particle adds a pair of
islands at its distance. The magnitude does not depend on where the pattern lies on the detector.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

SIDE = 64
_PAD = 2  # finer steps along x, whose negative half says nothing new (Friedel)
_FLOOR = 0.1  # of the median magnitude: noise is not resolved below


def autocorrelation(patterns: Tensor) -> Tensor:
    """Patterns (B, C, 128, 128) of about zero mean -> (B, C, 64, 64) float32.

    Rows are separations along y from -32 to 31, columns along x from 0 to 31.5 in steps of a half,
    in units of (wavelength x distance / width of the frame). Values are logarithms of the
    magnitude over its median, which noise of any strength brings to zero.
    """
    with torch.autocast(patterns.device.type, enabled=False):
        side = patterns.shape[-1]
        tapered = patterns.float() * _taper(side, patterns.device)
        spectrum = torch.fft.rfft(tapered, n=_PAD * side, dim=-1)[..., :SIDE]
        spectrum = torch.fft.fft(spectrum, dim=-2)
        rows = torch.cat([spectrum[..., -SIDE // 2 :, :], spectrum[..., : SIDE // 2, :]], dim=-2)
        magnitude = rows.abs()
        median = magnitude.flatten(2).median(2).values[..., None, None]
        return torch.log((magnitude + _FLOOR * median + 1e-12) / ((1 + _FLOOR) * median + 1e-12))


@functools.cache
def _taper(side: int, device: torch.device) -> Tensor:
    """A Hann window in both directions: without it the frame's edges make a cross."""
    window = torch.hann_window(side + 2, periodic=False)[1:-1]
    return (window[:, None] * window).to(device)
