"""The incumbent: frames are placed in a diffusion map and judged by the labels around them.

Yoon et al. 2011 clustered a data set and had people name the clusters. Here a map of some frames is
kept, and any frame is placed in it, so that it can be judged one by one and live.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from spi_viewer.baselines import diffusion_map, labelled_clusters
from spi_viewer.baselines.baseline_classifier import BaselineClassifier
from spi_viewer.baselines.baseline_folder import Shape, load_baseline, save_baseline
from spi_viewer.baselines.fit_settings import FitSettings
from spi_viewer.baselines.labelled_clusters import LabelledClusters, fit_labelled_clusters
from spi_viewer.baselines.labelled_features import card_figures, distinct, labelled_features
from spi_viewer.baselines.ring_features import FEATURE_COUNT, ring_features
from spi_viewer.errors import ModelError
from spi_viewer.networks.classifier import find_model
from spi_viewer.networks.devices import choose_device
from spi_viewer.networks.frame_classifier import Classification
from spi_viewer.networks.model_card import CARD_NAME, CLASSES, ModelCard
from spi_viewer.networks.training_data import TrainingBatch
from spi_viewer.networks.validation import rule_among_bright

KIND = "diffusion_map"
FRAMES = diffusion_map.LANDMARKS
_KEPT = 0.995  # of the held-out frames are no more remote from the graph than the limit
_MOST = 10_000
_MAP = ("reference", "widths", "modes", "eigenvalues")


@dataclass(frozen=True)
class DiffusionMapConfig:
    """How the map is walked.

    Attributes:
        neighbours: of each frame in the graph.
        dimensions: coordinates of a frame.
        clusters: that the frames were grouped in.
    """

    neighbours: int = diffusion_map.NEIGHBOURS
    dimensions: int = diffusion_map.DIMENSIONS
    clusters: int = labelled_clusters.CLUSTERS

    def check(self) -> None:
        """Raise ValueError for values that make no map."""
        for name, value in vars(self).items():
            if type(value) is not int or not 1 <= value <= _MOST:
                raise ValueError(f"{name} must be a whole number from 1 to {_MOST}")


_DEFAULT = DiffusionMapConfig()


class DiffusionMapClassifier(BaselineClassifier):
    """Probabilities of a frame's clusters; remote from the graph it is out of distribution."""

    def __init__(self, card: ModelCard, clusters: LabelledClusters, limit: float) -> None:
        super().__init__(card)
        self._clusters = clusters
        self._limit = limit

    @classmethod
    def load(cls, name_or_folder: str | Path, device: str = "auto") -> DiffusionMapClassifier:
        """Load a model folder; raises ModelError. It computes on the CPU whatever the device."""
        choose_device(device)
        folder = find_model(name_or_folder)
        card, tensors = load_baseline(folder, KIND, DiffusionMapConfig, _shapes)
        part = {name: value.numpy() for name, value in tensors.items()}
        if not len(part["reference"]) == len(part["widths"]) == len(part["modes"]):
            raise ModelError(
                f"{folder}: {CARD_NAME} does not fit: the map's parts differ in length"
            )
        if min(part["widths"].min(), part["width"]) <= 0 or part["votes"].min() < 0:
            raise ModelError(f"{folder}: {CARD_NAME} does not fit: widths or votes below 0")
        graph = diffusion_map.DiffusionMap(
            neighbours=card.config.neighbours,
            **{name: part[name] for name in _MAP},
        )
        clusters = LabelledClusters(graph, part["centres"], part["votes"], float(part["width"]))
        return cls(card, clusters, float(part["limit"]))

    def _judge(self, counts: Tensor, valid: Tensor) -> Classification:
        probabilities, places, remoteness = self._clusters.judge(
            ring_features(counts, valid).numpy()
        )
        return Classification(probabilities, remoteness > self._limit, places)


def fit_diffusion_map(
    training: Iterable[TrainingBatch],
    validation: Sequence[TrainingBatch],
    folder: Path,
    settings: FitSettings,
    *,
    config: DiffusionMapConfig = _DEFAULT,
    labels_per_class: int | None = None,
) -> ModelCard:
    """Map labelled frames, name its clusters by their labels, and write the model folder.

    Args:
        training: batches, may be endless.
        validation: what the threshold and the limit of remoteness are chosen on.
        folder: to write.
        settings: name, frames and false positives; memory and time of a judgement grow with frames.
        config: neighbours, dimensions and clusters.
        labels_per_class: labels that are used, as if the other frames had none; None: all.

    Raises:
        ModelError: frames of one kind only, or a folder that cannot be written.
    """
    frames = settings.frames or FRAMES
    learned = distinct(labelled_features(training, ring_features, frames, settings.report))
    held = labelled_features(validation, ring_features)
    frame_class = learned.frame_class
    if labels_per_class is not None:
        frame_class = labelled_clusters.few_labels(frame_class, labels_per_class, settings.seed)
    clusters = fit_labelled_clusters(
        learned.features, frame_class, seed=settings.seed, **vars(config)
    )
    probability, _, remoteness = clusters.judge(held.features)
    rule = rule_among_bright(probability, held.frame_class, held.photons, settings.false_positives)
    card = ModelCard(
        name=settings.name,
        config=DiffusionMapConfig(
            clusters.map.neighbours, config.dimensions, len(clusters.centres)
        ),
        rule=rule,
        figures=card_figures(probability, held, rule.threshold),
        training={
            **settings.description,
            "frames": len(learned),
            "labels": int((frame_class != labelled_clusters.UNLABELLED).sum()),
            "validation_frames": len(held),
            "false_positives": settings.false_positives,
        },
    )
    _save(folder, card, clusters, float(np.quantile(remoteness, _KEPT)))
    return card


def _save(folder: Path, card: ModelCard, clusters: LabelledClusters, limit: float) -> None:
    graph = clusters.map
    arrays = {
        **{name: getattr(graph, name) for name in _MAP},
        "centres": clusters.centres,
        "votes": clusters.votes,
        "width": np.float32(clusters.width),
        "limit": np.float32(limit),
    }
    tensors = {name: torch.tensor(a) for name, a in arrays.items()}
    save_baseline(folder, KIND, card, tensors)


def _shapes(config: DiffusionMapConfig) -> dict[str, Shape]:
    return {
        "reference": (-1, FEATURE_COUNT),
        "widths": (-1,),
        "modes": (-1, config.dimensions),
        "eigenvalues": (config.dimensions,),
        "centres": (config.clusters, config.dimensions),
        "votes": (config.clusters, len(CLASSES)),
        "width": (),
        "limit": (),
    }
