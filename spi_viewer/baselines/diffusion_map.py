"""Diffusion map (Yoon et al. 2011, Opt. Express 19, 16542): frames as points, alike ones near.

A graph joins each frame to its nearest neighbours; a random walk on it stays among frames that are
alike. The slowest modes of the walk are the coordinates. The kernel's width is each frame's own
distance to its k-th neighbour (Zelnik-Manor & Perona 2004, NIPS 17), so that dense and thin parts
of the data are treated alike. A frame that is not in the graph takes one step of the walk into it,
which is Nystroem's extension.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import ArpackNoConvergence, eigsh
from sklearn.neighbors import NearestNeighbors

NEIGHBOURS = 12
DIMENSIONS = 8
LANDMARKS = 4000
_DECAY_FLOOR = 0.01  # of a step: parts that never meet are far apart, not infinitely so
_DENSE_BELOW = 200  # frames; so small a matrix is solved as a whole
_CHUNK = 8192  # frames that are placed at a time


@dataclass(frozen=True)
class DiffusionMap:
    """A fitted map.

    Attributes:
        reference: (M, D) float32 features of the frames that make the graph.
        widths: (M,) float32, distance of each to its k-th neighbour.
        modes: (M, d) float32 eigenvectors of the walk, the slowest first, without the constant.
        eigenvalues: (d,) float32 of the modes, 1 for one that never ends.
        neighbours: k.
    """

    reference: NDArray[np.float32]
    widths: NDArray[np.float32]
    modes: NDArray[np.float32]
    eigenvalues: NDArray[np.float32]
    neighbours: int

    @property
    def mode_weights(self) -> NDArray[np.float32]:
        """Scale of each coordinate, (d,), in which distances tell how long the walk takes.

        They are those of the commute time, 1 / sqrt(1 - eigenvalue) (Qiu & Hancock 2007), relative
        to the slowest mode's. Without them fast modes, which are noise, count as much as slow ones.
        """
        decay = 1 - np.minimum(self.eigenvalues, 1) + _DECAY_FLOOR
        return np.sqrt(decay.min(initial=1) / decay).astype(np.float32)

    def place(
        self, features: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Coordinates (N, d) of features (N, D), and how far from the graph they lie, (N,).

        The latter is the distance to the k-th neighbour in units of the neighbours' own: about 1
        in the graph, be it dense or thin there, and more for a frame unlike any in it. For N frames
        and M in the graph it costs N M distances.
        """
        if not len(features):
            return np.zeros((0, self.modes.shape[1]), np.float32), np.zeros(0, np.float32)
        index = NearestNeighbors(algorithm="brute").fit(self.reference)
        parts = [
            self._place(index, features[start : start + _CHUNK])
            for start in range(0, len(features), _CHUNK)
        ]
        return np.concatenate([p for p, _ in parts]), np.concatenate([r for _, r in parts])

    def _place(
        self, index: NearestNeighbors, features: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        distance, found = index.kneighbors(features, min(self.neighbours, len(self.reference)))
        width = distance[:, -1]
        kernel = _kernel(distance, _floored(width)[:, None] * self.widths[found])
        step = kernel / kernel.sum(1, keepdims=True)
        placed = np.einsum("nk,nkd->nd", step, self.modes[found])
        remoteness = width / np.median(self.widths[found], 1)
        return placed.astype(np.float32), remoteness.astype(np.float32)


def fit_diffusion_map(
    features: NDArray[np.float32], neighbours: int = NEIGHBOURS, dimensions: int = DIMENSIONS
) -> DiffusionMap:
    """Map of features (M, D); memory grows with M k, time with M^2 D.

    A map of fewer than two frames has coordinates of 0.
    """
    features = np.ascontiguousarray(features, np.float32)
    count = len(features)
    k = min(neighbours, count - 1)
    if k < 1:
        empty = np.zeros((count, dimensions), np.float32)
        still = np.zeros(dimensions, np.float32)
        return DiffusionMap(features, np.ones(count, np.float32), empty, still, 1)
    distance, found = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(features).kneighbors()
    widths = _floored(distance[:, -1])
    kernel = _kernel(distance, widths[:, None] * widths[found])
    rows = np.repeat(np.arange(count), k)
    graph = csr_array((kernel.ravel(), (rows, found.ravel())), shape=(count, count))
    modes, eigenvalues = _slowest_modes(graph.maximum(graph.T), dimensions)
    return DiffusionMap(features, widths.astype(np.float32), modes, eigenvalues, k)


def diffusion_coordinates(
    features: NDArray[np.float32],
    neighbours: int = NEIGHBOURS,
    dimensions: int = 2,
    landmarks: int = LANDMARKS,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Coordinates of frames, alike ones near: features (N, D) float32 -> (N, dimensions) float32.

    The map is of `landmarks` random frames and the others are placed in it, so that the cost grows
    linearly with N. The same arguments give the same coordinates.
    """
    features = np.ascontiguousarray(features, np.float32)
    chosen = features
    if len(features) > landmarks:
        rows = np.random.default_rng(seed).choice(len(features), landmarks, replace=False)
        chosen = features[np.sort(rows)]
    return fit_diffusion_map(chosen, neighbours, dimensions).place(features)[0]


def _kernel(distance: NDArray, squared_width: NDArray) -> NDArray[np.float64]:
    """exp(-d^2 / (s_i s_j)), never so small that a frame's row sums to nothing."""
    return np.exp(-np.minimum(distance.astype(np.float64) ** 2 / squared_width, 50.0))


def _floored(widths: NDArray) -> NDArray[np.float64]:
    """Widths above zero, which that of a frame among its copies is not."""
    largest = float(widths.max(initial=0.0))
    return np.maximum(widths.astype(np.float64), 1e-6 * largest if largest > 0 else 1.0)


def _slowest_modes(
    graph: csr_array, dimensions: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Right eigenvectors (M, d) of the walk's matrix D^-1 W, and eigenvalues, without the constant.

    They come from the symmetric D^-1/2 W D^-1/2, whose eigenvalues are the same. Each has unit
    mean square over the walk's stationary distribution, and a sign that does not change from call
    to call.
    """
    count = graph.shape[0]
    degree = np.asarray(graph.sum(axis=1)).ravel()
    root = diags_array(1 / np.sqrt(degree))
    walk = (root @ graph @ root).tocsr()
    vectors = _leading_vectors(walk, min(dimensions + 1, count))
    stationary = np.sqrt(degree / degree.sum())
    # Where the graph falls apart, the constant hides among other vectors of eigenvalue 1.
    vectors = vectors - np.outer(stationary, stationary @ vectors)
    weak = int(np.argmin(np.linalg.norm(vectors, axis=0)))
    vectors = np.delete(vectors, weak, axis=1)
    squares = np.maximum((vectors**2).sum(0), np.finfo(float).tiny)
    eigenvalues = (vectors * (walk @ vectors)).sum(0) / squares
    modes = vectors / stationary[:, None]
    modes *= np.sign(modes[np.abs(modes).argmax(0), np.arange(modes.shape[1])])
    missing = dimensions - modes.shape[1]
    padded = np.pad(modes, ((0, 0), (0, missing))).astype(np.float32)
    return padded, np.pad(eigenvalues, (0, missing)).astype(np.float32)


def _leading_vectors(matrix: csr_array, wanted: int) -> NDArray[np.float64]:
    """Orthonormal eigenvectors (M, wanted) of the largest eigenvalues, the largest first."""
    count = matrix.shape[0]
    if count < max(_DENSE_BELOW, 2 * wanted):
        return eigh(matrix.toarray())[1][:, ::-1][:, :wanted]
    start = np.random.default_rng(0).standard_normal(count)
    many = min(count - 1, max(4 * wanted, 40))
    try:
        # To the last digit: the slow modes differ by little, and a looser answer mixes them.
        values, vectors = eigsh(matrix, wanted, which="LA", v0=start, ncv=many)
    except ArpackNoConvergence:
        # A graph in many pieces: its eigenvalues near 1 cannot be told apart one by one.
        values, vectors = eigh(matrix.toarray(), subset_by_index=(count - wanted, count - 1))
    return vectors[:, np.argsort(-values)]
