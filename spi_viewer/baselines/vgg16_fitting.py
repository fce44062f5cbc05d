"""Transfer learning with VGG16: its features of labelled frames, and a regression on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from spi_viewer.baselines.fit_settings import FitSettings
from spi_viewer.baselines.labelled_features import LabelledFeatures, card_figures, labelled_features
from spi_viewer.baselines.linear_head import fit_linear_head
from spi_viewer.baselines.vgg16 import imagenet_tensors, save_vgg16
from spi_viewer.baselines.vgg16_network import VGG16, Vgg16, Vgg16Config, built
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
    settings: FitSettings,
    *,
    config: Vgg16Config = VGG16,
) -> ModelCard:
    """Fit class scores to VGG16's features of labelled frames, and write the model folder.

    Args:
        training: batches, may be endless.
        validation: what strength, temperature, threshold and familiarity are chosen on.
        folder: to write.
        settings: name, frames, false positives and device.
        config: of the network; another only for a file of another layout.

    Raises:
        ModelError: a fault in the file of weights, frames of one kind only, or a folder that cannot
            be written.
    """
    network = _without_head(config, weights_path()).to(choose_device(settings.device))

    def compute(counts: Tensor, valid: Tensor) -> Tensor:
        return _features(network, counts, valid)

    frames, report = settings.frames or FRAMES, settings.report
    learned = labelled_features(training, compute, frames, report)
    held = labelled_features(validation, compute, report=lambda n: report(len(learned) + n))
    wide = config.feature_count
    head, strength = fit_linear_head(_columns(learned, slice(wide)), _columns(held, slice(wide)))
    with torch.inference_mode():
        scores = head(torch.from_numpy(held.features[:, :wide])).numpy()
    temperature = fit_temperature(scores, held.frame_class)
    probability = probabilities(scores, temperature)
    rule = rule_among_bright(probability, held.frame_class, held.photons, settings.false_positives)
    card = ModelCard(
        name=settings.name,
        config=config,
        temperature=temperature,
        rule=rule,
        figures=card_figures(probability, held, rule.threshold),
        training={
            **settings.description,
            "frames": len(learned),
            "validation_frames": len(held),
            "inverse_regularisation": strength,
            "false_positives": settings.false_positives,
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
