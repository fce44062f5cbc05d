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
from spi_viewer.networks.checkpoint import CARD_NAME, Model, ModelCard, load_model
from spi_viewer.networks.devices import choose_device
from spi_viewer.networks.model_folder import complete_write
from spi_viewer.networks.origin import first_network, with_origin
from spi_viewer.networks.team import ALONE, Team
from spi_viewer.networks.training_config import TrainingConfig
from spi_viewer.networks.training_data import TrainingBatch, check_validation, endless
from spi_viewer.networks.training_state import (
    STATE_NAME,
    TrainingState,
    discard_state,
    load_state,
    new_average,
    save_state,
)
from spi_viewer.networks.training_step import Augmentation, Update, new_optimizer
from spi_viewer.networks.validation import finish_epoch
from spi_viewer.preprocessing.network_input import (
    InputKind,
    PixelStatistics,
    RunningPixelStatistics,
)

_STATISTICS_BATCHES = 16
_PROGRESS_STEPS = 10
_DIVERGED = "the training diverged before step {}; use a lower learning rate"


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
    start_from: Path | None = None,
    team: Team = ALONE,
    frames: dict[str, Any] | None = None,
    keep_state: bool = False,
) -> ModelCard:
    """Train, keep the best model in `folder` and return its card.

    After every epoch the averaged weights are judged on `validation`; the folder always holds the
    best so far, calibrated, beside a state from which an interrupted training resumes.
    A stream that ends is begun again if it can be. The weights of the model in `start_from` are
    what the training starts from. Each process of a team has a stream of its own; the first one
    needs the validation set, judges and writes. `frames` says what is learned from and judged on,
    in JSON values: a training is not resumed on others. With `keep_state` the state stays when all
    is learned, so that the same call returns the model at once, until `discard_state`.

    Raises ModelError for a stream or validation set without both good and bad frames, a training
    that diverges, a folder that holds another or a finished training, or a model to start from
    that is of another architecture or input.
    """
    if team.is_first:
        check_validation(validation)
    place = choose_device(device)
    batches = endless(stream)
    origin = load_model(start_from) if start_from is not None else None
    settings = asdict(config) | {"frames": frames}
    state = _start(config, place, folder, resume, batches, origin, team, settings)
    description = with_origin(description or {}, origin, team)
    update = Update(config, state, place, augmentation, team)
    steps = config.epochs * config.steps_per_epoch
    meter = _Meter(state, steps, config.steps_per_epoch)
    try:
        while state.step < steps:
            loss = update.step(next(batches))
            if (line := meter.line(loss)) is not None:
                progress(line)
            if state.step % config.steps_per_epoch == 0 and team.is_first:
                _check_finite(state)
                result = finish_epoch(config, state, validation, folder, place, description)
                save_state(folder, state, settings)
                progress(meter.epoch_line(result))
    except (KeyboardInterrupt, SystemExit):
        # At an epoch's end the model has not been judged yet: that epoch is repeated instead.
        if team.is_first and state.step % config.steps_per_epoch:
            _check_finite(state)
            save_state(folder, state, settings)
        raise
    team.wait()
    if team.is_first and not keep_state:
        discard_state(folder)
    return load_model(folder).card


def _start(
    config: TrainingConfig,
    place: torch.device,
    folder: Path,
    resume: bool,
    batches: Iterator[TrainingBatch],
    origin: Model | None,
    team: Team,
    settings: dict[str, Any],
) -> TrainingState:
    """A fresh state, or a resumed one if it belongs to these settings."""
    if team.is_first:
        complete_write(folder)
    resumable = resume and (folder / STATE_NAME).is_file()
    if resume and not resumable and (folder / CARD_NAME).is_file():
        raise ModelError(
            f"{folder}: holds a finished model; train into another folder, or start afresh"
        )
    network = first_network(config, origin)
    network = network.to(place, memory_format=torch.channels_last)  # type: ignore[call-overload]
    state = TrainingState(network, new_average(network), new_optimizer(config, network))
    if resumable:
        load_state(folder, state, settings)
    elif config.input_kind is InputKind.PER_PIXEL:
        state.pixel_statistics = _pixel_statistics(batches, origin, place, team)
    team.wait()  # until all have read a state that the first will write over
    return state


def _check_finite(state: TrainingState) -> None:
    """Raise ModelError before weights that are no numbers are kept."""
    if not all(bool(torch.isfinite(value).all()) for value in state.average.parameters()):
        raise ModelError(_DIVERGED.format(state.step))


def _pixel_statistics(
    batches: Iterator[TrainingBatch], origin: Model | None, place: torch.device, team: Team
) -> PixelStatistics:
    """Those of the model that the training starts from, or of the stream's first batches."""
    if origin is not None and origin.pixel_statistics is not None:
        return origin.pixel_statistics
    running = RunningPixelStatistics()
    for _ in range(_STATISTICS_BATCHES):
        batch = next(batches)
        running.update(batch.counts, batch.valid)
    own = running.statistics
    return PixelStatistics(
        team.share(own.mean.to(place)).cpu(), team.share(own.std.to(place)).cpu()
    )


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
            raise ModelError(_DIVERGED.format(self._state.step))
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
