"""What a training asks of the frames that it learns from, is judged on and is measured on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from spi_viewer.networks.training_data import TrainingBatch


class HeldBackSet(NamedTuple):
    """Frames that no training saw, and in words what they are."""

    conditions: str
    batches: list[TrainingBatch]


class TrainingFrames(Protocol):
    """Labelled frames for one training; pickled, for a process a device."""

    def training_stream(
        self, batch: int, seeds: tuple[int, ...], device: str
    ) -> Iterable[TrainingBatch]:
        """Endless batches to learn from; the same seeds give the same frames."""

    def validation_set(self, frames: int, seed: int) -> list[TrainingBatch]:
        """What epochs, temperature and threshold are chosen on."""

    def test_sets(self, frames: int, seed: int) -> dict[str, HeldBackSet]:
        """What the figures in model.json are measured on, by the name of the figures."""

    def description(self) -> dict[str, Any]:
        """For the model's card; JSON values."""

    def identity(self) -> dict[str, Any]:
        """What a training that is resumed must have in common with the one begun; JSON values."""
