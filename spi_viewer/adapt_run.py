"""The model in use made to fit a run of the session: `train --adapt` in a process of its own.

In its own process neither reading nor learning holds the window up, and it can be ended at once.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spi_viewer.errors import ModelError
from spi_viewer.frames import OperatorLabel
from spi_viewer.session.session import Session

_MOST_FILES = 256  # to draw unlabelled frames from; more frames than that are not drawn
_MOST_LABELS = 4096
_LOOK_S = 0.1
_PATIENCE_S = 10.0
_LABELS = {OperatorLabel.GOOD: "good", OperatorLabel.BAD: "bad"}


@dataclass(frozen=True, slots=True)
class AdaptationReport:
    """How it went.

    Attributes:
        is_written: False where the old model stays the best.
        text: figures before and after, a line each.
    """

    is_written: bool
    text: str


def adapt_to_run(
    session: Session,
    model: str,
    run: int | None,
    folder: Path,
    *,
    use_labels: bool,
    cancelled: Callable[[], bool] = lambda: False,
) -> AdaptationReport:
    """Adapt a model to a run of the session (None: all), and write it into `folder`.

    Args:
        session: of which the frames and labels are.
        run: number in the session; None for the frames of all.
        model: name of a bundled model, or a folder.
        folder: see `adaptation.adapt_model`.
        use_labels: fit to the operator's labels, and judge by those held out.
        cancelled: asked again and again; True ends it, and nothing is written.

    Raises:
        ModelError: it was cancelled, or could not be done; the text says why.
    """
    rows = session.select(run=run)
    if not len(rows):
        raise ModelError("there are no frames yet to adapt to")
    drawn, labelled = _chosen(session, rows, use_labels)
    if not len(drawn) + len(labelled):
        raise ModelError("the files of its frames are not there any more")
    with tempfile.TemporaryDirectory(prefix="spi-viewer-adapt-") as aside:
        options = ["--from", model, "--output", str(folder)]
        if use_labels:
            table = Path(aside) / "labels.csv"
            _write_labels(session, labelled, table)
            options += ["--labels", str(table)]
        options += _places(session, np.concatenate([drawn, labelled]))
        if run is not None:  # several runs may be of several detectors
            options += ["--crop", session.crop(int(rows[-1])).text]
        return _report(*_run(options, cancelled))


def label_counts(session: Session, run: int | None) -> tuple[int, int]:
    """How many frames of a run (None: of all) the operator called good, and bad."""
    labels = session.labels(session.select(run=run))
    good, bad = ((labels == label).sum() for label in _LABELS)
    return int(good), int(bad)


def _chosen(
    session: Session, rows: NDArray[np.int64], use_labels: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that say which files to draw from, and labelled rows; of files that are still there."""
    random = np.random.default_rng(0)
    labelled = rows[session.labels(rows) != OperatorLabel.NONE] if use_labels else rows[:0]
    parts = np.sort(random.permutation(rows)[:_MOST_FILES]), random.permutation(labelled.copy())
    drawn, labelled = (_still_there(session, part) for part in parts)
    return drawn, np.sort(labelled[:_MOST_LABELS])


def _still_there(session: Session, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    paths = [session.frame_id(row).path for row in rows.tolist()]
    there = {path: os.path.exists(path) for path in set(paths)}
    return rows[[there[path] for path in paths]] if len(rows) else rows


def _places(session: Session, rows: NDArray[np.int64]) -> list[str]:
    """Options that name the files of some rows, and the dataset in them."""
    chosen = [session.frame_id(row) for row in rows.tolist()]
    options = []
    for path in dict.fromkeys(one.path for one in chosen):
        options += ["--adapt", path]
    datasets = {one.dataset for one in chosen if one.dataset}
    return [*options, "--dataset", *datasets] if len(datasets) == 1 else options


def _write_labels(session: Session, rows: NDArray[np.int64], table: Path) -> None:
    with table.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        lines = csv.writer(file)
        lines.writerow(("file", "dataset", "frame", "label"))
        for row, label in zip(rows.tolist(), session.labels(rows).tolist(), strict=True):
            one = session.frame_id(row)
            lines.writerow((one.path, one.dataset, one.index, _LABELS[OperatorLabel(label)]))


def _command(options: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "spi_viewer", "train", *options]


def _run(options: Sequence[str], cancelled: Callable[[], bool]) -> tuple[int, str, str]:
    """Exit status and what it said on stdout and stderr."""
    # One thread: what judges the run goes on beside it.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "1000"}
    with subprocess.Popen(
        _command(options),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        while True:
            try:
                out, err = process.communicate(timeout=_LOOK_S)
                return process.returncode, out, err
            except subprocess.TimeoutExpired:
                if cancelled():
                    _end(process)
                    raise ModelError("cancelled; the old model stays") from None


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _report(status: int, out: str, err: str) -> AdaptationReport:
    if status == 0 or (status == 1 and out.strip() and not err.strip()):
        return AdaptationReport(status == 0, out.strip())
    said = " ".join(err.split()) or f"the process ended with status {status}"
    raise ModelError(said.removeprefix("spi-viewer: "))
