"""Bodies put together from many: proteins, aggregates, enveloped viruses, ring complexes, crosses.

Each is one connected body, however ragged: what tells it from several particles is that nothing in
its autocorrelation lies apart.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from spi_viewer.simulation import form_factors
from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.shapes import SmoothShapes, point_cloud

_NO_CORE = 1e-3  # diameters


def draw_lumpy(count: int, draw: Draw) -> SmoothShapes:
    """Proteins and aggregates grown together: overlapping balls filling a random ellipsoid."""
    balls = 32
    radius = draw.uniform(0.08, 0.16, count)
    depth = draw.uniform(0.0, 1.0, count, balls, 1) ** (1.0 / 3.0)
    places = draw.directions(count, balls) * depth * draw.uniform(0.6, 1.0, count, 1, 3)
    places = (places - places.mean(1, keepdim=True)) * (0.5 - radius)[:, None, None]
    return _of_balls(places, draw.uniform(0.5, 1.5, count, balls), radius)


def draw_spiked(count: int, draw: Draw) -> SmoothShapes:
    """Enveloped viruses: a ball with some dozens of spikes or coat proteins over its surface."""
    spikes = 28
    radius = draw.uniform(0.03, 0.08, count)
    core = 0.5 - draw.uniform(1.0, 2.0, count) * radius
    places = draw.directions(count, spikes) * (0.5 - radius)[:, None, None]
    return _of_balls(places, draw.uniform(0.5, 1.5, count, spikes), radius, core)


def draw_branched(count: int, draw: Draw) -> SmoothShapes:
    """Chains, filaments and trees of balls: each grows on one of the last few, or on any before.

    With one predecessor it is a chain, coiled or nearly straight; with all, a ragged clump.
    """
    balls = 24
    reach = draw.choice((0.35, 0.25, 0.4), count)  # chain, short branches, clump
    memory = torch.tensor([1.0, 4.0, balls], device=draw.device)[reach]
    straightness = draw.uniform(0.0, 2.5, count)[:, None]
    step = draw.uniform(0.8, 1.5, count)[:, None]  # in radii: neighbours always overlap
    places = torch.zeros((count, balls, 3), device=draw.device)
    heading = draw.directions(count)
    rows = torch.arange(count, device=draw.device)
    for ball in range(1, balls):
        back = (draw.uniform(0.0, 1.0, count) * memory.clamp_max(ball)).long()
        heading = straightness * heading + draw.directions(count)
        heading = heading / heading.norm(dim=-1, keepdim=True)
        places[:, ball] = places[rows, ball - 1 - back] + step * heading
    used = draw.integers(6, balls, count)[:, None] > torch.arange(balls, device=draw.device)
    weights = draw.uniform(0.7, 1.3, count, balls) * used
    return _of_balls(*_in_unit_ball(places, weights))


def draw_ring(count: int, draw: Draw) -> SmoothShapes:
    """Ring complexes: 5 to 12 lobes in a circle that touch or overlap, one or two storeys."""
    most = 12
    lobes = draw.integers(5, most, count)[:, None]
    index = torch.arange(most, device=draw.device)
    angle = 2.0 * math.pi * index / lobes
    # In radii of a lobe: neighbours lie at most 1.8 apart, storeys 1.6.
    across = draw.uniform(1.2, 1.8, count)[:, None] / (2.0 * torch.sin(math.pi / lobes))
    flat = torch.stack([across * torch.cos(angle), across * torch.sin(angle), 0.0 * angle], -1)
    upper = flat.clone()
    upper[..., 2] = draw.uniform(1.0, 1.6, count)[:, None]
    storeys = draw.chance(0.5, count)[:, None]
    used = index < lobes
    weights = torch.cat([used, used & storeys], 1) * draw.uniform(0.8, 1.2, count, 2 * most)
    return _of_balls(*_in_unit_ball(torch.cat([flat, upper], 1), weights))


def draw_coil(count: int, draw: Draw) -> SmoothShapes:
    """Hooks, arcs and springs: balls strung along a helix, neighbours 1.2 radii apart."""
    most = 32
    index = torch.arange(most, device=draw.device)
    across = draw.log_uniform(1.2, 8.0, count)[:, None]
    climb = draw.uniform(0.0, 2.5, count)[:, None]  # along the axis, in radii of a ball a radian
    turn = 1.2 / torch.hypot(across, climb)
    # Of a helix whose turns would run into one another there is less than one turn.
    longest = torch.where(climb < 0.4, (1.7 * math.pi / turn).clamp_max(most), float(most))
    length = longest * draw.uniform(0.4, 1.0, count)[:, None]
    angle = index * turn
    helix = (across * torch.cos(angle), across * torch.sin(angle), climb * angle)
    used = index < length.clamp_min(4.0)
    weights = used * draw.uniform(0.8, 1.2, count, most)
    return _of_balls(*_in_unit_ball(torch.stack(helix, -1), weights))


def draw_cross(count: int, draw: Draw) -> SmoothShapes:
    """Three bars at right angles through one cube: crosses, tripods, and shapes like L and T."""
    width = draw.uniform(0.12, 0.3, count)[:, None]  # half of it; the longest arm is 1
    arms = torch.maximum(draw.uniform(0.0, 1.0, count, 2, 3), width[..., None])
    arms[:, 0, 0] = 1.0
    middles = torch.diag_embed((arms[:, 0] - arms[:, 1]) / 2.0)  # (P, bar, 3)
    halves = torch.diag_embed(arms.mean(1) - width) + width[..., None]
    # The cube in the middle belongs to all three bars.
    middles = torch.cat([middles, torch.zeros_like(middles[:, :1])], 1)
    halves = torch.cat([halves, width[..., None].expand(-1, 1, 3)], 1)
    weights = torch.tensor([1.0, 1.0, 1.0, -2.0], device=draw.device).expand(count, -1)
    content = weights * halves.prod(-1)
    middles = middles - _mean(middles, content)
    far = (middles.abs() + halves).norm(dim=-1).amax(1)[:, None, None]
    middles, halves = (0.5 * part / far for part in (middles, halves))
    return SmoothShapes(_boxes, (middles.flatten(1), halves.flatten(1), weights))


def _boxes(q: Tensor, middles: Tensor, halves: Tensor, weights: Tensor) -> Tensor:
    """Bricks with middles and half sides (P, 3 J, 1), added up with weights (P, J, 1)."""
    places = middles[..., 0].unflatten(1, (-1, 3))
    each = weights * form_factors.box(q[:, None], halves.unflatten(1, (-1, 3)))
    phase = places @ q
    return torch.complex((each * torch.cos(phase)).sum(1), (each * torch.sin(phase)).sum(1))


def _balls(q: Tensor, places: Tensor, weights: Tensor, radius: Tensor, core: Tensor) -> Tensor:
    """Equal balls at places (P, 3 J, 1), flattened, round a core ball."""
    cloud = point_cloud(q, places[..., 0].unflatten(1, (-1, 3)), weights[..., 0])
    return cloud * form_factors.sphere(q, radius) + form_factors.sphere(q, core)


def _of_balls(
    places: Tensor, weights: Tensor, radius: Tensor, core: Tensor | None = None
) -> SmoothShapes:
    core = torch.full_like(radius, _NO_CORE) if core is None else core
    return SmoothShapes(_balls, (places.flatten(1), weights, radius, core))


def _in_unit_ball(places: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Balls of radius 1 at places (P, J, 3), shrunk to unit diameter: places, weights, radius."""
    places = places - _mean(places, weights)
    far = (places.norm(dim=-1) * (weights > 0)).amax(1) + 1.0
    return places * (0.5 / far)[:, None, None], weights, 0.5 / far


def _mean(places: Tensor, content: Tensor) -> Tensor:
    """Centroid (P, 1, 3) of parts at places (P, J, 3)."""
    weighted = (places * content[..., None]).sum(1, keepdim=True)
    return weighted / content.sum(1)[:, None, None]
