"""A finished model judged anew: temperature, threshold and familiarity change, its weights stay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from spi_viewer.errors import ModelError
from spi_viewer.networks.checkpoint import CARD_NAME, Model, ModelCard, load_model, save_model
from spi_viewer.networks.devices import choose_device
from spi_viewer.networks.familiarity import fit_familiarity
from spi_viewer.networks.model_card import read_card
from spi_viewer.networks.origin import first_network
from spi_viewer.networks.training_config import TrainingConfig
from spi_viewer.networks.training_data import TrainingBatch, check_validation
from spi_viewer.networks.validation import calibrated_card, judge


def recalibrate(
    config: TrainingConfig,
    validation: Sequence[TrainingBatch],
    folder: Path,
    start_from: Path | None,
    device: str = "auto",
    description: dict[str, Any] | None = None,
) -> ModelCard:
    """Write the model of `start_from`, calibrated on other frames, into `folder`; its card.

    Its network may differ in what has no weights (`config.network.second_look`). The card keeps how
    the weights came about, and says under `calibrated_anew` what they were calibrated on.

    Raises ModelError for no model, one of another architecture, or a folder that holds a model.
    """
    check_validation(validation)
    if start_from is None:
        raise ModelError("0 epochs learn nothing; name the model to calibrate anew with --from")
    place = choose_device(device)
    origin = load_model(start_from)
    frames = sum(len(batch.counts) for batch in validation)
    told = {
        **(description or {}),
        "frames": frames,
        "false_positives": config.false_positives,
        "seed": config.seed,
        "weights_sha256": origin.card.weights_sha256,
    }
    if (folder / CARD_NAME).exists():
        card = read_card(folder)
        if card.training.get("calibrated_anew") == json.loads(json.dumps(told)):
            return card  # the same was interrupted while it was measured
        raise ModelError(f"{folder}: holds a model already; calibrate into another folder")
    network = first_network(config, origin).eval().requires_grad_(False)
    network = network.to(place, memory_format=torch.channels_last)  # type: ignore[call-overload]
    statistics = origin.pixel_statistics
    logits, averages = judge(network, statistics, config.input_kind, validation, place)
    frame_class = torch.cat([batch.frame_class for batch in validation]).cpu()
    training = {**origin.card.training, "calibrated_anew": told}
    card = calibrated_card(config, logits, frame_class.numpy(), validation, training)
    save_model(folder, Model(network, card, statistics, fit_familiarity(averages, frame_class)))
    return card
