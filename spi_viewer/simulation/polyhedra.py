"""Exact transform of uniform polyhedra as a sum over edges: Wuttke 2021, J. Appl. Cryst. 54, 580.

Gauss's theorem turns the volume integral into face integrals and those into edge integrals:
F(q) = -1/q^2 sum_faces (q.n)/|q_par|^2 sum_edges (q.m) L sinc(q.E/2) exp(i q.R), with m the edge's
outward normal in its face, E its vector, L its length, R its middle, q_par = q - (q.n)n.
Where |q_par| or |q| vanishes the sums cancel and are replaced by their limits.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from spi_viewer.simulation.form_factors import sine_ratio

# Below these values of |q| times size (size 2 = circumscribed unit ball) float32 sums cancel.
_FLAT_FACE = 0.05
_SMALL_Q = 0.02
_CACHED_VALUES = 2**16


@dataclass(frozen=True)
class Polyhedron:
    """Geometry of K bodies with equal numbers of faces F and edges E (K = 1: shared by all).

    For a body with a centre of symmetry only one of each pair of opposite faces and edges is kept
    (the other's term is the complex conjugate) and `weight` is 2.

    Attributes:
        normals, tangents_1, tangents_2: (K, F, 3) orthonormal frames of the faces.
        centers: (K, F, 3); areas: (K, F).
        middles, vectors: (K, E, 3) of the edges.
        outward: (2, K, E, 3) in-plane outward normals times edge length, for both its faces.
        faces: (2, K, E) indices of the two faces, or (2, 1, E) where all bodies are joined alike.
        volume: (K,).
    """

    normals: Tensor
    tangents_1: Tensor
    tangents_2: Tensor
    centers: Tensor
    areas: Tensor
    middles: Tensor
    vectors: Tensor
    outward: Tensor
    faces: Tensor
    volume: Tensor
    weight: float = 1.0

    def to(self, device: torch.device, dtype: torch.dtype = torch.float32) -> Polyhedron:
        """The same bodies on a device."""
        moved = {}
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, Tensor):
                value = value.to(device, dtype if value.is_floating_point() else value.dtype)
            moved[entry.name] = value
        return Polyhedron(**moved)

    def select(self, index: Tensor) -> Polyhedron:
        """Bodies `index` (P,) of the K."""
        picked = {}
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, Tensor):
                axis = 1 if entry.name in ("outward", "faces") else 0
                if value.shape[axis] > 1:  # else shared by all
                    value = value.index_select(axis, index)
            picked[entry.name] = value
        return Polyhedron(**picked)


def stack(bodies: list[Polyhedron]) -> Polyhedron:
    """One Polyhedron of all bodies; they must have equal numbers of faces and edges."""
    joined = {
        entry.name: torch.cat(
            [getattr(body, entry.name) for body in bodies],
            dim=1 if entry.name in ("outward", "faces") else 0,
        )
        for entry in fields(Polyhedron)
        if entry.name != "weight"
    }
    return Polyhedron(**joined, weight=bodies[0].weight)


def polyhedron_amplitude(body: Polyhedron, q: Tensor) -> Tensor:
    """Transform integral of exp(i q.r) over the bodies: q (P, 3, Q) -> (P, Q).

    Real for bodies with a centre of symmetry, complex otherwise. K must be 1 or P. q and the body
    in reciprocal units of one another; best scaled so that the body's size is about 1.
    """
    vectors = (body.normals, body.tangents_1, body.tangents_2, body.vectors / 2.0, body.middles)
    directions = torch.cat([*vectors, body.outward[0], body.outward[1]], dim=1)
    if q.device.type != "cpu":
        return _amplitude_of_points(body, directions, q)
    # Arrays that fit the processor's cache make this several times faster.
    bodies = max(1, _CACHED_VALUES // (body.middles.shape[1] * 512))
    if len(q) > bodies and len(directions) > 1:
        rows = torch.arange(len(q), device=q.device).split(bodies)
        return torch.cat([polyhedron_amplitude(body.select(row), q[row]) for row in rows])
    if len(q) > bodies:
        return torch.cat([polyhedron_amplitude(body, part) for part in q.split(bodies)])
    size = max(256, _CACHED_VALUES // (len(q) * body.middles.shape[1]))
    return torch.cat([_amplitude_of_points(body, directions, p) for p in q.split(size, 2)], dim=1)


def _amplitude_of_points(body: Polyhedron, directions: Tensor, q: Tensor) -> Tensor:
    """Components along all `directions` come from one product; its slices are views."""
    faces, edges = body.normals.shape[1], body.vectors.shape[1]
    parts = (directions @ q).split([faces] * 3 + [edges] * 4, dim=1)
    q_normal, q_1, q_2, q_half_edge, q_middle, q_out_1, q_out_2 = parts
    q_squared = q.square().sum(1, keepdim=True).clamp_min_(1e-12)
    in_plane = q_1.square().add_(q_2.square())
    flat = in_plane < _FLAT_FACE**2
    face_factor = (q_normal / in_plane.clamp_min_(_FLAT_FACE**2)).masked_fill_(flat, 0.0)
    factor = _of_faces(face_factor, body.faces[0]).mul_(q_out_1)
    factor.add_(_of_faces(face_factor, body.faces[1]).mul_(q_out_2))
    factor.mul_(sine_ratio(q_half_edge)).div_(-q_squared)
    real = (factor * torch.cos(q_middle)).sum(1)
    imaginary = None if body.weight == 2.0 else (factor * torch.sin(q_middle)).sum(1)
    _add_flat_faces(real, imaginary, body, q, flat)
    return _with_small_q(real, imaginary, body, q_squared[:, 0])


def _of_faces(values: Tensor, faces: Tensor) -> Tensor:
    """Values (P, F, Q) at each edge's face (K, E) -> (P, E, Q)."""
    if faces.shape[0] == 1:
        return values.index_select(1, faces[0])
    return values.gather(1, faces[:, :, None].expand(-1, -1, values.shape[2]))


def _add_flat_faces(
    real: Tensor, imaginary: Tensor | None, body: Polyhedron, q: Tensor, flat: Tensor
) -> None:
    """Add, in place, faces that q stands upright on: q.n area exp(i q.c) / (i q^2)."""
    particle, face, point = flat.nonzero(as_tuple=True)
    if not len(particle):
        return
    owner = particle if body.normals.shape[0] > 1 else torch.zeros_like(particle)
    here = q[particle, :, point]
    phase = (here * body.centers[owner, face]).sum(-1)
    along = (here * body.normals[owner, face]).sum(-1)
    size = along * body.areas[owner, face] / here.square().sum(-1).clamp_min(1e-12)
    real.index_put_((particle, point), size * torch.sin(phase), accumulate=True)
    if imaginary is not None:
        imaginary.index_put_((particle, point), -size * torch.cos(phase), accumulate=True)


def _with_small_q(
    real: Tensor, imaginary: Tensor | None, body: Polyhedron, q_squared: Tensor
) -> Tensor:
    """Scale symmetric halves, replace q ~ 0 by the volume, and join the parts."""
    small = q_squared < _SMALL_Q**2
    total = torch.where(small, body.volume[:, None], body.weight * real)
    if imaginary is None:
        return total
    return torch.complex(total, imaginary.masked_fill(small, 0.0))
