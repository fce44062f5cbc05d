"""A measured run with labels, read as the program reads any run."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from spi_viewer.errors import EvaluationError, RunFileError
from spi_viewer.evaluation.frame_sets import BATCH_FRAMES, GroupedBatch
from spi_viewer.evaluation.labels_file import LabelOf, labels_in_csv, labels_in_run
from spi_viewer.frames import INVALID_FLAGS, FrameBatch
from spi_viewer.networks.training_data import TrainingBatch
from spi_viewer.sources import reader_process
from spi_viewer.sources.run_feed import FileFeed

_READ_TIMEOUT_S = 30.0
_WAITING_PAUSE_S = 0.1


@dataclass(frozen=True)
class LabelledRun:
    """A run whose labelled frames models are judged on, views of one event as one group.

    Attributes:
        label_of: the class that people gave to a frame.
        frames: labelled frames that hold a pattern.
    """

    path: Path
    name: str
    label_of: LabelOf
    labels_from: str
    frames: int

    @property
    def conditions(self) -> str:
        """In words."""
        return f"measured run {self.path}, labels from {self.labels_from}"

    def batches(self) -> Iterator[GroupedBatch]:
        """The labelled frames, binned and cropped as in the window.

        Raises RunFileError if the file is refused in the middle.
        """
        for batch in _read(self.path):
            holds_pattern = (batch.flags & int(INVALID_FLAGS)) == 0
            said = [(row, self.label_of(one)) for row, one in enumerate(batch.ids)]
            known = {row: int(c) for row, c in said if c is not None and holds_pattern[row]}
            if known:
                rows = list(known)
                yield _training_batch(batch, rows, [*known.values()]), _events(batch, rows)


def labelled_runs(paths: Sequence[Path], labels: Path | None) -> list[LabelledRun]:
    """Runs with the labels of a CSV, or each with its own in /labels/class; each is read once.

    Raises:
        RunFileError: a run that cannot be read, or has no labels of its own.
        EvaluationError: labels that cannot be read, or that fit no frame of a run.
    """
    in_csv = labels_in_csv(labels) if labels is not None else None
    runs: list[LabelledRun] = []
    for path in dict.fromkeys(Path(os.path.abspath(path)) for path in paths):
        label_of = in_csv or labels_in_run(path)
        source = str(labels) if labels is not None else "its own /labels/class"
        name = path.name if path.name not in {run.name for run in runs} else str(path)
        run = LabelledRun(path, name, label_of, source, 0)
        frames = sum(len(batch.frame_class) for batch, _ in run.batches())
        if not frames:
            raise EvaluationError(f"{path}: none of its frames has a label in {source}")
        runs.append(LabelledRun(path, name, label_of, source, frames))
    return runs


def _read(path: Path) -> Iterator[FrameBatch]:
    with contextlib.closing(reader_process.ReaderProcess(timeout_s=_READ_TIMEOUT_S)) as reader:
        feed = FileFeed(reader, str(path))
        while not feed.finished:
            batch = feed.next_batch(BATCH_FRAMES)
            if batch is not None:
                yield batch
            elif feed.waiting:
                time.sleep(_WAITING_PAUSE_S)
        for refused, reason in feed.refused:
            raise RunFileError(refused, reason)


def _training_batch(batch: FrameBatch, rows: list[int], classes: list[int]) -> TrainingBatch:
    return TrainingBatch(
        counts=torch.from_numpy(batch.counts[rows]),
        valid=torch.from_numpy(batch.valid[rows]),
        frame_class=torch.tensor(classes),
        photons=torch.from_numpy(batch.photons[rows]),
        family=["measured"] * len(rows),
    )


def _events(batch: FrameBatch, rows: list[int]) -> NDArray:
    """The facility's id of each frame, which views of one event share; else its place."""
    ids = [batch.ids[row] for row in rows]
    return np.array([one.name or f"{one.path}#{one.index}" for one in ids])
