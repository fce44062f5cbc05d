"""Clusters of frames in the coordinates of a diffusion map, and what labels say of each.

Labels of people are votes: a cluster is what most of its labelled frames are. A few labels will do,
for the frames without any still shape the map and its clusters.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from spi_viewer.baselines.diffusion_map import DIMENSIONS, NEIGHBOURS, DiffusionMap
from spi_viewer.baselines.diffusion_map import fit_diffusion_map as fit_map
from spi_viewer.frames import FrameClass

CLUSTERS = 32
UNLABELLED = -1
_LEAST_FRAMES = 4  # of a cluster, on average
_LEAST_WIDTH = 1e-3  # the coordinates themselves spread over about 1
_DOUBT = 2.0  # votes that a cluster's own are mixed with, in the proportions of all labels


class Judgement(NamedTuple):
    """What the clusters say of N frames: (N, 4), (N, d) and (N,), see `DiffusionMap.place`."""

    probabilities: NDArray[np.float32]
    coordinates: NDArray[np.float32]
    remoteness: NDArray[np.float32]


@dataclass(frozen=True)
class LabelledClusters:
    """A map, its clusters and their votes.

    Attributes:
        map: the diffusion map.
        centres: (K, d) float32 of the clusters, in the map's coordinates times `mode_weights`.
        votes: (K, 4) float32, labelled frames of each class in each cluster.
        width: of the clusters, root mean square distance of the map's frames to their centres.
    """

    map: DiffusionMap
    centres: NDArray[np.float32]
    votes: NDArray[np.float32]
    width: float

    def by_cluster(self) -> NDArray[np.float64]:
        """Probabilities of the classes in each cluster, (K, 4).

        A cluster without a label has the proportions of all labels: nothing is known of it.
        """
        total = self.votes.sum(0) + 1 / len(FrameClass)
        mixed = self.votes + _DOUBT * total / total.sum()
        return mixed / mixed.sum(1, keepdims=True)

    def judge(self, features: NDArray[np.float32]) -> Judgement:
        """Place frames among the clusters: features (N, D).

        A frame has the probabilities of its cluster, and between two clusters some of both: each
        counts as a Gaussian of their common width.
        """
        coordinates, remoteness = _weighted(self.map, features)
        squares = _squares(coordinates, self.centres) / (2 * self.width**2)
        weight = np.exp(squares.min(1, keepdims=True) - squares)
        mixed = weight / weight.sum(1, keepdims=True) @ self.by_cluster()
        return Judgement(mixed.astype(np.float32), coordinates, remoteness)


def fit_labelled_clusters(
    features: NDArray[np.float32],
    frame_class: NDArray[np.int64],
    *,
    clusters: int = CLUSTERS,
    neighbours: int = NEIGHBOURS,
    dimensions: int = DIMENSIONS,
    seed: int = 0,
) -> LabelledClusters:
    """Map and clusters of features (N, D), voted on by classes (N,) of FrameClass or UNLABELLED.

    There are fewer clusters than asked for where these would be of less than four frames.
    """
    graph = fit_map(features, neighbours, dimensions)
    coordinates, _ = _weighted(graph, graph.reference)  # placed as frames outside of it are
    count = max(1, min(clusters, len(features) // _LEAST_FRAMES))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer places than clusters are fine
        means = KMeans(count, n_init=4, random_state=seed).fit(coordinates)
    centres = means.cluster_centers_.astype(np.float32)
    squares = _squares(coordinates, centres)
    cluster = squares.argmin(1)
    votes = np.zeros((count, len(FrameClass)), np.float32)
    labelled = frame_class != UNLABELLED
    np.add.at(votes, (cluster[labelled], frame_class[labelled]), 1)
    width = max(float(np.sqrt(squares.min(1).mean())), _LEAST_WIDTH)
    return LabelledClusters(graph, centres, votes, width)


def few_labels(frame_class: NDArray[np.int64], per_class: int, seed: int = 0) -> NDArray[np.int64]:
    """The classes (N,) with all but `per_class` frames of each made UNLABELLED, at random."""
    kept = np.full_like(frame_class, UNLABELLED)
    random = np.random.default_rng(seed)
    for one in np.unique(frame_class[frame_class != UNLABELLED]):
        rows = np.flatnonzero(frame_class == one)
        chosen = random.permutation(rows)[:per_class]
        kept[chosen] = one
    return kept


def _weighted(
    graph: DiffusionMap, features: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Coordinates in which distances tell how long the walk takes, and remoteness."""
    coordinates, remoteness = graph.place(features)
    return coordinates * graph.mode_weights, remoteness


def _squares(coordinates: NDArray, centres: NDArray) -> NDArray:
    """Squared distances of rows (N, d) from centres (K, d), (N, K)."""
    return np.square(coordinates[:, None] - centres[None]).sum(2)
