"""Shapes of some particles of one family, and their transforms.

Shapes have unit diameter (of the smallest ball about the centroid): q comes as q times diameter,
and F is in diameters cubed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from spi_viewer.simulation import polyhedra
from spi_viewer.simulation.polyhedra import Polyhedron


class Shapes(Protocol):
    """Some particles' shapes of one family."""

    def select(self, index: Tensor) -> Shapes:
        """Shapes `index` (P,) of these, repeats allowed."""

    def amplitude(self, q: Tensor) -> Tensor:
        """Transform at q (P, 3, Q), in the body's frame times diameter -> (P, Q)."""


@dataclass(frozen=True)
class SmoothShapes:
    """Shapes with a formula of their own.

    Attributes:
        formula: F(q, *parameters), see form_factors.
        parameters: each (P,) or (P, 3).
    """

    formula: Callable[..., Tensor]
    parameters: tuple[Tensor, ...]

    def select(self, index: Tensor) -> SmoothShapes:
        """Shapes `index` of these."""
        return SmoothShapes(self.formula, tuple(p[index] for p in self.parameters))

    def amplitude(self, q: Tensor) -> Tensor:
        """Transform at q (P, 3, Q) -> (P, Q)."""
        return self.formula(q, *(p[..., None] for p in self.parameters))


@dataclass(frozen=True)
class PolyhedronShapes:
    """Polyhedra, stretched one by one.

    Attributes:
        body: one for all (K = 1) or one for each of the P particles.
        stretch: (P, 3) factors along the body's axes.
    """

    body: Polyhedron
    stretch: Tensor

    def select(self, index: Tensor) -> PolyhedronShapes:
        """Shapes `index` of these."""
        return PolyhedronShapes(self.body.select(index), self.stretch[index])

    def amplitude(self, q: Tensor) -> Tensor:
        """Transform at q (P, 3, Q) -> (P, Q); an affine map of a body maps q back."""
        stretched = polyhedra.polyhedron_amplitude(self.body, q * self.stretch[..., None])
        return stretched * self.stretch.prod(-1, keepdim=True)


def point_cloud(q: Tensor, places: Tensor, weights: Tensor) -> Tensor:
    """Sum of w exp(i q.r): q (P, 3, Q), places (P, J, 3), weights (P, J) -> (P, Q) complex."""
    size = q.shape[2] if q.device.type != "cpu" else max(256, 2**16 // places.shape[1] // len(q))
    parts = []
    for piece in q.split(size, 2):
        phase = places @ piece
        row = weights[:, None]
        parts.append(torch.complex((row @ torch.cos(phase))[:, 0], (row @ torch.sin(phase))[:, 0]))
    return torch.cat(parts, dim=1)
