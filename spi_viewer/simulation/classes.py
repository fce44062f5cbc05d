"""What is in the beam: particles of single and multiple hits, drawn so that classes match.

Photons, particle sizes, geometry and background come from the same distributions whatever the
class; only the scene itself tells the classes apart.

A multiple hit is one only if its particles can be told apart in the network's pixels (see
`resolution`); other scenes are drawn anew, in the last resort as equals that touch across the beam.
Whether they are told apart behind shadows and in background is looked at afterwards (`visibility`).

A second particle with less than 1 % of the photons leaves a frame a single one, and part of the
singles have one, so that the network learns to pass over it. Between 1 % and 11 % people's labels
disagree, and nothing is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spi_viewer.frames import FrameClass
from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.resolution import is_resolved
from spi_viewer.simulation.scattering import Geometry

MAX_PARTICLES = 5
_ATTEMPTS = 8
_FAINT_PART = 0.06  # of the single hits that have a faint companion
_FAINT_SHARE = (5e-4, 1e-2)  # of the photons
MOST_PHOTONS = 1e8  # of a hit, on the visible detector
_MIXED_SPECIES = 0.3  # of the hits on several particles, in which these are not all alike


@dataclass(frozen=True)
class Particles:
    """Up to MAX_PARTICLES particles in each of B frames; the first `count` of each row exist.

    Attributes:
        count: (B,) int64, 0 where nothing of the sample is hit; a single hit has two where a faint
            companion comes with it.
        diameter_nm: (B, 5) of the smallest ball round each.
        position_nm: (B, 5, 3) as (x, y, z), z along the beam.
        share: (B, 5) part of the frame's photons each scatters, sums to 1.
        rotation: (B, 5, 3, 3).
        species: (B, 5) int64, the frame of the block whose particle this one is like: its own, or
            another's in mixed scenes.
    """

    count: Tensor
    diameter_nm: Tensor
    position_nm: Tensor
    share: Tensor
    rotation: Tensor
    species: Tensor


def draw_classes(weights: dict[FrameClass, float], first: int, count: int, seed: int) -> Tensor:
    """Classes of frames first .. first + count of a stream, int64.

    A golden-ratio sequence through the cumulated weights: every stretch of frames holds each class
    in its proportion to within a frame or two, and frame i does not depend on the count asked for.
    """
    order = sorted(weights)
    total = sum(weights.values())
    edges = torch.tensor([weights[key] / total for key in order], dtype=torch.float64).cumsum(0)
    start = (seed * 0.7548776662466927) % 1.0
    place = (start + 0.6180339887498949 * torch.arange(first, first + count).double()) % 1.0
    index = torch.searchsorted(edges, place, right=True).clamp_max(len(order) - 1)
    return torch.tensor([int(key) for key in order])[index]


def draw_photons(count: int, draw: Draw) -> Tensor:
    """Sample photons on the visible detector (B,): 2e3 to 1e6, in one frame of five 500 to 1e8.

    This is the heavy tail of the fluence over more than five decades, drawn where it matters:
    on the detector. The fluence that it takes follows from the particle (see dataset).
    """
    usual = draw.log_uniform(2e3, 1e6, count)
    rare = draw.log_uniform(5e2, MOST_PHOTONS, count)
    return torch.where(draw.chance(0.8, count), usual, rare)


def draw_particles(
    frame_class: Tensor, largest_nm: Tensor, photons: Tensor, geometry: Geometry, draw: Draw
) -> Particles:
    """Particles of B frames of the given classes; largest_nm (B,) is the largest's diameter."""
    frames = len(frame_class)
    is_multi, is_single = frame_class == FrameClass.MULTI, frame_class == FrameClass.SINGLE
    several = 2 + draw.choice((0.5, 0.25, 0.15, 0.1), frames)
    faint = is_single & draw.chance(_FAINT_PART, frames)
    count = torch.where(is_multi, several, is_single.long() + faint)
    diameter = _draw_relative_sizes(frames, draw) * largest_nm[:, None]
    position = torch.zeros((frames, MAX_PARTICLES, 3), device=draw.device)
    share = torch.zeros((frames, MAX_PARTICLES), device=draw.device)
    share[:, 0] = 1.0
    _place_multis(position, share, diameter, count, is_multi, photons, geometry, draw)
    _place_companions(position, share, diameter, faint, draw)
    rotation = draw.rotations(frames * MAX_PARTICLES).view(frames, MAX_PARTICLES, 3, 3)
    species = _draw_species(frames, draw)
    return Particles(count, diameter, position, share, rotation, species)


def _draw_relative_sizes(frames: int, draw: Draw) -> Tensor:
    """Diameters over the first's (B, 5): nearly equal, or down to a half in three scenes of ten."""
    equal = draw.uniform(0.95, 1.0, frames, MAX_PARTICLES)
    unequal = draw.uniform(0.5, 1.0, frames, MAX_PARTICLES)
    relative = torch.where(draw.chance(0.3, frames)[:, None], unequal, equal)
    relative[:, 0] = 1.0
    return relative


def _draw_species(frames: int, draw: Draw) -> Tensor:
    """Whose particle each is like (B, 5): the frame's own, or anyone's of the block if mixed."""
    own = torch.arange(frames, device=draw.device)[:, None].expand(-1, MAX_PARTICLES)
    anyone = draw.integers(0, frames - 1, frames, MAX_PARTICLES)
    anyone[:, 0] = own[:, 0]
    return torch.where(draw.chance(_MIXED_SPECIES, frames)[:, None], anyone, own)


def _place_multis(
    position: Tensor,
    share: Tensor,
    diameter: Tensor,
    count: Tensor,
    is_multi: Tensor,
    photons: Tensor,
    geometry: Geometry,
    draw: Draw,
) -> None:
    """Positions and shares of the multiple hits, in place, drawn until they can be resolved."""
    todo = is_multi.nonzero()[:, 0]
    for attempt in range(_ATTEMPTS):
        if not len(todo):
            break
        last = attempt == _ATTEMPTS - 1
        places = _draw_cluster(diameter[todo], draw, touching=last)
        shares = _draw_shares(count[todo], draw, equal=last)
        position[todo], share[todo] = places, shares
        part = geometry.select(todo)
        todo = todo[~is_resolved(places, diameter[todo], shares, photons[todo], part)]


def _place_companions(
    position: Tensor, share: Tensor, diameter: Tensor, faint: Tensor, draw: Draw
) -> None:
    """Second particles too faint to matter beside some single ones, in place."""
    rows = faint.nonzero()[:, 0]
    if not len(rows):
        return
    position[rows] = _draw_cluster(diameter[rows], draw, touching=False)
    share[rows, 1] = draw.log_uniform(*_FAINT_SHARE, len(rows))
    share[rows, 0] = 1.0 - share[rows, 1]


def _draw_cluster(diameter: Tensor, draw: Draw, touching: bool) -> Tensor:
    """Positions (M, 5, 3): each particle near an earlier one, mostly touching to 3 diameters.

    One scene in seven is wide instead: 2.5 to 15 diameters across the beam and up to tens of
    micrometres along it, as particles in a focus that only happen to be hit together.
    """
    frames = diameter.shape[0]
    wide = draw.chance(0.0 if touching else 0.15, frames)[:, None]
    parent = draw.uniform(0.0, 1.0, frames, MAX_PARTICLES)
    direction = draw.directions(frames, MAX_PARTICLES)
    if touching:  # side by side, so that the beam sees both
        direction = direction * torch.tensor([1.0, 1.0, 0.3], device=draw.device)
        direction = direction / direction.norm(dim=-1, keepdim=True)
    # Bodies that are not balls touch at less than the sum of their radii.
    contact = draw.uniform(0.8, 1.05, frames, MAX_PARTICLES)
    near = draw.log_uniform(1.0, 3.0, frames, MAX_PARTICLES)
    gap = torch.where(draw.chance(1.0 if touching else 0.55, frames)[:, None], contact, near)
    far = draw.log_uniform(2.5, 15.0, frames, MAX_PARTICLES)
    gap = torch.where(wide, far, gap)
    along = draw.normal(0.0, 1.0, frames, MAX_PARTICLES) * draw.log_uniform(10.0, 2e4, frames, 1)
    step = direction * gap[..., None]
    position = torch.zeros((frames, MAX_PARTICLES, 3), device=draw.device)
    rows = torch.arange(frames, device=draw.device)
    for particle in range(1, MAX_PARTICLES):
        earlier = (parent[:, particle] * particle).long().clamp_max(particle - 1)
        reach = (diameter[:, particle] + diameter[rows, earlier])[:, None] / 2.0
        position[:, particle] = position[rows, earlier] + step[:, particle] * reach
    position[..., 2] += along * wide
    return position


def _draw_shares(count: Tensor, draw: Draw, equal: bool) -> Tensor:
    """Photon shares (M, 5), unequal as places in a focus are; zero past each frame's count."""
    frames = len(count)
    weight = draw.log_uniform(0.05, 1.0, frames, MAX_PARTICLES)
    weight = torch.where(draw.chance(0.4, frames)[:, None], weight**0.3, weight)
    if equal:
        weight = torch.ones_like(weight)
    exists = torch.arange(MAX_PARTICLES, device=draw.device) < count[:, None]
    weight = weight * exists
    return weight / weight.sum(1, keepdim=True)
