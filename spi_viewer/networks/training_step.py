"""One step of the optimiser, the learning rate of each, and the average that becomes the model."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from spi_viewer.networks.devices import trains_in_bfloat16
from spi_viewer.networks.network import Network
from spi_viewer.networks.team import ALONE, Team
from spi_viewer.networks.training_config import TrainingConfig
from spi_viewer.networks.training_data import ClassCheck, TrainingBatch
from spi_viewer.networks.training_state import TrainingState
from spi_viewer.preprocessing.network_input import network_input

Augmentation = Callable[[Tensor, Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]


def new_optimizer(config: TrainingConfig, network: Network) -> torch.optim.AdamW:
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


class Update:
    """One step of the optimiser on one batch."""

    def __init__(
        self,
        config: TrainingConfig,
        state: TrainingState,
        place: torch.device,
        augmentation: Augmentation,
        team: Team = ALONE,
    ) -> None:
        self._config, self._state, self._place, self._team = config, state, place, team
        self._augmentation = augmentation if config.augmented else None
        self._mixed = trains_in_bfloat16(place)
        self._check = ClassCheck()

    def step(self, batch: TrainingBatch) -> Tensor:
        """Update network and average; the loss, still on the device."""
        self._check.look(batch)
        state, config = self._state, self._config
        counts, valid = batch.counts.to(self._place), batch.valid.to(self._place)
        target = batch.frame_class.to(self._place)
        # By step, so that resuming repeats it; other draws in each process of a team.
        seed = config.seed * 1_000_003 + state.step + self._team.rank * 500_009
        if self._augmentation is not None:
            generator = torch.Generator(self._place).manual_seed(seed)
            counts, valid = self._augmentation(counts, valid, target, generator)
        x = network_input(counts, valid, config.input_kind, state.pixel_statistics)
        x = x.contiguous(memory_format=torch.channels_last)
        for group in state.optimizer.param_groups:
            group["lr"] = learning_rate(config, state.step)
        state.network.train()
        with _seeded_dropout(seed, self._place):
            loss = self._loss(x, target)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._team.average_gradients(state.network)
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), config.gradient_norm)
        state.optimizer.step()
        self._team.average_buffers(state.network)
        state.step += 1
        state.frames += len(counts) * self._team.size
        _move_average(state, config.average_decay)
        return self._team.mean(loss.detach())

    def _loss(self, x: Tensor, target: Tensor) -> Tensor:
        with torch.autocast(self._place.type, torch.bfloat16, enabled=self._mixed):
            every = self._state.network.scores_to_learn(x)
        smoothing = self._config.label_smoothing
        losses = [F.cross_entropy(s.float(), target, label_smoothing=smoothing) for s in every]
        return torch.stack(losses).mean()


@contextlib.contextmanager
def _seeded_dropout(seed: int, place: torch.device) -> Iterator[None]:
    """Dropout draws from torch's global generators; they are put back afterwards."""
    devices = [place] if place.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


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
