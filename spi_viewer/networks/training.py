"""Training: a plain loop over a stream of labelled frames that keeps the best model so far."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from spi_viewer.errors import ModelError
from spi_viewer.frames import FrameClass
from spi_viewer.networks import calibration
from spi_viewer.networks.augmentation import augment
from spi_viewer.networks.checkpoint import CARD_NAME, Model, ModelCard, load_model, save_model
from spi_viewer.networks.devices import choose_device, trains_in_bfloat16
from spi_viewer.networks.familiarity import fit_familiarity, pooled
from spi_viewer.networks.measurement import average_precision, false_negatives_at, figures
from spi_viewer.networks.resnet import ResNet, ResNetConfig
from spi_viewer.networks.training_state import (
    STATE_NAME,
    TrainingState,
    load_state,
    new_average,
    save_state,
)
from spi_viewer.preprocessing.network_input import (
    InputKind,
    RunningPixelStatistics,
    network_input,
)

_BATCHES_UNTIL_BOTH_CLASSES = 20
_STATISTICS_BATCHES = 16
_PROGRESS_STEPS = 10

Augmentation = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]


@dataclass
class TrainingBatch:
    """Labelled frames; anything with these attributes will do.

    Attributes:
        counts: (B, 128, 128) float32.
        valid: (B, 128, 128) bool.
        frame_class: (B,) int64 of FrameClass.
        photons: (B,) scattered by the sample.
        family: B names of particle families.
    """

    counts: Tensor
    valid: Tensor
    frame_class: Tensor
    photons: Tensor
    family: Sequence[str]


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained. An epoch is a number of steps, for streams have no end."""

    name: str = "resnet10"
    network: ResNetConfig = field(default_factory=ResNetConfig)
    input_kind: InputKind = InputKind.PER_IMAGE
    epochs: int = 30
    steps_per_epoch: int = 200
    warm_up_steps: int = 200
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    average_decay: float = 0.998
    gradient_norm: float = 1.0
    false_positives: float = 0.005
    augmented: bool = True
    seed: int = 0


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
    set without both good and bad frames, or a folder that holds another or a finished training.
    """
    _check_validation(validation)
    place = choose_device(device)
    batches = _endless(stream)
    state, settings = _start(config, place, folder, resume, batches)
    update = _Update(config, state, place, augmentation)
    steps = config.epochs * config.steps_per_epoch
    meter = _Meter(state, steps, config.steps_per_epoch)
    try:
        while state.step < steps:
            loss = update.step(next(batches))
            if (line := meter.line(loss)) is not None:
                progress(line)
            if state.step % config.steps_per_epoch == 0:
                result = _finish_epoch(config, state, validation, folder, place, description or {})
                progress(meter.epoch_line(result))
                save_state(folder, state, settings)
    except KeyboardInterrupt:
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
    state = TrainingState(network, new_average(network), _optimizer(config, network))
    if resumable:
        load_state(folder, state, settings)
    elif config.input_kind is InputKind.PER_PIXEL:
        running = RunningPixelStatistics()
        for _ in range(_STATISTICS_BATCHES):
            batch = next(batches)
            running.update(batch.counts, batch.valid)
        state.pixel_statistics = running.statistics
    return state, settings


def _optimizer(config: TrainingConfig, network: ResNet) -> torch.optim.AdamW:
    """AdamW; biases and batch norms are not decayed."""
    weights = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": weights},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay)


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Linear warm-up, then half a cosine to 1 % of the peak."""
    steps = config.epochs * config.steps_per_epoch
    warm_up = min(config.warm_up_steps, steps // 5)
    if step < warm_up:
        return config.learning_rate * (step + 1) / warm_up
    done = (step - warm_up) / max(1, steps - warm_up)
    return config.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


class _Update:
    """One step of the optimiser on one batch."""

    def __init__(
        self,
        config: TrainingConfig,
        state: TrainingState,
        place: torch.device,
        augmentation: Augmentation,
    ) -> None:
        self._config, self._state, self._place = config, state, place
        self._augmentation = augmentation if config.augmented else None
        self._mixed = trains_in_bfloat16(place)
        self._good_seen = self._bad_seen = False
        self._batches = 0

    def step(self, batch: TrainingBatch) -> Tensor:
        """Update network and average; the loss, still on the device."""
        self._check_classes(batch)
        state, config = self._state, self._config
        counts, valid = batch.counts.to(self._place), batch.valid.to(self._place)
        target = batch.frame_class.to(self._place)
        seed = config.seed * 1_000_003 + state.step  # by step, so that resuming repeats it
        if self._augmentation is not None:
            counts, valid = self._augmentation(counts, valid, torch.Generator().manual_seed(seed))
        x = network_input(counts, valid, config.input_kind, state.pixel_statistics)
        x = x.contiguous(memory_format=torch.channels_last)
        for group in state.optimizer.param_groups:
            group["lr"] = learning_rate(config, state.step)
        state.network.train()
        with self._seeded(seed):
            loss = self._loss(x, target)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), config.gradient_norm)
        state.optimizer.step()
        state.step += 1
        state.frames += len(counts)
        _move_average(state, config.average_decay)
        return loss.detach()

    def _loss(self, x: Tensor, target: Tensor) -> Tensor:
        with torch.autocast(self._place.type, torch.bfloat16, enabled=self._mixed):
            logits = self._state.network(x)
        return F.cross_entropy(logits.float(), target, label_smoothing=self._config.label_smoothing)

    def _seeded(self, seed: int) -> Any:
        """Dropout draws from torch's global generators; theirs are put back afterwards."""
        devices = [self._place] if self._place.type == "cuda" else []
        return _SeededDropout(seed, devices)

    def _check_classes(self, batch: TrainingBatch) -> None:
        """Refuse a stream in which everything is good, or everything bad."""
        if self._good_seen and self._bad_seen:
            return
        is_good = batch.frame_class == FrameClass.SINGLE
        self._good_seen |= bool(is_good.any())
        self._bad_seen |= bool((~is_good).any())
        self._batches += 1
        if not (self._good_seen and self._bad_seen) and (
            self._batches >= _BATCHES_UNTIL_BOTH_CLASSES
        ):
            _refuse_one_class("training", self._good_seen)


class _SeededDropout:
    """Context with torch's global generators seeded; restored on leaving."""

    def __init__(self, seed: int, devices: list[torch.device]) -> None:
        self._seed = seed
        self._fork = torch.random.fork_rng(devices=devices)

    def __enter__(self) -> None:
        self._fork.__enter__()
        torch.manual_seed(self._seed)

    def __exit__(self, *error: Any) -> None:
        self._fork.__exit__(*error)


@torch.no_grad()
def _move_average(state: TrainingState, decay: float) -> None:
    """Exponential moving average of weights and batch-norm statistics; young ones move faster."""
    decay = min(decay, (1 + state.step) / (10 + state.step))
    new = state.network.state_dict()
    for name, kept in state.average.state_dict().items():
        if kept.is_floating_point():
            kept.lerp_(new[name], 1 - decay)
        else:
            kept.copy_(new[name])


def _finish_epoch(
    config: TrainingConfig,
    state: TrainingState,
    validation: Sequence[TrainingBatch],
    folder: Path,
    place: torch.device,
    description: dict[str, Any],
) -> dict[str, Any]:
    """Judge the averaged weights; keep them if they are the best so far."""
    logits, averages = _evaluate(config, state, validation, place)
    frame_class = torch.cat([b.frame_class for b in validation]).cpu()
    is_good = (frame_class == FrameClass.SINGLE).numpy()
    p_good = calibration.probabilities(logits, 1.0)[:, FrameClass.SINGLE]
    precision = average_precision(p_good, is_good)
    lost = false_negatives_at(p_good, is_good, config.false_positives)
    score = (precision + 1 - lost) / 2  # the whole curve, and the end of it that matters
    entry = {
        "epoch": state.step // config.steps_per_epoch,
        "average_precision": precision,
        "false_negatives_at_allowed_false_positives": lost,
        "accuracy": float(((p_good >= 0.5) == is_good).mean()),
        "score": score,
        "kept": score >= state.best_score,  # of equals the later one, whose margin is wider
    }
    state.history.append(entry)
    if entry["kept"]:
        state.best_score = score
        training = _training_entry(config, state, validation, description)
        card = _calibrated_card(config, logits, frame_class.numpy(), validation, training)
        familiarity = fit_familiarity(averages, frame_class)
        save_model(folder, Model(state.average, card, state.pixel_statistics, familiarity))
    return entry


@torch.inference_mode()
def _evaluate(
    config: TrainingConfig,
    state: TrainingState,
    validation: Sequence[TrainingBatch],
    place: torch.device,
) -> tuple[np.ndarray, Tensor]:
    """Class scores (N, K) and pooled features (N, C) of the validation set."""
    logits, averages = [], []
    for batch in validation:
        counts, valid = batch.counts.to(place), batch.valid.to(place)
        x = network_input(counts, valid, config.input_kind, state.pixel_statistics)
        features = state.average.forward_features(x.contiguous(memory_format=torch.channels_last))
        logits.append(state.average.forward_head(features).float().cpu())
        averages.append(pooled(features).cpu())
    return torch.cat(logits).numpy(), torch.cat(averages)


def _calibrated_card(
    config: TrainingConfig,
    logits: np.ndarray,
    frame_class: np.ndarray,
    validation: Sequence[TrainingBatch],
    training: dict[str, Any],
) -> ModelCard:
    temperature = calibration.fit_temperature(logits, frame_class)
    probability = calibration.probabilities(logits, temperature)
    is_good = frame_class == FrameClass.SINGLE
    rule = calibration.decision_rule(
        probability[:, FrameClass.SINGLE], is_good, config.false_positives
    )
    photons = torch.cat([b.photons for b in validation]).cpu().numpy()
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


def _finish(folder: Path) -> ModelCard:
    """Leave only the model behind."""
    (folder / STATE_NAME).unlink(missing_ok=True)
    return load_model(folder).card


def _check_validation(validation: Sequence[TrainingBatch]) -> None:
    good = [batch.frame_class == FrameClass.SINGLE for batch in validation]
    if not good:
        raise ModelError("training needs validation frames, and got none")
    is_good = torch.cat(good)
    if is_good.all() or not is_good.any():
        _refuse_one_class("validation", bool(is_good.all()))


def _refuse_one_class(name: str, good: bool) -> None:
    kind, lacking = ("good", "bad") if good else ("bad", "good")
    raise ModelError(
        f"the {name} frames are all {kind}; a network learns only from {kind} and {lacking} ones"
    )


def _endless(stream: Iterable[TrainingBatch]) -> Iterator[TrainingBatch]:
    """Begin a finite stream again whenever it ends."""
    while True:
        empty = True
        for batch in stream:
            empty = False
            yield batch
        if empty:
            raise ModelError("the stream of training frames ended before the training did")


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
