"""Simulated frames that models are judged on: of a seed that no training ever uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch

from spi_viewer.networks.training_data import TrainingBatch
from spi_viewer.simulation.dataset import stream
from spi_viewer.simulation.detector import find_detector

BATCH_FRAMES = 128
_EVALUATION_SEED = 3_000_000_019  # trainings, their validation and test sets lie far below


@dataclass(frozen=True)
class SimulatedSet:
    """What is simulated; the same set is the same frames on the same kind of device.

    Attributes:
        families: of particles.
        detectors: presets to draw from; None: all real ones.
        frames: number of frames, half of them single particles.
        seed: of the evaluation, from 0.
    """

    families: tuple[str, ...]
    detectors: tuple[str, ...] | None
    frames: int
    seed: int = 0

    def of_family(self, family: str, frames: int) -> SimulatedSet:
        """The same of one family."""
        return replace(self, families=(family,), frames=frames)

    def batches(self, device: str = "cpu") -> Iterator[TrainingBatch]:
        """The frames, simulated batch after batch and never all in memory.

        Raises SpiViewerError for an unknown family or detector.
        """
        presets = [find_detector(name) for name in self.detectors] if self.detectors else None
        seed = _EVALUATION_SEED + self.seed
        left = self.frames
        for frames in stream(
            self.families, BATCH_FRAMES, seed, device=device, detectors=presets, augmented=False
        ):
            part = frames.select(torch.arange(left)) if left < BATCH_FRAMES else frames
            yield cast(TrainingBatch, part)
            left -= len(part)
            if left <= 0:
                return

    @property
    def conditions(self) -> str:
        """In words."""
        detectors = ", ".join(self.detectors) if self.detectors else "all real ones"
        return (
            f"{self.frames:,} simulated frames, seed {_EVALUATION_SEED + self.seed}, "
            f"{_families(self.families)}; detectors: {detectors}"
        )


def _families(names: Sequence[str]) -> str:
    return f"{'families' if len(names) > 1 else 'family'}: {', '.join(names)}"
