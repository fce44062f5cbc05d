"""Whole trainings, from the frames to the figures in model.json, on one device or several."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spi_viewer.classifiers import load_classifier
from spi_viewer.networks.measurement import measure
from spi_viewer.networks.model_card import ModelCard, read_card
from spi_viewer.networks.model_folder import save_figures
from spi_viewer.networks.recalibration import recalibrate
from spi_viewer.networks.team import ALONE, Team
from spi_viewer.networks.team_processes import check_devices, run_team
from spi_viewer.networks.training import TrainingProgress, train
from spi_viewer.networks.training_config import TrainingConfig
from spi_viewer.networks.training_state import completed_steps, discard_state
from spi_viewer.training_frames import SimulatedData, TrainingFrames

__all__ = ["SimulatedData", "measure_model", "train_model", "train_on_simulation"]

Report = Callable[[TrainingProgress], None]


def train_model(
    config: TrainingConfig,
    data: TrainingFrames,
    folder: Path,
    *,
    batch: int = 64,
    validation_frames: int = 4096,
    test_frames: int = 8192,
    start_from: Path | None = None,
    device: str = "auto",
    devices: int = 1,
    progress: Report = lambda _: None,
    resume: bool = True,
    description: dict[str, Any] | None = None,
) -> ModelCard:
    """Train a network, measure it on frames that it never saw, and return its card.

    A step takes `batch` frames on each of `devices`: processes that train together, one a GPU, or
    all on the CPU if that is `device`. The training starts from the weights of the model folder
    `start_from`, of the same architecture, if there is one; with 0 epochs that model is calibrated
    anew and measured (`networks.recalibration`).

    Raises:
        SpiViewerError: frames that do not exist. ModelError: see `networks.training.train`.
    """
    check_devices(devices, device)
    work = functools.partial(
        _train,
        config=config,
        data=data,
        folder=folder,
        batch=batch,
        validation_frames=validation_frames,
        start_from=start_from,
        resume=resume,
        description={**(description or {}), **data.description()},
        frames={
            **data.identity(),
            "validation_frames": validation_frames,
            "batch": batch,
            "started_from": read_card(start_from).weights_sha256 if start_from else None,
        },
    )
    if devices == 1:
        work(ALONE, device, progress)
    else:
        run_team(work, devices, device, progress)
    measure_model(folder, data, test_frames, config.seed, device)
    discard_state(folder)
    return read_card(folder)


def train_on_simulation(
    config: TrainingConfig, data: SimulatedData, folder: Path, **options: Any
) -> ModelCard:
    """`train_model` on simulated frames, with its options.

    Validation frames are of the held-out families, or of all where none is held out. The figures
    `test` are of families that were trained on, `test_held_out` of the others.
    """
    return train_model(config, data, folder, **options)


def measure_model(
    folder: Path, data: TrainingFrames, frames: int, seed: int, device: str = "auto"
) -> None:
    """Put figures of frames that it never saw into a model's card."""
    classifier = load_classifier(folder, device)
    for name, test in data.test_sets(frames, seed).items():
        save_figures(
            folder, {name: {"conditions": test.conditions, **measure(classifier, test.batches)}}
        )


def _train(
    team: Team,
    device: str,
    report: Report,
    *,
    config: TrainingConfig,
    data: TrainingFrames,
    folder: Path,
    batch: int,
    validation_frames: int,
    start_from: Path | None,
    resume: bool,
    description: dict[str, Any],
    frames: dict[str, Any],
) -> None:
    """What one process of a training does."""
    validation = data.validation_set(validation_frames, config.seed) if team.is_first else []
    if not config.epochs:
        if team.is_first:
            recalibrate(config, validation, folder, start_from, device, description)
        return
    done = completed_steps(folder) if resume else 0
    seeds = (config.seed, done, team.rank) if team.size > 1 else (config.seed, done)
    train(
        config,
        data.training_stream(batch, seeds, device),
        validation,
        folder,
        progress=report,
        resume=resume,
        device=device,
        description=description,
        start_from=start_from,
        team=team,
        frames=frames,
        keep_state=True,  # an interrupted measurement is made up for
    )
