"""Hits on something else than the sample: huge droplets, jets, smooth blobs, debris, ice.

Label rule: a small homogeneous sphere with resolved rings looks the same whether it is a droplet
or a sample, so such frames are never drawn as non-sample. What is drawn here can be told from a
single particle by eye: fringes too fine or too few to see, streaks, smooth blobs, hundreds of
grains at once, partial powder rings.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from spi_viewer.simulation.background import slow_field, streak
from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.scattering import CoarseGrid

KINDS = ("droplet", "jet", "blob", "debris", "ice")
_WEIGHTS = (0.25, 0.2, 0.3, 0.15, 0.1)
_GRAINS = 48


def draw_non_sample(
    grid: CoarseGrid, center_px: Tensor, side: int, draw: Draw
) -> tuple[Tensor, list[str]]:
    """Intensities with unit sum (B, S, S) and what each frame shows."""
    count = center_px.shape[0]
    kinds = draw.choice(_WEIGHTS, count)
    image = torch.empty((count, side, side), device=draw.device)
    makers = (_droplet, _jet, _blob, _debris, _ice)
    for kind, make in enumerate(makers):
        chosen = (kinds == kind).nonzero()[:, 0]
        if len(chosen):
            made = make(grid, center_px[chosen], side, draw).clamp_min(0.0)
            image[chosen] = made / made.sum((1, 2), keepdim=True).clamp_min(1e-20)
    return image, [KINDS[kind] for kind in kinds.tolist()]


def _polar(
    center_px: Tensor, side: int, draw: Draw, squeeze: float | Tensor
) -> tuple[Tensor, Tensor]:
    """Distance from the centre as a part of the side and azimuth, on a squeezed, turned grid.

    The ratio of the axes is log-uniform from 1 to `squeeze`, of all frames or (B,).
    """
    count = center_px.shape[0]
    pixels = torch.arange(side, device=draw.device, dtype=torch.float32)
    y = (pixels - center_px[:, :1])[:, :, None] / side
    x = (pixels - center_px[:, 1:])[:, None, :] / side
    turn = draw.uniform(0.0, math.pi, count)[:, None, None]
    factor = (squeeze ** draw.uniform(0.0, 1.0, count))[:, None, None]
    along = (torch.cos(turn) * x + torch.sin(turn) * y) * torch.sqrt(factor)
    across = (torch.cos(turn) * y - torch.sin(turn) * x) / torch.sqrt(factor)
    return torch.hypot(along, across), torch.atan2(across, along)


def _droplet(grid: CoarseGrid, center_px: Tensor, side: int, draw: Draw) -> Tensor:
    """A drop too large for its fringes to be seen, or so small that only its core is: Porod q^-4.

    Fringe contrast after the pixel's average is sinc(1 / pixels per fringe): 0 to 0.3 here.
    """
    count = center_px.shape[0]
    radius, _ = _polar(center_px, side, draw, 1.6)
    core = draw.log_uniform(0.01, 0.2, count)[:, None, None]
    slope = draw.uniform(1.2, 2.2, count)[:, None, None]
    envelope = (1.0 + (radius / core) ** 2) ** -slope
    fringe = draw.uniform(1.0, 1.6, count)[:, None, None] / side
    contrast = draw.uniform(0.0, 0.3, count)[:, None, None]
    return envelope * (1.0 + contrast * torch.cos(2.0 * math.pi * radius / fringe))


def _jet(grid: CoarseGrid, center_px: Tensor, side: int, draw: Draw) -> Tensor:
    """The liquid jet or an edge: one or two streaks over a smooth core."""
    count = center_px.shape[0]
    image = streak(center_px, side, draw, draw.log_uniform(0.006, 0.08, count))
    second = streak(center_px, side, draw, draw.log_uniform(0.006, 0.05, count))
    image = image + draw.uniform(0.0, 1.0, count)[:, None, None] * second
    core = _blob(grid, center_px, side, draw)
    core = core / core.sum((1, 2), keepdim=True)
    return image + draw.uniform(0.0, 1.5, count)[:, None, None] * core


def _blob(grid: CoarseGrid, center_px: Tensor, side: int, draw: Draw) -> Tensor:
    """A broad core without rings, round to lopsided, or smeared: droplets of all sizes at once."""
    count = center_px.shape[0]
    lopsided = draw.uniform(0.0, 1.0, count)
    radius, azimuth = _polar(center_px, side, draw, 2.2**lopsided)
    width = draw.log_uniform(0.04, 0.5, count)[:, None, None]
    lobes = (draw.normal(0.0, 0.2, count, 4) * lopsided[:, None])[..., None, None]
    phases = draw.uniform(0.0, 2.0 * math.pi, count, 4)[..., None, None]
    edge = torch.zeros_like(radius)
    for order in range(4):
        edge = edge + lobes[:, order] * torch.cos((order + 1) * azimuth + phases[:, order])
    scaled = radius / (width * torch.exp(edge.clamp(-0.7, 0.7)))
    sharp = draw.chance(0.5, count)[:, None, None]
    steep = draw.uniform(1.0, 2.5, count)[:, None, None]
    power = draw.uniform(1.0, 3.0, count)[:, None, None]
    image = torch.where(sharp, torch.exp(-(scaled**power)), (1.0 + scaled**2) ** -steep)
    sigma = (draw.uniform(0.0, 0.6, count) * lopsided)[:, None, None]
    return image * grid.at_pixels(torch.exp(sigma * slow_field(count, grid, side, draw)))


def _debris(grid: CoarseGrid, center_px: Tensor, side: int, draw: Draw) -> Tensor:
    """Dozens of grains in a clump: speckle of 1 to 4 pixels under the grains' own envelope."""
    count = center_px.shape[0]
    # A clump of radius r (in fringes across the frame) gives speckle of side / (2 r) pixels.
    extent = side / draw.log_uniform(1.5, 5.0, count)[:, None, None] / 2.0
    places = draw.normal(0.0, 1.0, count, 2, _GRAINS) * extent * 2.0 * math.pi / side
    weights = draw.log_normal(1.0, 1.0, count, 1, _GRAINS)
    # Twice as fine and then joined: at the pixels' centres alone it would be too sharp.
    pixels = torch.arange(2 * side, device=draw.device, dtype=torch.float32) / 2.0 - 0.25
    phase_y = (pixels - center_px[:, :1])[..., None] * places[:, :1]
    phase_x = (pixels - center_px[:, 1:])[..., None] * places[:, 1:]
    rows = torch.polar(weights.expand_as(phase_y), phase_y)
    columns = torch.polar(torch.ones_like(phase_x), phase_x)
    speckle = F.avg_pool2d((rows @ columns.transpose(1, 2)).abs().square(), 2)
    radius, _ = _polar(center_px, side, draw, 1.5)
    width = draw.log_uniform(0.06, 0.3, count)[:, None, None]
    return speckle * (1.0 + (radius / width) ** 2) ** -2.0


def _ice(grid: CoarseGrid, center_px: Tensor, side: int, draw: Draw) -> Tensor:
    """Partial powder rings, thin or broad, and spots, over a smooth core."""
    count = center_px.shape[0]
    radius, azimuth = _polar(center_px, side, draw, 1.1)
    image = torch.zeros_like(radius)
    for _ in range(3):
        ring = draw.uniform(0.1, 0.7, count)[:, None, None]
        width = draw.log_uniform(0.004, 0.03, count)[:, None, None]
        start = draw.uniform(-math.pi, math.pi, count)[:, None, None]
        focus = draw.uniform(0.0, 6.0, count)[:, None, None]
        partial = torch.exp(focus * (torch.cos(azimuth - start) - 1.0))
        image = image + partial * torch.exp(-0.5 * ((radius - ring) / width) ** 2)
    core = _blob(grid, center_px, side, draw)
    image = image / image.sum((1, 2), keepdim=True).clamp_min(1e-12)
    return image + draw.uniform(0.1, 2.0, count)[:, None, None] * core / core.sum((1, 2), True)
