"""A toy stream whose classes anyone can tell apart, and a model trained on nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from spi_viewer.frames import FrameClass
from spi_viewer.networks.checkpoint import Model
from spi_viewer.networks.familiarity import fit_familiarity
from spi_viewer.networks.model_card import ModelCard
from spi_viewer.networks.resnet import ResNet, ResNetConfig
from spi_viewer.networks.training import TrainingBatch


def _toy_batch(seed: int, frames: int = 32) -> TrainingBatch:
    """Rings are single, stripes multi, a soft blob non-sample, flat blank."""
    generator = torch.Generator().manual_seed(seed)
    frame_class = torch.randint(0, 4, (frames,), generator=generator)
    axis = torch.arange(128) - 63.5
    radius = torch.hypot(axis[:, None], axis)
    shapes = {
        FrameClass.SINGLE: torch.sin(radius) + 1,
        FrameClass.MULTI: (torch.sin(axis)[:, None] + 1).expand(128, 128),
        FrameClass.NON_SAMPLE: 4 * torch.exp(-radius / 20),
        FrameClass.BLANK: torch.ones(128, 128),
    }
    rates = torch.stack([shapes[c] for c in FrameClass])[frame_class]
    counts = torch.poisson(5 * rates, generator=generator)
    valid = torch.rand(frames, 128, 128, generator=generator) > 0.02
    family = ["disc" if c % 2 else "ring" for c in frame_class.tolist()]
    return TrainingBatch(counts, valid, frame_class, counts.sum((1, 2)), family)


def _toy_stream(first_seed: int, frames: int = 32) -> Iterator[TrainingBatch]:
    """Batch after batch, each of its own seed."""
    while True:
        yield _toy_batch(first_seed, frames)
        first_seed += 1


@pytest.fixture
def toy_batch() -> Callable[..., TrainingBatch]:
    """toy_batch(seed, frames)."""
    return _toy_batch


@pytest.fixture
def toy_stream() -> Callable[..., Iterator[TrainingBatch]]:
    """toy_stream(first_seed, frames)."""
    return _toy_stream


def _use_norms(network: torch.nn.Module) -> None:
    """Batch norms as if they had learned something: new ones take nothing off, or all."""
    torch.manual_seed(1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.5, 0.5)


@pytest.fixture
def use_norms() -> Callable[[torch.nn.Module], None]:
    """Gives a network batch norms as if they had learned something."""
    return _use_norms


@pytest.fixture
def untrained() -> Model:
    """A small model whose batch norms have seen something, so that they are not the identity."""
    torch.manual_seed(1)
    network = ResNet(ResNetConfig(n=1, m=1))
    _use_norms(network)
    torch.nn.init.normal_(network.fc.weight, std=0.1)
    averages = torch.rand(200, 64)
    familiarity = fit_familiarity(averages, torch.arange(200) % 4)
    card = ModelCard("small", network.config, temperature=1.7)
    return Model(network.eval(), card, None, familiarity)
