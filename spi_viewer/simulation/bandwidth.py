"""The spectral width of the pulse: fringes fade outwards, because q grows with the energy.

A pulse of relative width s (rms) averages the pattern over q (1 + e), e of variance s^2. To second
order <I> = I + s^2 / 2 (r^2 d2/dr2) I about the beam centre. For a fringe of wavenumber kappa per
pixel at radius r the exact factor of a Gaussian spectrum is exp(-(kappa r s)^2 / 2); the error of
the second order is (kappa r s)^4 / 8: 1 % of a fringe at the edge for the finest fringes of a
single particle (3.2 of 128 pixels) at 1 % full width, less everywhere else. Differences over whole
pixels take another quarter off the effect on such fringes. The slope term s^2 r dI/dr, below 1e-4
of I for any pattern without poles, and the change of q_z, which follows q^2 instead of q, are left
out.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_RMS_PER_FULL_WIDTH = 1.0 / math.sqrt(8.0 * math.log(2.0))


def smear_by_bandwidth(intensity: Tensor, center_px: Tensor, full_width: Tensor) -> Tensor:
    """Patterns (B, S, S) as pulses of relative energy width full_width (B,) leave them.

    center_px (B, 2) as (y, x). Borders are taken to go on evenly.
    """
    side = intensity.shape[-1]
    pixels = torch.arange(side, device=intensity.device, dtype=torch.float32)
    rms = (full_width * _RMS_PER_FULL_WIDTH)[:, None]
    y = ((pixels - center_px[:, :1]) * rms)[:, :, None]
    x = ((pixels - center_px[:, 1:]) * rms)[:, None, :]
    # A step longer than the largest smear keeps every weight of the average positive.
    step = max(1, math.ceil(math.hypot(float(y.abs().amax()), float(x.abs().amax()))))
    padded = torch.nn.functional.pad(intensity[:, None], (step,) * 4, mode="replicate")[:, 0]

    def at(down: int, right: int) -> Tensor:
        return padded[:, step * (1 + down) :, step * (1 + right) :][:, :side, :side]

    twice = 2.0 * intensity
    change = (at(1, 0) + at(-1, 0)).sub_(twice).mul_(0.5 * y * y)
    change += (at(0, 1) + at(0, -1)).sub_(twice).mul_(0.5 * x * x)
    crossed = (at(1, 1) + at(-1, -1)).sub_(at(1, -1)).sub_(at(-1, 1))
    change += crossed.mul_(0.25 * y).mul_(x)
    return change.div_(step**2).add_(intensity).clamp_min_(0.0)
