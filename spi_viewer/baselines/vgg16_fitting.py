"""Transfer learning with VGG16: its features of labelled frames, and a regression on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spi_viewer.baselines.labelled_features import LabelledFeatures, Report, labelled_features
from spi_viewer.baselines.linear_head import fit_linear_head
from spi_viewer.baselines.vgg16 import (
    VGG16,
    Vgg16,
    Vgg16Config,
    built,
    imagenet_tensors,
    save_vgg16,
)
from spi_viewer.baselines.vgg16_weights import weights_path
from spi_viewer.networks.calibration import fit_temperature, probabilities
from spi_viewer.networks.devices import choose_device
from spi_viewer.networks.familiarity import fit_familiarity, pooled
from spi_viewer.networks.model_card import CLASSES, ModelCard
from spi_viewer.networks.training_data import TrainingBatch
from spi_viewer.networks.validation import rule_among_bright
from spi_viewer.preprocessing.network_input import InputKind, network_input

FRAMES = 4096


def fit_vgg16(
    training: Iterable[TrainingBatch],
    validation: Sequence[TrainingBatch],
    folder: Path,
    *,
    name: str,
    frames: int = FRAMES,
    weights: Path | None = None,
    config: Vgg16Config = VGG16,
    false_positives: float = 0.005,
    device: str = "auto",
    description: dict[str, Any] | None = None,
    report: Report = lambda _: None,
) -> ModelCard:
    """Fit class scores to VGG16's features of labelled frames, and write the model folder.

    Args:
        training: batches, may be endless.
        validation: what strength, temperature, threshold and familiarity are chosen on.
        folder: to write.
        name: of the model.
        frames: of `training` to take.
        weights: the file of ImageNet's weights; None: where `weights_path` says.
        config: of the network; another only for a file of another layout.
        false_positives: rate of bad frames that the threshold lets through.
        device: auto, cpu or cuda.
        description: of the frames, for the card.
        report: called with the number of frames so far.

    Raises:
        ModelError: a fault in the file of weights, frames of one kind only, or a folder that cannot
            be written.
    """
    network = _without_head(config, weights_path(weights)).to(choose_device(device))

    def compute(counts: Tensor, valid: Tensor) -> Tensor:
        return _features(network, counts, valid)

    learned = labelled_features(training, compute, frames, report)
    held = labelled_features(validation, compute, report=lambda n: report(len(learned) + n))
    wide = config.feature_count
    head, strength = fit_linear_head(_columns(learned, slice(wide)), _columns(held, slice(wide)))
    with torch.inference_mode():
        scores = head(torch.from_numpy(held.features[:, :wide])).numpy()
    temperature = fit_temperature(scores, held.frame_class)
    probability = probabilities(scores, temperature)
    card = ModelCard(
        name=name,
        config=config,
        temperature=temperature,
        rule=rule_among_bright(probability, held.frame_class, held.photons, false_positives),
        training={
            **(description or {}),
            "frames": len(learned),
            "validation_frames": len(held),
            "inverse_regularisation": strength,
            "false_positives": false_positives,
        },
    )
    averages = torch.from_numpy(held.features[:, wide:])
    familiarity = fit_familiarity(averages, torch.from_numpy(held.frame_class))
    save_vgg16(folder, card, head, familiarity)
    return card


def _without_head(config: Vgg16Config, path: Path) -> Vgg16:
    """The network with class scores that are never asked for."""
    head = nn.Linear(config.feature_count, len(CLASSES))
    scores = {f"head.{name}": value for name, value in head.state_dict().items()}
    return built(config, imagenet_tensors(config, path) | scores)


def _features(network: Vgg16, counts: Tensor, valid: Tensor) -> Tensor:
    """The regression's features, then the averages that familiarity is judged by: (B, 8704)."""
    device = network.head.weight.device
    x = network_input(counts.to(device), valid.to(device), InputKind.PER_IMAGE)
    maps = network.forward_features(x)
    return torch.cat([network.fully_connected(maps), pooled(maps)], 1)


def _columns(data: LabelledFeatures, columns: slice) -> LabelledFeatures:
    return replace(data, features=data.features[:, columns])
