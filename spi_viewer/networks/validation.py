"""The end of an epoch: judge the averaged weights, and keep them if none were better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spi_viewer.frames import DecisionRule, FrameClass
from spi_viewer.networks import calibration
from spi_viewer.networks.checkpoint import Model, ModelCard, save_model
from spi_viewer.networks.familiarity import fit_familiarity, pooled
from spi_viewer.networks.measurement import (
    average_precision,
    bright_frames,
    false_negatives_about,
    false_negatives_at,
    figures,
)
from spi_viewer.networks.network import Network
from spi_viewer.networks.training_config import TrainingConfig
from spi_viewer.networks.training_data import TrainingBatch
from spi_viewer.networks.training_state import TrainingState
from spi_viewer.preprocessing.network_input import InputKind, PixelStatistics, network_input


def finish_epoch(
    config: TrainingConfig,
    state: TrainingState,
    validation: Sequence[TrainingBatch],
    folder: Path,
    place: torch.device,
    description: dict[str, Any],
) -> dict[str, Any]:
    """Judge the averaged weights; keep them if they are the best so far."""
    network, statistics = state.average, state.pixel_statistics
    logits, averages = judge(network, statistics, config.input_kind, validation, place)
    frame_class = torch.cat([batch.frame_class for batch in validation]).cpu()
    is_good = (frame_class == FrameClass.SINGLE).numpy()
    p_good = calibration.probabilities(logits, 1.0)[:, FrameClass.SINGLE]
    judgeable = _judgeable(_photons(validation), frame_class.numpy())
    precision = average_precision(p_good, is_good)
    judged = p_good[judgeable], is_good[judgeable], config.false_positives
    # The whole curve, and the end of it that matters.
    score = (precision + 1 - false_negatives_about(*judged)) / 2
    entry = {
        "epoch": state.step // config.steps_per_epoch,
        "average_precision": precision,
        "false_negatives_at_allowed_false_positives": false_negatives_at(*judged),
        "accuracy": float(((p_good >= 0.5) == is_good).mean()),
        "score": score,
        "kept": score >= state.best_score,  # of equals the later one, whose margin is wider
    }
    state.history.append(entry)
    if entry["kept"]:
        state.best_score = score
        training = _training_entry(config, state, validation, description)
        card = calibrated_card(config, logits, frame_class.numpy(), validation, training)
        familiarity = fit_familiarity(averages, frame_class)
        save_model(folder, Model(network, card, statistics, familiarity))
    return entry


@torch.inference_mode()
def judge(
    network: Network,
    statistics: PixelStatistics | None,
    input_kind: InputKind,
    validation: Sequence[TrainingBatch],
    place: torch.device,
) -> tuple[NDArray, Tensor]:
    """Class scores (N, K) and pooled features (N, C) of the validation set."""
    logits, averages = [], []
    for batch in validation:
        counts, valid = batch.counts.to(place), batch.valid.to(place)
        x = network_input(counts, valid, input_kind, statistics)
        features = network.forward_features(x.contiguous(memory_format=torch.channels_last))
        logits.append(network.forward_head(features).float().cpu())
        averages.append(pooled(features).cpu())
    return torch.cat(logits).numpy(), torch.cat(averages)


def calibrated_card(
    config: TrainingConfig,
    logits: NDArray,
    frame_class: NDArray,
    validation: Sequence[TrainingBatch],
    training: dict[str, Any],
) -> ModelCard:
    """Temperature, threshold and figures, all of class scores (N, K) of the validation set."""
    temperature = calibration.fit_temperature(logits, frame_class)
    probability = calibration.probabilities(logits, temperature)
    photons = _photons(validation)
    rule = rule_among_bright(probability, frame_class, photons, config.false_positives)
    family = [name for batch in validation for name in batch.family]
    measured = figures(probability, frame_class, photons, family, rule.threshold)
    return ModelCard(
        name=config.name,
        config=config.network,
        input_kind=config.input_kind,
        temperature=temperature,
        rule=rule,
        training=training,
        figures={"validation": measured},
    )


def rule_among_bright(
    probability: NDArray, frame_class: NDArray, photons: NDArray, false_positives: float
) -> DecisionRule:
    """Rule for a rate of false positives among the frames that are bright enough to be judged.

    Probabilities (N, 4), classes (N,) and photons (N,) of validation frames.
    """
    judgeable = _judgeable(photons, frame_class)
    is_good = frame_class[judgeable] == FrameClass.SINGLE
    return calibration.decision_rule(
        probability[judgeable, FrameClass.SINGLE], is_good, false_positives
    )


def _photons(validation: Sequence[TrainingBatch]) -> NDArray:
    return torch.cat([batch.photons for batch in validation]).cpu().numpy()


def _judgeable(photons: NDArray, frame_class: NDArray) -> NDArray:
    """Frames bright enough to set a threshold by; all, if those are all good or all bad."""
    bright = bright_frames(photons, frame_class)
    is_good = frame_class[bright] == FrameClass.SINGLE
    return bright if is_good.any() and not is_good.all() else np.ones_like(bright)


def _training_entry(
    config: TrainingConfig,
    state: TrainingState,
    validation: Sequence[TrainingBatch],
    description: dict[str, Any],
) -> dict[str, Any]:
    recipe = asdict(config)
    del recipe["network"], recipe["name"], recipe["input_kind"]
    return {
        **description,
        "recipe": recipe,
        "frames_seen": state.frames,
        "validation_frames": sum(len(batch.counts) for batch in validation),
        "history": list(state.history),
    }
