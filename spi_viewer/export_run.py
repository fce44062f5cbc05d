"""Judged frames -> a file: joins the session, the sources and the exporting of both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from numpy.typing import ArrayLike

from spi_viewer.errors import ExportError
from spi_viewer.exporting.cxi import ExportReport, export_cxi
from spi_viewer.exporting.frame_selection import (
    ExportProvenance,
    belongs_to,
    frames_of_session,
    good_frames_of_scores,
)
from spi_viewer.session.scores_csv import read_scores
from spi_viewer.session.session import Session
from spi_viewer.sources.run_file import open_run

Progress = Callable[[int, int], None]


def export_rows(
    session: Session,
    rows: ArrayLike,
    destination: Path,
    *,
    selection: str = "selection",
    overwrite: bool = False,
    progress: Progress = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ExportReport:
    """Write rows of a session; see `export_cxi` for what may go wrong."""
    return export_cxi(
        frames_of_session(session, rows),
        destination,
        ExportProvenance(session.rule.threshold, selection),
        open_source=open_run,
        overwrite=overwrite,
        progress=progress,
        cancelled=cancelled,
    )


def export_scored(
    run: Path,
    scores: Path,
    destination: Path,
    *,
    threshold: float | None = None,
    overwrite: bool = False,
    progress: Progress = lambda done, total: None,
) -> ExportReport:
    """Write the good frames of a run, a file or a folder, as a scores file has them.

    Raises:
        SessionError: the scores file cannot be read. ExportError: see `export_cxi`, and when no
            frame is good.
    """
    frames = good_frames_of_scores(read_scores(scores), run, threshold)
    if not frames:
        raise _nothing_good(run, scores)
    return export_cxi(
        frames,
        destination,
        ExportProvenance(threshold=threshold, selection="network"),
        open_source=open_run,
        overwrite=overwrite,
        progress=progress,
    )


def _nothing_good(run: Path, scores: Path) -> ExportError:
    """Why there is nothing to export: other files were judged, or no frame is good."""
    judged = sorted({scored.id.path for scored in read_scores(scores)})
    if any(belongs_to(name, run) for name in judged):
        return ExportError(f"{run}: none of its frames is good in {scores}; lower the threshold")
    others = f"; the first file in it is {judged[0]}" if judged else ", it is empty"
    return ExportError(f"{run}: none of its frames is in {scores}{others}")
