"""The families of particle shapes, each drawn at random and transformed exactly.

FAMILIES is the whole catalogue; leave-one-family-out runs over it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spi_viewer.simulation import clusters, form_factors, hulls, meshes, polyhedra, solids, tailed
from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.shapes import PolyhedronShapes, Shapes, SmoothShapes


@dataclass(frozen=True)
class Family:
    """A kind of particle.

    Attributes:
        name: as users write it.
        draw: makes `count` shapes.
        inner_radius: of a ball inside every shape of the family, in diameters; 0 for bodies too
            thin for layers and inner structure.
    """

    name: str
    draw: Callable[[int, Draw], Shapes]
    inner_radius: float = 0.0


def _draw_sphere(count: int, draw: Draw) -> Shapes:
    radius = torch.full((count,), 0.5, device=draw.device)
    return SmoothShapes(form_factors.sphere, (radius,))


def _draw_spheroid(count: int, draw: Draw) -> Shapes:
    aspect = draw.log_uniform(0.5, 2.0, count)  # polar over equatorial
    half = 0.5 / aspect.clamp_min(1.0)
    return SmoothShapes(form_factors.ellipsoid, (torch.stack([half, half, half * aspect], dim=-1),))


def _draw_ellipsoid(count: int, draw: Draw) -> Shapes:
    half_axes = draw.uniform(0.5, 1.0, count, 3)
    return SmoothShapes(
        form_factors.ellipsoid, (0.5 * half_axes / half_axes.amax(-1, keepdim=True),)
    )


def _draw_torus(count: int, draw: Draw) -> Shapes:
    tube = 0.5 * draw.uniform(0.15, 0.48, count)
    return SmoothShapes(form_factors.torus, (0.5 - tube, tube))


def _draw_rod(count: int, draw: Draw) -> Shapes:
    aspect = draw.log_uniform(1.2, 5.0, count)  # length over width
    radius = 0.5 / torch.sqrt(1.0 + aspect**2)
    return SmoothShapes(form_factors.cylinder, (radius, 2.0 * radius * aspect))


def _draw_disc(count: int, draw: Draw) -> Shapes:
    aspect = draw.log_uniform(0.15, 0.7, count)
    radius = 0.5 / torch.sqrt(1.0 + aspect**2)
    return SmoothShapes(form_factors.cylinder, (radius, 2.0 * radius * aspect))


def _draw_capsule(count: int, draw: Draw) -> Shapes:
    radius = 0.5 / draw.uniform(1.2, 3.5, count)
    return SmoothShapes(form_factors.capsule, (radius, 1.0 - 2.0 * radius))


def _draw_core_shell(count: int, draw: Draw) -> Shapes:
    """Spheroids with a core of another density: hollow (-1) to heavy (+3 times the shell)."""
    aspect = draw.log_uniform(0.7, 1.4, count)
    half = 0.5 / aspect.clamp_min(1.0)
    half_axes = torch.stack([half, half, half * aspect], dim=-1)
    core_part = draw.uniform(0.4, 0.95, count)
    heavy = draw.chance(0.4, count)
    contrast = torch.where(heavy, draw.uniform(0.3, 3.0, count), -draw.uniform(0.3, 1.0, count))
    return SmoothShapes(_core_shell, (half_axes, core_part, contrast))


def _core_shell(q: Tensor, half_axes: Tensor, core_part: Tensor, contrast: Tensor) -> Tensor:
    core = form_factors.ellipsoid(q, half_axes * core_part[:, None])
    return form_factors.ellipsoid(q, half_axes) + contrast * core


def _fixed(
    vertices: Callable[[], NDArray[np.float64]], max_squeeze: float = 0.05
) -> Callable[[int, Draw], Shapes]:
    """Draws one solid, each particle squeezed a little so that a family is not one rigid body."""

    def draw_bodies(count: int, draw: Draw) -> Shapes:
        stretch = draw.uniform(1.0 - max_squeeze, 1.0, count, 3)
        return PolyhedronShapes(solids.body(vertices).to(draw.device), stretch)

    return draw_bodies


# Hulls are made in numpy, the slow way: a few bodies serve a block, each stretched many ways.
_BODIES_PER_DRAW = 3


def _hulls(fewest: int, most: int, thinnest: float) -> Callable[[int, Draw], Shapes]:
    """Draws hulls of random points on a ball, stretched; all of one draw have as many corners."""

    def draw_bodies(count: int, draw: Draw) -> Shapes:
        corners = int(draw.integers(fewest, most, 1))
        points = draw.directions(min(count, _BODIES_PER_DRAW), corners).double().cpu().numpy()
        bodies = polyhedra.stack([hulls.convex_polyhedron(p) for p in points]).to(draw.device)
        pick = torch.arange(count, device=draw.device) % len(points)
        return PolyhedronShapes(bodies.select(pick), draw.uniform(thinnest, 1.0, count, 3))

    return draw_bodies


def _draw_prism(count: int, draw: Draw) -> Shapes:
    """Hexagonal prisms of random height: a flat or long one is the same solid stretched."""
    aspect = draw.log_uniform(0.5, 3.0, count)  # height over width
    body = solids.body(solids.hexagonal_prism).to(draw.device)
    across = math.sqrt(2.0) / torch.sqrt(1.0 + aspect**2)
    return PolyhedronShapes(body, torch.stack([across, across, across * aspect], dim=-1))


def _draw_pyramid(count: int, draw: Draw) -> Shapes:
    """Pyramids to cones over regular polygons: with an apex, cut off, or with one on both sides.

    All of one draw have as many sides and are of one kind; each is stretched in its own way.
    """
    sides, kind = int(draw.integers(3, 10, 1)), int(draw.integers(0, 2, 1))
    tops = draw.uniform(0.25, 0.85, min(count, _BODIES_PER_DRAW)).tolist()
    solid = (solids.pyramid, solids.frustum, solids.bipyramid)[kind]
    bodies = polyhedra.stack([hulls.convex_polyhedron(solid(sides, top)) for top in tops])
    pick = torch.arange(count, device=draw.device) % len(tops)
    stretch = draw.uniform(0.5, 1.0, count, 3)
    return PolyhedronShapes(bodies.to(draw.device).select(pick), stretch)


def _draw_box(count: int, draw: Draw) -> Shapes:
    """Bricks with sides 1 : 0.5..1 : 0.5..1."""
    sides = draw.uniform(0.5, 1.0, count, 3)
    sides = sides / (2.0 * sides.norm(dim=-1, keepdim=True))
    return SmoothShapes(form_factors.box, (sides,))


def _draw_rough(count: int, draw: Draw) -> Shapes:
    """Star-shaped bodies r(n) = 1 + sum of waves over the ball, 2 to 15 %, lower orders larger."""
    net = meshes.ball_net(36)
    directions = net.directions.to(draw.device)
    radius = torch.ones((count, len(directions)), device=draw.device)
    roughness = draw.uniform(0.02, 0.15, count)[:, None]
    for order in range(1, 6):
        wave = draw.directions(count) * (1.5 * order)
        phase = draw.uniform(0.0, 2.0 * math.pi, count)[:, None]
        radius += 1.5 * roughness / order * torch.cos(wave @ directions.T + phase)
    corners = radius.clamp_min(0.5)[..., None] * directions
    corners = corners - corners.mean(1, keepdim=True)
    corners = corners / (2.0 * corners.norm(dim=-1).amax(1)[:, None, None])
    ones = torch.ones((count, 3), device=draw.device)
    return PolyhedronShapes(meshes.mesh_polyhedron(net, corners), ones)


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("icosahedron", _fixed(solids.icosahedron), 0.35),
        Family("soccer", _fixed(solids.soccer), 0.42),
        Family("torus", _draw_torus),
        Family("sphere", _draw_sphere, 0.45),
        Family("spheroid", _draw_spheroid, 0.24),
        Family("ellipsoid", _draw_ellipsoid, 0.24),
        Family("core_shell", _draw_core_shell, 0.33),
        Family("rod", _draw_rod),
        Family("disc", _draw_disc),
        Family("capsule", _draw_capsule),
        Family("box", _draw_box, 0.16),
        Family("octahedron", _fixed(solids.octahedron, 0.15), 0.23),
        Family("truncated_octahedron", _fixed(solids.truncated_octahedron), 0.35),
        Family("cuboctahedron", _fixed(solids.cuboctahedron), 0.32),
        Family("dodecahedron", _fixed(solids.dodecahedron), 0.36),
        Family("decahedron", _fixed(solids.decahedron, 0.15)),
        Family("prism", _draw_prism),
        Family("tetrahedron", _fixed(solids.tetrahedron, 0.15)),
        Family("pyramid", _draw_pyramid),
        Family("polyhedron", _hulls(8, 16, thinnest=0.6), 0.16),
        Family("shard", _hulls(4, 7, thinnest=0.4)),
        Family("rough", _draw_rough, 0.25),
        Family("lumpy", clusters.draw_lumpy),
        Family("spiked", clusters.draw_spiked, 0.3),
        Family("branched", clusters.draw_branched),
        Family("ring", clusters.draw_ring),
        Family("cross", clusters.draw_cross),
        Family("coil", clusters.draw_coil),
        Family("phage", tailed.draw_phage),
    )
}
