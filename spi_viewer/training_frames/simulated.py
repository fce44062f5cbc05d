"""Simulated frames for a training."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from spi_viewer.errors import SpiViewerError
from spi_viewer.frames import FrameClass
from spi_viewer.networks.training_data import TrainingBatch, replayed
from spi_viewer.simulation.dataset import stream
from spi_viewer.simulation.detector import DetectorPreset, find_detector
from spi_viewer.simulation.simulated_stream import simulated_stream
from spi_viewer.training_frames.source import HeldBackSet

if TYPE_CHECKING:
    from spi_viewer.simulation.simulated_frames import SimulatedFrames

# Far apart, so that no validation or test frame was ever trained on.
VALIDATION_SEED = 1_000_000_007
TEST_SEED = 2_000_000_011
SET_BATCH = 128


@dataclass(frozen=True)
class SimulatedData:
    """What is simulated for a training.

    Attributes:
        families: particle families.
        held_out: families that are never learned from; they make the validation set, so that
            threshold, temperature and best epoch are those for particles never seen. Empty: the
            validation set is of the trained families.
        detectors: presets to draw from, repeats weigh more; None: all real ones.
        workers: processes that simulate; 0 simulates on the training's own device.
        reuse: times that a frame is shown, augmented anew.
        weights: proportions of the classes in training; None: the simulator's own. Validation
            and test sets always have the simulator's own.
    """

    families: tuple[str, ...]
    held_out: tuple[str, ...] = ()
    detectors: tuple[str, ...] | None = None
    workers: int = 1
    reuse: int = 1
    weights: Mapping[FrameClass, float] | None = None

    @property
    def trained_families(self) -> tuple[str, ...]:
        """Families less those that are held out; SpiViewerError if none is left."""
        left = tuple(name for name in self.families if name not in self.held_out)
        if not left:
            raise SpiViewerError("every particle family is held out; leave one to learn from")
        return left

    @property
    def presets(self) -> list[DetectorPreset] | None:
        """The detectors themselves."""
        return [find_detector(name) for name in self.detectors] if self.detectors else None

    def training_stream(
        self, batch: int, seeds: tuple[int, ...], device: str
    ) -> Iterable[TrainingBatch]:
        """Endless fresh batches, reused as asked for."""
        fresh = simulated_stream(
            self.trained_families, batch, seeds, self.workers, device, self.presets, self.weights
        )
        return replayed(cast("Iterable[TrainingBatch]", fresh), self.reuse, seed=sum(seeds))

    def validation_set(self, frames: int, seed: int) -> list[TrainingBatch]:
        """Frames of the held-out families, or of all where none is held out."""
        return self._set(self.held_out or self.trained_families, frames, VALIDATION_SEED + seed)

    def test_sets(self, frames: int, seed: int) -> dict[str, HeldBackSet]:
        """`test` of trained families; `test_held_out` of the others."""
        seed += TEST_SEED
        parts = {"test": self.trained_families, "test_held_out": self.held_out}
        sets = {}
        for name, families in parts.items():
            if families:
                conditions = f"{frames} simulated frames, seed {seed}, families: "
                conditions += ", ".join(families)
                if self.detectors:
                    conditions += f", detectors: {', '.join(self.detectors)}"
                sets[name] = HeldBackSet(conditions, self._set(families, frames, seed))
        return sets

    def description(self) -> dict[str, Any]:
        """For the model's card."""
        stored: dict[str, Any] = {
            "data": "simulated",
            "families": self.trained_families,
            "held_out_families": self.held_out,
            "detectors": self.detectors,
            "reuse": self.reuse,
        }
        if self.weights is not None:
            stored["class_weights"] = {key.label: value for key, value in self.weights.items()}
        return stored

    def identity(self) -> dict[str, Any]:
        """All but how often a frame is shown."""
        return {**self.description(), "reuse": None}

    def _set(self, families: Sequence[str], frames: int, seed: int) -> list[TrainingBatch]:
        batches: Iterable[SimulatedFrames] = stream(
            families, SET_BATCH, seed=seed, detectors=self.presets
        )
        wanted = itertools.islice(batches, -(-frames // SET_BATCH))
        return list(cast("Iterable[TrainingBatch]", wanted))
