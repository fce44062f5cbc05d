"""Labelled frames that models are judged on: simulated ones that no training saw, and measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from numpy.typing import NDArray

from spi_viewer.errors import EvaluationError
from spi_viewer.networks.training_data import TrainingBatch
from spi_viewer.simulation.dataset import stream
from spi_viewer.simulation.detector import find_detector
from spi_viewer.simulation.particles import FAMILIES

BATCH_FRAMES = 128
_EVALUATION_SEED = 3_000_000_019  # trainings, their validation and test sets lie far below


@dataclass(frozen=True)
class EvaluationBatch:
    """B labelled frames, and what else is known of them.

    Attributes:
        group: (B,) such as the event of each; None: each frame is its own.
        fringes: (B,) across the frame, 0 without a particle; None: not known.
    """

    frames: TrainingBatch
    group: NDArray | None = None
    fringes: NDArray | None = None


class FrameSet(Protocol):
    """Frames to judge models on.

    Attributes:
        name: in the report.
        frames: how many there are.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def frames(self) -> int: ...  # noqa: D102

    @property
    def conditions(self) -> str:
        """Where the frames come from, in words."""
        ...

    def batches(self) -> Iterator[EvaluationBatch]:
        """The frames; the same ones each time."""
        ...


@dataclass(frozen=True)
class SimulatedSet:
    """What is simulated; the same set is the same frames on the same kind of device.

    Attributes:
        families: of particles.
        frames: number of frames, half of them single particles.
        detectors: presets to draw from; None: all real ones.
        seed: of the evaluation, from 0.
        device: torch device that simulates.
    """

    families: tuple[str, ...]
    frames: int
    detectors: tuple[str, ...] | None = None
    seed: int = 0
    device: str = "cpu"
    name: str = "simulated frames"

    def check(self) -> None:
        """Raise SpiViewerError for an unknown family or detector, naming those there are."""
        for name in self.detectors or ():
            find_detector(name)
        unknown = [name for name in self.families if name not in FAMILIES]
        if unknown:
            raise EvaluationError(
                f"unknown particle family {', '.join(unknown)}; choose from: {', '.join(FAMILIES)}"
            )

    def batches(self) -> Iterator[EvaluationBatch]:
        """Simulated batch after batch and never all in memory.

        Raises SpiViewerError for an unknown family or detector.
        """
        presets = [find_detector(name) for name in self.detectors] if self.detectors else None
        seed = _EVALUATION_SEED + self.seed
        left = self.frames
        for batch in stream(
            self.families,
            BATCH_FRAMES,
            seed,
            device=self.device,
            detectors=presets,
        ):
            part = batch.select(torch.arange(left)) if left < len(batch) else batch
            yield EvaluationBatch(cast(TrainingBatch, part), fringes=part.fringes.cpu().numpy())
            left -= len(part)
            if left <= 0:
                return

    @property
    def conditions(self) -> str:
        """In words."""
        detectors = ", ".join(self.detectors) if self.detectors else "all real ones"
        return (
            f"{self.frames:,} simulated frames, seed {_EVALUATION_SEED + self.seed}, "
            f"{_families(self.families)}; detectors: {detectors}; simulated on {self.device}"
        )


def _families(names: Sequence[str]) -> str:
    listed = ", ".join(name.replace("_", " ") for name in names)
    return f"{'families' if len(names) > 1 else 'family'}: {listed}"
