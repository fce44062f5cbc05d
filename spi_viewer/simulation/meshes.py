"""Closed triangulated surfaces: star-shaped rough bodies on a fixed net of triangles."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import ConvexHull
from torch import Tensor

from spi_viewer.simulation.polyhedra import Polyhedron


@dataclass(frozen=True)
class Net:
    """How corners on a ball are joined.

    Attributes:
        directions: (V, 3) unit vectors of the corners.
        triangles: (F, 3) corners, counter-clockwise from outside.
        edges: (E, 2) corners.
        edge_faces: (2, E) the two triangles of each edge.
    """

    directions: Tensor
    triangles: Tensor
    edges: Tensor
    edge_faces: Tensor


@functools.cache
def ball_net(corners: int) -> Net:
    """Corners spread evenly over the ball (golden spiral) and triangulated."""
    index = np.arange(corners) + 0.5
    height = 1.0 - 2.0 * index / corners
    turn = math.pi * (1.0 + math.sqrt(5.0)) * index
    across = np.sqrt(1.0 - height**2)
    points = np.stack([across * np.cos(turn), across * np.sin(turn), height], axis=-1)
    triangles = ConvexHull(points).simplices.astype(np.int64)
    a, b, c = (points[triangles[:, k]] for k in range(3))
    inward = (np.cross(b - a, c - a) * a).sum(1) < 0
    triangles[inward] = triangles[inward][:, ::-1]
    sides: dict[tuple[int, int], list[int]] = {}
    for face, corner in enumerate(triangles.tolist()):
        for k in range(3):
            first, second = sorted((corner[k], corner[(k + 1) % 3]))
            sides.setdefault((first, second), []).append(face)
    return Net(
        torch.from_numpy(points).float(),
        torch.from_numpy(triangles),
        torch.tensor(list(sides)),
        torch.tensor(list(sides.values())).T.contiguous(),
    )


def mesh_polyhedron(net: Net, vertices: Tensor) -> Polyhedron:
    """K bodies with corners (K, V, 3) joined as in the net; any closed surface will do."""
    device = vertices.device
    triangles, edges = net.triangles.to(device), net.edges.to(device)
    faces = net.edge_faces.to(device)
    a, b, c = (vertices[:, triangles[:, k]] for k in range(3))
    doubled = torch.linalg.cross(b - a, c - a)
    areas = doubled.norm(dim=-1) / 2.0
    normals = doubled / (2.0 * areas[..., None]).clamp_min(1e-12)
    first = (b - a) / (b - a).norm(dim=-1, keepdim=True).clamp_min(1e-12)
    centers = (a + b + c) / 3.0
    start, stop = vertices[:, edges[:, 0]], vertices[:, edges[:, 1]]
    middles, vectors = (start + stop) / 2.0, stop - start
    outward = []
    for side in range(2):
        out = torch.linalg.cross(vectors, normals[:, faces[side]])
        inside = ((middles - centers[:, faces[side]]) * out).sum(-1, keepdim=True) < 0
        outward.append(torch.where(inside, -out, out))
    return Polyhedron(
        normals=normals,
        tangents_1=first,
        tangents_2=torch.linalg.cross(normals, first),
        centers=centers,
        areas=areas,
        middles=middles,
        vectors=vectors,
        outward=torch.stack(outward),
        faces=faces[:, None],
        volume=(a * torch.linalg.cross(b, c)).sum(-1).sum(-1) / 6.0,
    )
