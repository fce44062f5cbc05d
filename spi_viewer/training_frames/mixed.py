"""Simulated and measured frames in the same training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from spi_viewer.networks.training_data import TrainingBatch
from spi_viewer.training_frames.measured import MeasuredData
from spi_viewer.training_frames.simulated import SimulatedData
from spi_viewer.training_frames.source import HeldBackSet


@dataclass(frozen=True)
class MixedData:
    """Both kinds in every batch.

    Attributes:
        measured_share: of each batch, above 0 and below 1.
    """

    simulated: SimulatedData
    measured: MeasuredData
    measured_share: float = 0.5

    def training_stream(
        self, batch: int, seeds: tuple[int, ...], device: str
    ) -> Iterable[TrainingBatch]:
        """Endless batches with at least one frame of each kind."""
        measured = min(max(round(batch * self.measured_share), 1), batch - 1)
        return _joined(
            self.simulated.training_stream(batch - measured, seeds, device),
            self.measured.training_stream(measured, seeds, device),
        )

    def validation_set(self, frames: int, seed: int) -> list[TrainingBatch]:
        """Of both, as many simulated ones as measured ones at most: the beamtime has its say."""
        measured = self.measured.validation_set(frames, seed)
        count = max(sum(len(batch.frame_class) for batch in measured), 256)
        return measured + self.simulated.validation_set(min(count, frames), seed)

    def test_sets(self, frames: int, seed: int) -> dict[str, HeldBackSet]:
        """Those of both, each for itself."""
        return {
            **self.simulated.test_sets(frames, seed),
            **self.measured.test_sets(frames, seed),
        }

    def description(self) -> dict[str, Any]:
        """For the model's card."""
        return {
            **self.simulated.description(),
            **self.measured.description(),
            "data": "simulated and measured",
            "measured_share": self.measured_share,
        }

    def identity(self) -> dict[str, Any]:
        """Those of both."""
        both = {**self.simulated.identity(), **self.measured.identity()}
        return {**both, "measured_share": self.measured_share}


def _joined(
    first: Iterable[TrainingBatch], second: Iterable[TrainingBatch]
) -> Iterator[TrainingBatch]:
    # strict=False: both are endless; closing this closes the simulator's processes.
    simulated = iter(first)
    try:
        for one, other in zip(simulated, second, strict=False):
            place = one.counts.device
            yield TrainingBatch(
                torch.cat([one.counts, other.counts.to(place)]),
                torch.cat([one.valid, other.valid.to(place)]),
                torch.cat([one.frame_class, other.frame_class.to(place)]),
                torch.cat([one.photons.double(), other.photons.double().to(place)]),
                [*one.family, *other.family],
            )
    finally:
        close = getattr(simulated, "close", None)
        if close is not None:
            close()
