"""Tailed phages, the commonest viruses: an icosahedral head, round or drawn out, on a thin tail."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from spi_viewer.simulation import form_factors, solids
from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.shapes import PolyhedronShapes, SmoothShapes

_HEAD_LENGTH = (1.0, 1.6)  # in widths: from lambda's to T4's
_TAIL_LENGTH = (0.2, 2.5)  # in widths of the head: from podoviruses to siphoviruses
_TAIL_RADIUS = (0.05, 0.16)  # in widths of the head
# Of an icosahedron of unit diameter with a corner on the axis: its two rings of five corners.
_RING_HEIGHT = 0.5 / math.sqrt(5.0)
_RING_RADIUS = 1.0 / math.sqrt(5.0)


@dataclass(frozen=True)
class TailedShapes:
    """Heads with a corner on the axis, where a tail begins; the centroid is the origin.

    Attributes:
        heads: P bodies, their corners along z.
        tails: P cylinders along z.
        places: (P, 2) of the middles of head and tail along z.
    """

    heads: PolyhedronShapes
    tails: SmoothShapes
    places: Tensor

    def select(self, index: Tensor) -> TailedShapes:
        """Shapes `index` (P,) of these, repeats allowed."""
        return TailedShapes(self.heads.select(index), self.tails.select(index), self.places[index])

    def amplitude(self, q: Tensor) -> Tensor:
        """Transform at q (P, 3, Q) -> (P, Q) complex."""
        head, tail = self.heads.amplitude(q), self.tails.amplitude(q)
        phase = self.places[..., None] * q[:, 2:]  # (P, 2, Q)
        cosine, sine = torch.cos(phase), torch.sin(phase)
        real = head * cosine[:, 0] + tail * cosine[:, 1]
        return torch.complex(real, head * sine[:, 0] + tail * sine[:, 1])


def draw_phage(count: int, draw: Draw) -> TailedShapes:
    """Phages whose tails are from stumps to two and a half heads long, thick or thin."""
    body = solids.body(solids.upright_icosahedron).to(draw.device)
    length = draw.log_uniform(*_HEAD_LENGTH, count)
    tail = draw.log_uniform(*_TAIL_LENGTH, count)
    radius = draw.log_uniform(*_TAIL_RADIUS, count)
    # In widths of the head; tails begin a little inside the corner, where the head is as wide.
    overlap = 0.6 * radius
    head_volume = body.volume * length
    tail_volume = math.pi * radius**2 * tail
    tail_middle = -(length + tail) / 2.0 + overlap
    centroid = tail_volume * tail_middle / (head_volume + tail_volume)
    top, end = length / 2.0 - centroid, centroid - (tail_middle - tail / 2.0)
    # The head's upper ring of corners stands off the axis.
    ring = torch.hypot(torch.full_like(length, _RING_RADIUS), _RING_HEIGHT * length - centroid)
    far = torch.stack([top, torch.hypot(end, radius), ring]).amax(0)
    scale = 0.5 / far
    stretch = scale[:, None] * torch.stack([torch.ones_like(length)] * 2 + [length], -1)
    cylinders = SmoothShapes(form_factors.cylinder, (scale * radius, scale * tail))
    places = scale[:, None] * torch.stack([-centroid, tail_middle - centroid], -1)
    return TailedShapes(PolyhedronShapes(body, stretch), cylinders, places)
