"""Labelled frames of measured runs for a training."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spi_viewer.errors import LabelError
from spi_viewer.frames import Crop
from spi_viewer.labelled_frames import LabelledFrames, labelled_runs, parts_by_event
from spi_viewer.networks.training_data import TrainingBatch
from spi_viewer.training_frames.source import HeldBackSet

_SHARES = (0.7, 0.15, 0.15)  # to learn from, to validate, to test


@dataclass(frozen=True)
class MeasuredData:
    """Runs with labels; a process of a team reads them itself.

    Attributes:
        runs: run files.
        labels: a table of labels; None: the runs' own.
        names: what labels mean, as (label, class) pairs; None where they say it themselves.
        dataset: of the frames; None looks for it.
        crop: of the operator; None finds the beam centre.
        seed: of the draw of the parts, which are by event.
    """

    runs: tuple[Path, ...]
    labels: Path | None = None
    names: tuple[tuple[str, int], ...] | None = None
    dataset: str | None = None
    crop: Crop | None = None
    seed: int = 0

    @property
    def frames(self) -> LabelledFrames:
        """All of them, read once a process; raises RunFileError and LabelError."""
        return _read(self)

    def training_stream(
        self, batch: int, seeds: tuple[int, ...], device: str
    ) -> Iterable[TrainingBatch]:
        """Endless draws in which every class that there is comes equally often."""
        frames, rows = self.frames, self._parts[0]
        return _draws(frames, rows, batch, np.random.default_rng(seeds))

    def validation_set(self, frames: int, seed: int) -> list[TrainingBatch]:
        """At most `frames` frames of events that are not learned from."""
        return self._some(1, frames).batches()

    def test_sets(self, frames: int, seed: int) -> dict[str, HeldBackSet]:
        """`test_measured`, at most `frames` frames of events in neither other part."""
        part = self._some(2, frames)
        events = len(np.unique(part.event))
        conditions = f"{len(part)} measured frames of {events} events, {part.source}"
        return {"test_measured": HeldBackSet(conditions, part.batches())}

    def description(self) -> dict[str, Any]:
        """For the model's card."""
        learned, validation, test = (len(rows) for rows in self._parts)
        return {
            "data": "measured",
            "runs": [str(run) for run in self.runs],
            "labels": str(self.labels) if self.labels is not None else "in the runs",
            "measured_frames": {"learned": learned, "validation": validation, "test": test},
        }

    def identity(self) -> dict[str, Any]:
        """The frames themselves, as they are cut, and what they are said to be."""
        frames = self.frames
        content = hashlib.sha256(frames.frame_class.numpy().tobytes())
        for one in frames.ids:
            content.update(f"{one.path}\0{one.dataset}\0{one.index}\n".encode())
        content.update(np.ascontiguousarray(frames.counts[:, ::16, ::16].numpy()).tobytes())
        return {**self.description(), "labelled_frames": content.hexdigest()}

    @property
    def _parts(self) -> list[NDArray[np.int64]]:
        """Rows of each part; every part has good and bad frames."""
        frames = self.frames
        parts = parts_by_event(frames.frame_class.numpy(), frames.event, _SHARES, self.seed)
        for rows in parts:
            good = frames.is_good[rows]
            if good.all() or not good.any():
                raise LabelError(
                    f"{frames.source}: {len(frames)} labels are too few to learn from some and "
                    "judge on others; label at least three events each of good and bad frames"
                )
        return parts

    def _some(self, part: int, frames: int) -> LabelledFrames:
        rows = self._parts[part]
        if len(rows) > frames:
            rows = np.sort(np.random.default_rng(self.seed).permutation(rows)[:frames])
        return self.frames.select(rows)


@functools.lru_cache(maxsize=1)
def _read(data: MeasuredData) -> LabelledFrames:
    names = dict(data.names) if data.names is not None else None
    return labelled_runs(data.runs, data.labels, names=names, dataset=data.dataset, crop=data.crop)


def _draws(
    frames: LabelledFrames, rows: NDArray, batch: int, random: np.random.Generator
) -> Iterator[TrainingBatch]:
    classes = frames.frame_class.numpy()[rows]
    often = np.bincount(classes)[classes]
    share = 1.0 / often / len(np.unique(classes))
    while True:
        yield frames.batch(random.choice(rows, batch, p=share))
