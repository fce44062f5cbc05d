"""Closed and one-dimensional form factors F(q) of smooth bodies, in nm^3 (electrons per density).

Each takes q as (..., 3) in the body's frame, 1/nm, the axis of revolution along z, and sizes that
broadcast over the leading dimensions. F(0) is the volume. q = 0 is regular everywhere.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from torch import Tensor


def ball(u: Tensor) -> Tensor:
    """3 (sin u - u cos u) / u^3, the unit ball's transform over its volume."""
    safe = u.clamp_min(0.1)
    closed = 3.0 * (torch.sin(safe) - safe * torch.cos(safe)) / safe**3
    return torch.where(u < 0.1, 1.0 - u * u / 10.0, closed)


def disc(u: Tensor) -> Tensor:
    """2 J1(u) / u, the unit disc's transform over its area."""
    safe = u.clamp_min(1e-3)
    return torch.where(u < 1e-3, 1.0 - u * u / 8.0, 2.0 * torch.special.bessel_j1(safe) / safe)


def sphere(q: Tensor, radius: Tensor) -> Tensor:
    """Homogeneous sphere."""
    return 4.0 / 3.0 * math.pi * radius**3 * ball(q.norm(dim=-1) * radius)


def ellipsoid(q: Tensor, half_axes: Tensor) -> Tensor:
    """Ellipsoid with half_axes (..., 3) along x, y, z: a ball under an affine map."""
    return 4.0 / 3.0 * math.pi * half_axes.prod(-1) * ball((q * half_axes).norm(dim=-1))


def cylinder(q: Tensor, radius: Tensor, length: Tensor) -> Tensor:
    """Circular cylinder along z."""
    across = torch.hypot(q[..., 0], q[..., 1]) * radius
    along = torch.sinc(q[..., 2] * length / (2.0 * math.pi))
    return math.pi * radius**2 * length * disc(across) * along


def capsule(q: Tensor, radius: Tensor, length: Tensor, nodes: int = 12) -> Tensor:
    """Cylinder of `length` with half-ball caps: annuli-free quadrature over the caps' discs."""
    across = torch.hypot(q[..., 0], q[..., 1])
    sine, cosine, weights = _half_period_nodes(nodes)
    total = cylinder(q, radius, length)
    for s, c, w in zip(sine, cosine, weights, strict=True):
        slab_radius = radius * c
        phase = torch.cos(q[..., 2] * (length / 2.0 + radius * s))
        area = math.pi * slab_radius**2 * disc(across * slab_radius)
        total = total + 2.0 * w * radius * c * area * phase
    return total


def torus(q: Tensor, ring_radius: Tensor, tube_radius: Tensor, nodes: int = 12) -> Tensor:
    """Torus round z: Gauss-Legendre quadrature over z of the annuli's transforms.

    At height z = a sin t the section is the annulus R -+ a cos t, so the integrand is smooth in t.
    """
    across = torch.hypot(q[..., 0], q[..., 1])
    sine, cosine, weights = _half_period_nodes(nodes)
    total = torch.zeros_like(across)
    for s, c, w in zip(sine, cosine, weights, strict=True):
        outer, inner = ring_radius + tube_radius * c, ring_radius - tube_radius * c
        annulus = outer**2 * disc(across * outer) - inner**2 * disc(across * inner)
        phase = torch.cos(q[..., 2] * (tube_radius * s))
        total = total + (2.0 * math.pi * w * c) * tube_radius * annulus * phase
    return total


@functools.cache
def _half_period_nodes(nodes: int) -> tuple[list[float], list[float], list[float]]:
    """Sin t, cos t and weights of Gauss-Legendre on t in [0, pi/2]."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    t = (x + 1.0) * math.pi / 4.0
    return np.sin(t).tolist(), np.cos(t).tolist(), (w * math.pi / 4.0).tolist()
