"""Clusters of frames in the coordinates of a diffusion map, and what labels say of each.

Labels of people are votes: a cluster is what most of its labelled frames are. A few labels will do,
for the frames without any still shape the map and its clusters.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

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
_DOUBT = 2.0  # votes that a cluster's own are mixed with, in the proportions of all labels


@dataclass(frozen=True)
class LabelledClusters:
    """A map, its clusters and their votes.

    Attributes:
        map: the diffusion map.
        centres: (K, d) float32 of the clusters, in the map's coordinates.
        votes: (K, 4) float32, labelled frames of each class in each cluster.
    """

    map: DiffusionMap
    centres: NDArray[np.float32]
    votes: NDArray[np.float32]

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Of the classes in each cluster, (K, 4).

        A cluster without a label has the proportions of all labels: nothing is known of it.
        """
        total = self.votes.sum(0) + 1 / len(FrameClass)
        mixed = self.votes + _DOUBT * total / total.sum()
        return (mixed / mixed.sum(1, keepdims=True)).astype(np.float32)

    def place(self, features: NDArray[np.float32]) -> tuple[NDArray, NDArray, NDArray]:
        """Coordinates (N, d), clusters (N,) int64 and remoteness (N,) of features (N, D)."""
        coordinates, remoteness = self.map.place(features)
        return coordinates, nearest(coordinates, self.centres), remoteness


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
    coordinates = graph.place(graph.reference)[0]  # as frames outside of the graph are placed
    count = max(1, min(clusters, len(features) // _LEAST_FRAMES))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer places than clusters are fine
        means = KMeans(count, n_init=4, random_state=seed).fit(coordinates)
    centres = means.cluster_centers_.astype(np.float32)
    cluster = nearest(coordinates, centres)
    votes = np.zeros((count, len(FrameClass)), np.float32)
    labelled = frame_class != UNLABELLED
    np.add.at(votes, (cluster[labelled], frame_class[labelled]), 1)
    return LabelledClusters(graph, centres, votes)


def few_labels(frame_class: NDArray[np.int64], per_class: int, seed: int = 0) -> NDArray[np.int64]:
    """The classes (N,) with all but `per_class` frames of each made UNLABELLED, at random."""
    kept = np.full_like(frame_class, UNLABELLED)
    random = np.random.default_rng(seed)
    for one in np.unique(frame_class[frame_class != UNLABELLED]):
        rows = np.flatnonzero(frame_class == one)
        chosen = random.permutation(rows)[:per_class]
        kept[chosen] = one
    return kept


def nearest(coordinates: NDArray, centres: NDArray) -> NDArray[np.int64]:
    """The centre that is nearest to each row: (N, d), (K, d) -> (N,)."""
    squares = np.square(coordinates[:, None] - centres[None]).sum(2)
    return squares.argmin(1)
