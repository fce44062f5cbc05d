"""Diffraction of the particles of a block of frames, grouped so that work is batched."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import torch
from torch import Tensor

from spi_viewer.simulation.classes import Particles
from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.particles import FAMILIES
from spi_viewer.simulation.scattering import (
    CoarseGrid,
    Geometry,
    averaged_over_pixels,
    coarse_grid,
    flat_detector,
    momentum_grid,
    photons_per_pixel,
    pixel_contrast,
    solid_angle_and_polarisation,
)
from spi_viewer.simulation.shapes import Shapes
from spi_viewer.simulation.texture import Texture, draw_texture, textured_amplitude

# Particles are sorted by their fringe number into grids that are just fine enough.
_GRID_FRINGES = (9.0, 18.0, 28.0, 41.0)
_ELECTRONS_PER_NM3 = 430.0  # protein, dry


@dataclass(frozen=True)
class Patterns:
    """What the particles of B frames scatter.

    Attributes:
        intensity: (B, S, S), each with unit sum over what is visible; zero without a hit.
        interference: (B, S, S) what of it several particles do not give apart; may be negative.
        first: (B, S, S) that of the first particle, if it scattered all the photons.
        fluence: (B,) photons per um^2 on the first particle that one visible photon takes.
    """

    intensity: Tensor
    interference: Tensor
    first: Tensor
    fluence: Tensor


def particle_patterns(
    particles: Particles,
    families: list[str],
    fringes: Tensor,
    geometry: Geometry,
    visible: Tensor,
    draw: Draw,
) -> Patterns:
    """Patterns of all hits; visible (B, S, S) weights pixels by transmission and sensitivity."""
    count, side = visible.shape[0], visible.shape[-1]
    empty = torch.zeros((count, side, side), device=draw.device)
    fluence = torch.zeros(count, device=draw.device)
    patterns = Patterns(empty, empty.clone(), empty.clone(), fluence)
    shapes = _draw_shapes(families, draw)
    inner_radius = torch.tensor([FAMILIES[name].inner_radius for name in families])
    texture = draw_texture(inner_radius.to(draw.device), particles.diameter_nm[:, 0], draw)
    lower = 0.0
    for limit in _GRID_FRINGES:
        here = (fringes >= lower) & (fringes < limit)
        lower = limit
        grid = coarse_grid(limit, side, draw.device)
        for number in range(1, particles.diameter_nm.shape[1] + 1):
            rows = (here & (particles.count == number)).nonzero()[:, 0]
            if not len(rows):
                continue
            part = geometry.select(rows)
            amplitude = _amplitudes(particles, rows, number, families, shapes, texture, part, grid)
            found = _patterns(amplitude, particles, rows, number, part, grid, visible[rows])
            patterns.intensity[rows], patterns.fluence[rows] = found.intensity, found.fluence
            patterns.interference[rows], patterns.first[rows] = found.interference, found.first
    return patterns


def _draw_shapes(families: list[str], draw: Draw) -> dict[str, Shapes]:
    """One shape a frame, by family; row i of a family's shapes is its i-th frame."""
    return {name: FAMILIES[name].draw(families.count(name), draw) for name in sorted(set(families))}


def _rows_in_family(families: list[str], device: torch.device) -> Tensor:
    """Of each frame's shape, its row among the shapes of its family, (B,)."""
    seen: Counter[str] = Counter()
    rows = []
    for name in families:
        rows.append(seen[name])
        seen[name] += 1
    return torch.tensor(rows, device=device)


def _amplitudes(
    particles: Particles,
    rows: Tensor,
    number: int,
    families: list[str],
    shapes: dict[str, Shapes],
    texture: Texture,
    geometry: Geometry,
    grid: CoarseGrid,
) -> Tensor:
    """Form factors in nm^3 on the coarse grid: (len(rows), number, 2, G, G), real and imaginary."""
    momentum = momentum_grid(geometry, grid.positions).points()
    size = len(grid.positions)
    diameter = particles.diameter_nm[rows, :number].flatten()
    # Seen from the body, q turns the other way; in units of the body's diameter.
    turned = particles.rotation[rows, :number].flatten(0, 1) * diameter[:, None, None]
    frame = torch.arange(len(rows), device=rows.device).repeat_interleave(number)
    species = particles.species[rows, :number].flatten()
    place = _rows_in_family(families, rows.device)
    result = torch.zeros((len(frame), 2, size * size), device=rows.device)
    names = [families[row] for row in species.tolist()]
    for name in sorted(set(names)):
        members = [i for i, other in enumerate(names) if other == name]
        index = torch.tensor(members, device=rows.device)
        like = species[index]
        q = turned[index] @ momentum[frame[index]]
        picked = shapes[name].select(place[like])
        form = textured_amplitude(picked, texture.select(like), q)
        if form.is_complex():
            result[index] = torch.view_as_real(form).movedim(-1, 1)
        else:
            result[index, 0] = form
    result *= diameter[:, None, None] ** 3
    return result.view(len(rows), number, 2, size, size)


def _patterns(
    amplitude: Tensor,
    particles: Particles,
    rows: Tensor,
    number: int,
    geometry: Geometry,
    grid: CoarseGrid,
    visible: Tensor,
) -> Patterns:
    """Those of hits on so many particles, from amplitudes."""
    at_pixels = grid.at_pixels(amplitude)
    alone = averaged_over_pixels(at_pixels.square().sum(2))
    # Each particle's brightness first, so that shares of photons are shares on the detector.
    brightness = (alone * visible[:, None]).sum((2, 3)).clamp_min(1e-30)
    share = particles.share[rows, :number]
    weight = share / brightness
    light = [alone[:, 0]]
    if number > 1:
        apart = (alone * weight[..., None, None]).sum(1)
        position = particles.position_nm[rows, :number]
        crossed = _interference(at_pixels, weight, position, geometry)
        light += [(apart + crossed).clamp_min_(0.0), apart]
    detected = flat_detector(torch.stack(light, 1), geometry)
    detected *= grid.at_pixels(solid_angle_and_polarisation(geometry, grid.positions))[:, None]
    # Until here in any unit: the first particle's light and that of all, each a photon in sum.
    sums = (detected[:, :2] * visible[:, None]).sum((2, 3), keepdim=True).clamp_min(1e-30)
    first, together = (detected[:, :2] / sums).expand(-1, 2, -1, -1).unbind(1)
    interference = torch.zeros_like(first)
    if number > 1:
        interference = together - detected[:, 2] / sums[:, 1]
    ones = torch.ones_like(brightness[:, 0])
    middle = geometry.pixel_angle**2
    per_fluence = photons_per_pixel(brightness[:, 0], ones, ones * _ELECTRONS_PER_NM3, middle)
    fluence = share[:, 0] / per_fluence.clamp_min(1e-30)
    return Patterns(together, interference, first, fluence)


def _interference(
    amplitude: Tensor, weight: Tensor, position_nm: Tensor, geometry: Geometry
) -> Tensor:
    """Cross terms of weighted, displaced amplitudes, averaged over each pixel: (R, S, S)."""
    number = amplitude.shape[1]
    pixels = torch.arange(geometry.side_px, device=amplitude.device, dtype=torch.float32)
    momentum = momentum_grid(geometry, pixels)
    moved = []
    for particle in range(number):
        x, y, z = (position_nm[:, particle, axis, None] for axis in range(3))
        phase = momentum.qz * z[..., None]
        phase += (momentum.qx * x)[:, None, :]
        phase += (momentum.qy * y)[:, :, None]
        real, imaginary = (
            amplitude[:, particle] * weight[:, particle].sqrt()[:, None, None, None]
        ).unbind(1)
        cosine, sine = torch.cos(phase), torch.sin(phase)
        moved.append((real * cosine - imaginary * sine, real * sine + imaginary * cosine))
    total = torch.zeros_like(moved[0][0])
    for first in range(number):
        for second in range(first + 1, number):
            separation = position_nm[:, second] - position_nm[:, first]
            contrast = pixel_contrast(separation, geometry, pixels)
            cross = moved[first][0] * moved[second][0] + moved[first][1] * moved[second][1]
            total += 2.0 * cross * contrast[:, 0, :, None] * contrast[:, 1, None, :]
    return total
