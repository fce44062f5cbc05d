"""Training: a plain loop over a stream of labelled frames that keeps the best model so far."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spi_viewer.errors import ModelError
from spi_viewer.networks.augmentation import augment
from spi_viewer.networks.checkpoint import CARD_NAME, ModelCard, load_model
from spi_viewer.networks.devices import choose_device
from spi_viewer.networks.resnet import ResNet
from spi_viewer.networks.training_config import TrainingConfig
from spi_viewer.networks.training_data import TrainingBatch, check_validation, endless
from spi_viewer.networks.training_state import (
    STATE_NAME,
    TrainingState,
    load_state,
    new_average,
    save_state,
)
from spi_viewer.networks.training_step import Augmentation, Update, new_optimizer
from spi_viewer.networks.validation import finish_epoch
from spi_viewer.preprocessing.network_input import InputKind, RunningPixelStatistics

_STATISTICS_BATCHES = 16
_PROGRESS_STEPS = 10


@dataclass(frozen=True)
class TrainingProgress:
    """What the progress callback is told; `validation` only at the end of an epoch."""

    step: int
    steps: int
    epoch: int
    loss: float
    frames_per_s: float
    validation: dict[str, Any] | None = None


def train(
    config: TrainingConfig,
    stream: Iterable[TrainingBatch],
    validation: Sequence[TrainingBatch],
    folder: Path,
    *,
    progress: Callable[[TrainingProgress], None] = lambda _: None,
    resume: bool = True,
    device: str = "auto",
    description: dict[str, Any] | None = None,
    augmentation: Augmentation = augment,
) -> ModelCard:
    """Train, keep the best model in `folder` and return its card.

    After every epoch the averaged weights are judged on `validation`; the folder always holds the
    best so far, calibrated, beside a state from which an interrupted training resumes.
    A stream that ends is begun again if it can be. Raises ModelError for a stream or validation
    set without both good and bad frames, a training that diverges, or a folder that holds
    another or a finished training.
    """
    check_validation(validation)
    place = choose_device(device)
    batches = endless(stream)
    state, settings = _start(config, place, folder, resume, batches)
    update = Update(config, state, place, augmentation)
    steps = config.epochs * config.steps_per_epoch
    meter = _Meter(state, steps, config.steps_per_epoch)
    try:
        while state.step < steps:
            loss = update.step(next(batches))
            if (line := meter.line(loss)) is not None:
                progress(line)
            if state.step % config.steps_per_epoch == 0:
                result = finish_epoch(config, state, validation, folder, place, description or {})
                progress(meter.epoch_line(result))
                save_state(folder, state, settings)
    except KeyboardInterrupt:
        # At an epoch's end the model has not been judged yet: that epoch is repeated instead.
        if state.step % config.steps_per_epoch:
            save_state(folder, state, settings)
        raise
    return _finish(folder)


def _start(
    config: TrainingConfig,
    place: torch.device,
    folder: Path,
    resume: bool,
    batches: Iterator[TrainingBatch],
) -> tuple[TrainingState, dict[str, Any]]:
    """A fresh or resumed state, and the settings it belongs to."""
    settings = asdict(config)
    resumable = resume and (folder / STATE_NAME).is_file()
    if resume and not resumable and (folder / CARD_NAME).is_file():
        raise ModelError(
            f"{folder}: holds a finished model; train into another folder, or start afresh"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = ResNet(config.network)
    network = network.to(place, memory_format=torch.channels_last)  # type: ignore[call-overload]
    state = TrainingState(network, new_average(network), new_optimizer(config, network))
    if resumable:
        load_state(folder, state, settings)
    elif config.input_kind is InputKind.PER_PIXEL:
        running = RunningPixelStatistics()
        for _ in range(_STATISTICS_BATCHES):
            batch = next(batches)
            running.update(batch.counts, batch.valid)
        state.pixel_statistics = running.statistics
    return state, settings


def _finish(folder: Path) -> ModelCard:
    """Leave only the model behind."""
    (folder / STATE_NAME).unlink(missing_ok=True)
    return load_model(folder).card


class _Meter:
    """Mean loss and speed since the last line."""

    def __init__(self, state: TrainingState, steps: int, steps_per_epoch: int) -> None:
        self._state, self._steps, self._steps_per_epoch = state, steps, steps_per_epoch
        self._losses: list[Tensor] = []
        self._since, self._frames = time.perf_counter(), state.frames
        self._last = TrainingProgress(state.step, steps, 0, math.nan, 0.0)

    def line(self, loss: Tensor) -> TrainingProgress | None:
        """Every tenth step; reading the loss each time would make a GPU wait."""
        self._losses.append(loss)
        if len(self._losses) < _PROGRESS_STEPS and self._state.step < self._steps:
            return None
        mean = float(torch.stack(self._losses).mean())
        if not math.isfinite(mean):
            raise ModelError(
                f"the training diverged before step {self._state.step}; use a lower learning rate"
            )
        now = time.perf_counter()
        speed = (self._state.frames - self._frames) / max(now - self._since, 1e-9)
        self._losses, self._since, self._frames = [], now, self._state.frames
        epoch = (self._state.step - 1) // self._steps_per_epoch + 1
        self._last = TrainingProgress(self._state.step, self._steps, epoch, mean, speed)
        return self._last

    def epoch_line(self, result: dict[str, Any]) -> TrainingProgress:
        """The last line again, with the epoch's validation."""
        last, self._since, self._frames = self._last, time.perf_counter(), self._state.frames
        return TrainingProgress(
            self._state.step, last.steps, result["epoch"], last.loss, last.frames_per_s, result
        )
