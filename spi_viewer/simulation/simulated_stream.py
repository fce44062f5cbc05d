"""Simulated frames for training, made beside it: in processes on the CPU, or on its own GPU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from spi_viewer.frames import FrameClass
from spi_viewer.simulation.dataset import stream
from spi_viewer.simulation.detector import DetectorPreset
from spi_viewer.simulation.simulated_frames import SimulatedFrames


class _Frames(IterableDataset[SimulatedFrames]):
    """An endless stream; each worker draws its own."""

    def __init__(
        self,
        families: Sequence[str],
        batch_size: int,
        seeds: tuple[int, ...],
        detectors: Sequence[DetectorPreset] | None,
        weights: Mapping[FrameClass, float] | None,
    ) -> None:
        self._families, self._batch_size, self._seeds = families, batch_size, seeds
        self._detectors, self._weights = detectors, weights

    def __iter__(self) -> Iterator[SimulatedFrames]:
        worker = get_worker_info()
        if worker is not None:
            torch.set_num_threads(1)
        number = worker.id if worker is not None else 0
        return stream(
            self._families,
            self._batch_size,
            _seed(*self._seeds, number),
            detectors=self._detectors,
            weights=self._weights,
        )


def simulated_stream(
    families: Sequence[str],
    batch_size: int,
    seeds: tuple[int, ...],
    workers: int,
    device: str,
    detectors: Sequence[DetectorPreset] | None = None,
    weights: Mapping[FrameClass, float] | None = None,
) -> Iterable[SimulatedFrames]:
    """Endless fresh batches of 128 x 128 px frames.

    Args:
        families: of particles; see `simulation.particles.FAMILIES`.
        batch_size: frames a batch.
        seeds: the same seeds and workers give the same frames.
        workers: processes that simulate; 0 simulates on `device`, for GPUs.
        device: torch device, 'auto' for the GPU where there is one.
        detectors: presets to draw from, repeats weigh more; None: all real ones.
        weights: proportions of the classes; None: the simulator's own.
    """
    if workers:
        frames = _Frames(families, batch_size, seeds, detectors, weights)
        # Spawned: a forked child inherits thread pools that no longer have threads.
        return DataLoader(
            frames, batch_size=None, num_workers=workers, multiprocessing_context="spawn"
        )
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return stream(
        families, batch_size, _seed(*seeds), device=device, detectors=detectors, weights=weights
    )


def _seed(*seeds: int) -> int:
    """One seed from several, far from each other's."""
    return int(np.random.SeedSequence(seeds).generate_state(1)[0])
