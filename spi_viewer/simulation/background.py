"""What the beam brings along: gas, halo, aperture streaks, and slow changes of sensitivity."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.scattering import CoarseGrid

_WAVES = 12


def slow_field(count: int, grid: CoarseGrid, side: int, draw: Draw) -> Tensor:
    """Unit-variance Gaussian field on the coarse grid (B, G, G), wavelengths 0.2 to 1 side.

    The sum of a dozen random plane waves; exp(sigma * field) is the poster's missing "large-scale
    fluctuation".
    """
    frequency = 2.0 * math.pi / (side * draw.log_uniform(0.2, 1.0, count, _WAVES))
    angle = draw.uniform(0.0, 2.0 * math.pi, count, _WAVES)
    phase = draw.uniform(0.0, 2.0 * math.pi, count, _WAVES)
    # cos(a + b) of rows and columns as a product of two small matrices: no (B, G, G, waves) array.
    rows = (frequency * torch.sin(angle))[:, None] * grid.positions[:, None] + phase[:, None]
    columns = (frequency * torch.cos(angle))[:, None] * grid.positions[:, None]
    field = torch.cos(rows) @ torch.cos(columns).transpose(1, 2)
    field -= torch.sin(rows) @ torch.sin(columns).transpose(1, 2)
    return field * math.sqrt(2.0 / _WAVES)


def draw_background(grid: CoarseGrid, center_px: Tensor, side: int, draw: Draw) -> Tensor:
    """Background of B frames with unit sum, (B, S, S): gas, halo, flat part, streaks."""
    count = center_px.shape[0]
    y = (grid.positions - center_px[:, :1])[:, :, None] / side
    x = (grid.positions - center_px[:, 1:])[:, None, :] / side
    width = draw.log_uniform(0.06, 0.5, count)[:, None, None]
    power = draw.uniform(0.8, 2.5, count)[:, None, None]
    gas = (1.0 + (x * x + y * y) / width**2) ** -power
    off = draw.normal(0.0, 0.25, count, 2)
    halo_width = draw.log_uniform(0.1, 0.5, count)[:, None, None]
    halo_distance = (x - off[:, 0, None, None]) ** 2 + (y - off[:, 1, None, None]) ** 2
    halo = torch.exp(-halo_distance / (2.0 * halo_width**2))
    weights = draw.uniform(0.0, 1.0, count, 3) ** 2 + 0.01
    parts = torch.stack([gas, halo, torch.ones_like(gas)], dim=1)
    parts = parts / parts.sum((2, 3), keepdim=True)
    smooth = (parts * weights[..., None, None]).sum(1)
    smooth = smooth * torch.exp(0.25 * slow_field(count, grid, side, draw))
    image = grid.at_pixels(smooth).clamp_min(0.0)
    image = image / image.sum((1, 2), keepdim=True)
    return _with_streaks(image, center_px, draw)


def _with_streaks(image: Tensor, center_px: Tensor, draw: Draw) -> Tensor:
    """Add aperture streaks at the centre to a quarter of the frames: 5 to 50 % of the light."""
    chosen = draw.chance(0.25, image.shape[0]).nonzero()[:, 0]
    if not len(chosen):
        return image
    side = image.shape[-1]
    streaks = streak(center_px[chosen], side, draw, draw.log_uniform(0.003, 0.02, len(chosen)))
    part = draw.uniform(0.05, 0.5, len(chosen))[:, None, None]
    mixed = image.clone()
    mixed[chosen] = (1.0 - part) * image[chosen] + part * streaks
    return mixed


def streak(center_px: Tensor, side: int, draw: Draw, width: Tensor) -> Tensor:
    """One streak through each centre with unit sum (B, S, S); width (B,) as a part of the side."""
    count = center_px.shape[0]
    pixels = torch.arange(side, device=draw.device, dtype=torch.float32)
    y = (pixels - center_px[:, :1])[:, :, None] / side
    x = (pixels - center_px[:, 1:])[:, None, :] / side
    turn = draw.uniform(0.0, 2.0 * math.pi, count)[:, None, None]
    along = torch.cos(turn) * x + torch.sin(turn) * y
    across = torch.cos(turn) * y - torch.sin(turn) * x
    length = draw.log_uniform(0.03, 0.4, count)[:, None, None]
    one_sided = torch.where(draw.chance(0.3, count), 0.2, 1.0)[:, None, None]
    fall = (1.0 + (along / length) ** 2) ** -draw.uniform(0.6, 1.6, count)[:, None, None]
    fall = fall * torch.where(along < 0, one_sided, torch.ones_like(one_sided))
    # Streaks widen slowly outwards as the aperture's edge is not perfectly straight.
    spread = width[:, None, None] * (1.0 + 2.0 * along.abs())
    image = fall * torch.exp(-0.5 * (across / spread) ** 2)
    return image / image.sum((1, 2), keepdim=True).clamp_min(1e-12)
