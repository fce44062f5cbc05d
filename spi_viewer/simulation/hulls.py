"""Convex bodies from their corners: faces, edges and normals as polyhedra need them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from spi_viewer.simulation.polyhedra import Polyhedron

# Of each edge of each face: the corners it runs from and to, and the face.
Edges = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def convex_polyhedron(vertices: NDArray[np.float64]) -> Polyhedron:
    """Convex hull of vertices (V, 3), centred on its centroid and scaled to a unit diameter.

    Diameter: of the smallest ball about the centroid.
    """
    points = _centred(np.asarray(vertices, dtype=np.float64))
    normals, loops = _hull_faces(points)
    keep = _one_of_each_pair(normals, points)
    edges = _edges(loops)
    faces = _face_arrays(points, normals, edges)
    # Each face is the base of a pyramid with its top in the centroid.
    volume = float((faces["areas"] * (faces["centers"] * normals).sum(1)).sum()) / 3.0
    if keep is not None:
        faces = {name: values[keep] for name, values in faces.items()}
    arrays = faces | _edge_arrays(points, normals, edges, keep)
    tensors = {name: torch.from_numpy(value).unsqueeze(0) for name, value in arrays.items()}
    tensors["outward"] = tensors["outward"].permute(2, 0, 1, 3).contiguous()
    tensors["faces"] = tensors["faces"].permute(2, 0, 1).contiguous()
    weight = 1.0 if keep is None else 2.0
    return Polyhedron(**tensors, volume=torch.tensor([volume]), weight=weight)


def _centred(points: NDArray[np.float64]) -> NDArray[np.float64]:
    hull = ConvexHull(points)
    corners = points[hull.simplices]
    middle = points[hull.vertices].mean(0)
    volumes = np.abs(np.linalg.det(corners - middle))
    centroid = (volumes[:, None] * (corners.sum(1) + middle) / 4.0).sum(0) / volumes.sum()
    points = points[hull.vertices] - centroid
    scaled: NDArray[np.float64] = points / (2.0 * np.linalg.norm(points, axis=1).max())
    return scaled


def _hull_faces(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], list[NDArray[np.int64]]]:
    """Outward normals (F, 3) and, per face, its corners in order; coplanar triangles are merged."""
    hull = ConvexHull(points)
    same = np.abs(hull.equations[:, None] - hull.equations).max(-1) < 1e-7
    first_of_plane = same.argmax(1)
    planes = np.unique(first_of_plane)
    normals = hull.equations[planes, :3]
    loops = []
    for first, second, plane in zip(*_tangents(normals), planes, strict=True):
        corners = np.unique(hull.simplices[first_of_plane == plane])
        flat = points[corners] - points[corners].mean(0)
        angle = np.arctan2(flat @ second, flat @ first)
        loops.append(corners[np.argsort(angle)])
    return normals, loops


def _tangents(normals: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two unit vectors in each face, right-handed with its normal."""
    helper = np.where(np.abs(normals[:, :1]) < 0.9, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
    first = np.cross(normals, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return first, np.cross(normals, first)


def _one_of_each_pair(
    normals: NDArray[np.float64], points: NDArray[np.float64]
) -> NDArray[np.int64] | None:
    """Indices of one face of each opposite pair, or None without a centre of symmetry."""
    mirrored = np.abs(points[:, None] + points[None]).max(-1).min(1)
    if mirrored.max() > 1e-7:
        return None
    return np.flatnonzero(_is_upper(normals))


def _is_upper(vectors: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Exactly one of v and -v is upper: the first coordinate that is not zero decides."""
    x, y, z = np.round(vectors, 7).T
    upper: NDArray[np.bool_] = (z > 0) | ((z == 0) & ((y > 0) | ((y == 0) & (x > 0))))
    return upper


def _face_arrays(
    points: NDArray[np.float64], normals: NDArray[np.float64], edges: Edges
) -> dict[str, NDArray[np.float64]]:
    start, stop, face = edges
    # Every face is a fan of triangles from its first corner; the edges there make none.
    base = points[start[np.searchsorted(face, face)]]
    a, b = points[start], points[stop]
    sizes = np.linalg.norm(np.cross(a - base, b - base), axis=1) / 2.0
    areas = np.bincount(face, sizes).astype(np.float64)
    moments = [np.bincount(face, sizes * middle) for middle in ((a + b + base) / 3.0).T]
    first, second = _tangents(normals)
    return {
        "normals": normals,
        "tangents_1": first,
        "tangents_2": second,
        "centers": np.transpose(moments) / areas[:, None],
        "areas": areas,
    }


def _edges(loops: list[NDArray[np.int64]]) -> Edges:
    """The edges of all faces in order."""
    stop = np.concatenate([[*loop[1:], loop[0]] for loop in loops])
    face = np.repeat(np.arange(len(loops)), [len(loop) for loop in loops])
    return np.concatenate(loops), stop, face


def _edge_arrays(
    points: NDArray[np.float64],
    normals: NDArray[np.float64],
    edges: Edges,
    keep: NDArray[np.int64] | None,
) -> dict[str, NDArray]:
    """Edges with both faces; with `keep`, only upper edges, faces folded onto the kept ones."""
    start, stop, face = edges
    out = np.cross(points[stop] - points[start], normals[face])
    # Both faces of an edge meet it; sorted by its corners they stand side by side.
    low, high = np.minimum(start, stop), np.maximum(start, stop)
    pairs = np.lexsort((face, high, low)).reshape(-1, 2)
    a, b = points[low[pairs[:, 0]]], points[high[pairs[:, 0]]]
    middles, vectors = (a + b) / 2.0, b - a
    faces, outward = face[pairs], out[pairs]
    if keep is not None:
        upper = _is_upper(middles)
        middles, vectors = middles[upper], vectors[upper]
        faces, outward = faces[upper], outward[upper]
        # A face below equals its opposite with q.n reversed: the sign moves into `outward`.
        overlap = normals @ normals[keep].T
        position = np.abs(overlap).argmax(1)
        sign = np.sign(overlap[np.arange(len(normals)), position])
        outward = outward * sign[faces][..., None]
        faces = position[faces]
    return {"middles": middles, "vectors": vectors, "faces": faces, "outward": outward}
