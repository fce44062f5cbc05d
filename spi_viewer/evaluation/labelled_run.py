"""Measured runs with labels, as sets that models are judged on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spi_viewer.evaluation.frame_sets import BATCH_FRAMES, EvaluationBatch
from spi_viewer.frames import Crop
from spi_viewer.labelled_frames import LabelledFrames, labelled_runs, parse_label_names


@dataclass(frozen=True)
class LabelledRun:
    """The labelled frames of one run; the views of an event are a group."""

    name: str
    labelled: LabelledFrames

    @property
    def frames(self) -> int:
        """How many there are."""
        return len(self.labelled)

    @property
    def conditions(self) -> str:
        """In words."""
        return "; ".join((f"measured run {self.labelled.source}", *self.labelled.notes))

    def batches(self) -> Iterator[EvaluationBatch]:
        """In the order of the run, binned and cropped as in the window."""
        start = 0
        for batch in self.labelled.batches(BATCH_FRAMES):
            stop = start + len(batch.frame_class)
            yield EvaluationBatch(batch, self.labelled.event[start:stop])
            start = stop


def read_labelled_runs(
    paths: Sequence[Path],
    labels: Path | None,
    label_names: str | None,
    crop: Crop | None = None,
) -> list[LabelledRun]:
    """Each run with its labels, once.

    Args:
        paths: of run files.
        labels: a CSV; None: the labels that the runs carry themselves.
        label_names: what the labels mean, if they do not say it, as '0=non-sample,1=single'.
        crop: of the operator; None finds the beam centre of each run.

    Raises:
        RunFileError: a run that cannot be read.
        LabelError: labels that cannot be read or understood, or that do not fit.
    """
    names = parse_label_names(label_names) if label_names else None
    runs: list[LabelledRun] = []
    unique = list(dict.fromkeys(Path(os.path.abspath(path)) for path in paths))
    for path in unique:
        name = path.name if path.name not in {run.name for run in runs} else str(path)
        labelled = labelled_runs([path], labels, names=names, crop=crop, among=unique)
        runs.append(LabelledRun(name, labelled))
    return runs
