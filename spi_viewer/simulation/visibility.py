"""Whether a hit shows what it is labelled as: to a perfect observer, through shadows, in its light.

The observer knows the expected photons of each pixel, and sees a feature D over the rest E with
chi^2 = sum D^2 / E (Poisson) over the pixels that nothing hides.

- A single particle is known by its fringes. From the centre outwards its pattern falls and rises
  again; a smooth core that only falls is a droplet, a blob or the beam's halo to anybody. D is what
  stands above the darkest pixel further in. A feature is seen from five standard deviations on,
  chi^2 = 25 (Rose 1948, J. Opt. Soc. Am. 38, 196); one could be anything, so it takes two. However
  bright, rings must also stand out from what is under them, which nobody knows so well: the mean of
  D / E, weighted by D, must be a fifth.
- Several particles are known by what their patterns make together and do not make apart: D is
  their interference. It must be as strong as `resolution` asks for where nothing hides it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from spi_viewer.simulation.resolution import MIN_CHI_SQUARED, MIN_MODULATION

_MIN_FRINGES_CHI_SQUARED = 50.0
_MIN_FRINGES_CONTRAST = 0.2  # below, no ring was seen by eye in frames sorted by it
_DARK_VARIANCE = 0.05  # photons^2 of a pixel without light
_RAYS, _STEPS = 48, 66  # steps are 128ths of the side: to the middle of an edge, and a little more


def shows_fringes(intensity: Tensor, light: Tensor, expected: Tensor, center_px: Tensor) -> Tensor:
    """Whether each pattern can be seen to rise again on its way out, (B,) bool.

    Args:
        intensity: (B, S, S) of the sample, in any unit.
        light: (B, S, S) photons of the sample that a unit of intensity gives in each pixel, 0 in
            shadows.
        expected: (B, S, S) photons in each pixel, of the sample and of all else.
        center_px: (B, 2) as (y, x).
    """
    side = intensity.shape[-1]
    grid, area = _rays(center_px, side)
    inside = (grid.abs() <= 1.0).all(-1)
    along, light, expected = (
        torch.nn.functional.grid_sample(image[:, None], grid, align_corners=True)[:, 0]
        for image in (intensity, light, expected)
    )  # (B, rays, steps)
    darkest = torch.where(inside, along, torch.inf).cummin(2).values
    risen = torch.where(inside, along - darkest, 0.0) * light
    chi_squared = (risen.square() / (expected + _DARK_VARIANCE) * area).sum((1, 2))
    stand_out = chi_squared >= _MIN_FRINGES_CONTRAST * (risen * area).sum((1, 2))
    return (chi_squared >= _MIN_FRINGES_CHI_SQUARED) & stand_out


def shows_interference(interference: Tensor, expected: Tensor, photons: Tensor) -> Tensor:
    """Whether several particles' interference can be seen, (B,) bool.

    Args:
        interference: (B, S, S) photons in each pixel more, or less, than the particles give apart;
            0 in shadows.
        expected: (B, S, S) photons in each pixel, of the sample and of all else.
        photons: (B,) of the sample.
    """
    chi_squared = (interference.square() / (expected + _DARK_VARIANCE)).sum((1, 2))
    strong = chi_squared >= MIN_MODULATION * photons
    return strong & (chi_squared >= MIN_CHI_SQUARED)


def _rays(center_px: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Places along rays from the centre, (B, rays, steps, 2) as grid_sample wants them.

    Also the pixels that each step stands for, (steps,).
    """
    device = center_px.device
    step_px = side / 128.0
    radius = (torch.arange(_STEPS, device=device) + 0.5) * step_px
    turn = (torch.arange(_RAYS, device=device) + 0.5) * (2.0 * math.pi / _RAYS)
    middle = (side - 1) / 2.0
    x = center_px[:, 1, None, None] + torch.cos(turn)[:, None] * radius
    y = center_px[:, 0, None, None] + torch.sin(turn)[:, None] * radius
    grid = torch.stack([x / middle - 1.0, y / middle - 1.0], -1)
    return grid, radius * (step_px * 2.0 * math.pi / _RAYS)
