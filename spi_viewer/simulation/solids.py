"""Corners of the solids that particles take: virus capsids, nanocrystals, cages."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from spi_viewer.simulation.hulls import convex_polyhedron
from spi_viewer.simulation.polyhedra import Polyhedron

_GOLDEN = (1.0 + math.sqrt(5.0)) / 2.0


@functools.cache
def body(vertices: Callable[[], NDArray[np.float64]]) -> Polyhedron:
    """The solid of a function below, made once."""
    return convex_polyhedron(vertices())


def icosahedron() -> NDArray[np.float64]:
    """12 corners, 20 triangles: most virus capsids."""
    return _cyclic([(0.0, 1.0, _GOLDEN)])


def upright_icosahedron() -> NDArray[np.float64]:
    """The same with a corner on the z axis."""
    angles = 2.0 * math.pi * np.arange(5) / 5.0
    ring = np.stack([np.cos(angles), np.sin(angles), np.full(5, 0.5)], axis=-1)
    half = np.concatenate([[[0.0, 0.0, math.sqrt(5.0) / 2.0]], ring])
    return np.concatenate([half, -half])


def soccer() -> NDArray[np.float64]:
    """Truncated icosahedron: 60 corners, 12 pentagons, 20 hexagons."""
    g = _GOLDEN
    return _cyclic([(0.0, 1.0, 3.0 * g), (1.0, 2.0 + g, 2.0 * g), (2.0, 1.0 + 2.0 * g, g)])


def dodecahedron() -> NDArray[np.float64]:
    """20 corners, 12 pentagons."""
    cube = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
    return np.concatenate([cube, _cyclic([(0.0, 1.0 / _GOLDEN, _GOLDEN)])])


def tetrahedron() -> NDArray[np.float64]:
    """4 corners, 4 triangles: nanocrystals without a centre of symmetry."""
    return np.array([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]])


def octahedron() -> NDArray[np.float64]:
    """6 corners, 8 triangles."""
    return _cyclic([(0.0, 0.0, 1.0)])


def truncated_octahedron() -> NDArray[np.float64]:
    """24 corners, 8 hexagons, 6 squares: many metal nanocrystals."""
    return np.concatenate([_cyclic([(0.0, 1.0, 2.0)]), _cyclic([(0.0, 2.0, 1.0)])])


def cuboctahedron() -> NDArray[np.float64]:
    """12 corners, 8 triangles, 6 squares."""
    return _cyclic([(0.0, 1.0, 1.0)])


def decahedron() -> NDArray[np.float64]:
    """Pentagonal bipyramid, 7 corners: five-fold twinned nanocrystals."""
    angles = 2.0 * math.pi * np.arange(5) / 5.0
    belt = np.stack([np.cos(angles), np.sin(angles), np.zeros(5)], axis=-1)
    height = 2.0 * math.sin(math.pi / 5.0) * math.sqrt(1.0 - 0.25 / math.sin(math.pi / 5.0) ** 2)
    return np.concatenate([belt, [[0.0, 0.0, height], [0.0, 0.0, -height]]])


def hexagonal_prism() -> NDArray[np.float64]:
    """Upright, as high as it is wide."""
    angles = math.pi * np.arange(6) / 3.0
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    levels = [np.full((6, 1), z) for z in (-1.0, 1.0)]
    return np.concatenate([np.concatenate([ring, level], axis=1) for level in levels])


def _cyclic(seeds: list[tuple[float, float, float]]) -> NDArray[np.float64]:
    """All even permutations and signs of the seeds."""
    corners = set()
    for seed in seeds:
        for signs in itertools.product((-1.0, 1.0), repeat=3):
            x, y, z = (value * sign + 0.0 for value, sign in zip(seed, signs, strict=True))
            corners.update([(x, y, z), (y, z, x), (z, x, y)])
    return np.array(sorted(corners))


def pyramid(sides: int, height: float) -> NDArray[np.float64]:
    """Apex over a regular polygon; height in diameters of its circle."""
    return np.concatenate([_polygon(sides, 0.0), [[0.0, 0.0, 2.0 * height]]])


def frustum(sides: int, top: float) -> NDArray[np.float64]:
    """Pyramid cut off where it is `top` of its base across."""
    return np.concatenate([_polygon(sides, 0.0), top * _polygon(sides, 1.5 / top)])


def bipyramid(sides: int, height: float) -> NDArray[np.float64]:
    """Two pyramids on one base, the second of half the height."""
    return np.concatenate([pyramid(sides, height), [[0.0, 0.0, -height]]])


def _polygon(sides: int, z: float) -> NDArray[np.float64]:
    angle = 2.0 * math.pi * np.arange(sides) / sides
    return np.stack([np.cos(angle), np.sin(angle), np.full(sides, z)], 1)
