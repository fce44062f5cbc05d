"""The memory of the program: what was read, how it was judged, what the operator decided.

The pipeline thread appends, the GUI thread reads and labels, one thread of the session's own
writes behind. Reading never waits for the disk, but for thumbnails.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spi_viewer.errors import SessionError
from spi_viewer.frames import (
    DecisionRule,
    FrameBatch,
    OperatorLabel,
)
from spi_viewer.session.database import explained
from spi_viewer.session.frame_table import Context
from spi_viewer.session.hit_rate import HitRateSeries
from spi_viewer.session.label_journal import LabelChange, LabelJournal
from spi_viewer.session.row_selection import (
    ExportPolicy,
    RowFilter,
    SortOrder,
)
from spi_viewer.session.runs import Counts, RunKind, RunState, RunSummary
from spi_viewer.session.session_store import RunRecord, SessionStore
from spi_viewer.session.session_view import SessionView
from spi_viewer.session.thumbnails_file import ThumbnailsFile

__all__ = [
    "Counts",
    "ExportPolicy",
    "HitRateSeries",
    "RowFilter",
    "RunState",
    "RunSummary",
    "Session",
    "SortOrder",
]

_WRITE_INTERVAL_S = 1.0
_STOP_PATIENCE_S = 10.0


class Session(SessionView):
    """Results and labels of any number of runs; a row a frame, numbered from 0 by arrival.

    Args:
        path: the session's folder, made or reopened; None for a temporary one that `close`
            removes. A folder in use, damaged or foreign raises SessionError.
    """

    def __init__(self, path: Path | None) -> None:
        super().__init__()
        self._temporary = path is None
        self.path = _temporary_folder() if path is None else Path(path)
        self._append_lock = threading.Lock()
        self._label_lock = threading.Lock()
        self._written_revision = 0
        self._problem = ""
        self._closed = False
        self._stop = threading.Event()
        self._open_files()
        self._writer = threading.Thread(
            target=self._write_behind, name="session-writer", daemon=True
        )
        self._writer.start()

    # -- filling: called by the pipeline thread -----------------------------------------------

    def add_run(self, name: str, path: str, kind: RunKind) -> int:
        """Announce a run and return its number."""
        with self._lock:
            self._state.runs.append(RunRecord(name, path, kind))
            self._state.tallies.add_run()
            self._revision += 1
            return len(self._state.runs) - 1

    def set_run_state(self, run: int, state: RunState, message: str = "") -> None:
        """Say how a run is going."""
        with self._lock:
            record = self._state.runs[run]
            record.state, record.message = RunState(state), message
            self._revision += 1

    def set_model(self, name: str, model_hash: str) -> None:
        """Name the model that judges what is appended from now on."""
        with self._lock:
            self._state.model_name, self._state.model_hash = name, model_hash
            self._revision += 1

    def append(
        self,
        run: int,
        batch: FrameBatch,
        probabilities: NDArray[np.float32],
        flags: NDArray[np.uint32],
    ) -> None:
        """Add a batch: probabilities (B, 4) in the order of FrameClass, flags (B,).

        A full disk does not stop the run: the results stay in memory and `problem` says so.
        """
        with self._append_lock:
            try:
                self._thumbnails.write(len(self._state.table), batch.thumbnails)
            except SessionError as error:
                self._problem = str(error)
            with self._lock:
                state = self._state
                context = Context(batch.crop, batch.geometry, state.model_name, state.model_hash)
                codes = state.table.append(run, batch, probabilities, flags, context, state.rule)
                state.tallies.add_frames(run, codes)
                self._revision += 1

    def judged_again(
        self,
        rows: NDArray[np.int64],
        probabilities: NDArray[np.float32],
        flags: NDArray[np.uint32],
        model_name: str,
        model_hash: str,
    ) -> None:
        """Replace the scores of rows (n,) by another model's: probabilities (n, 4), flags (n,)."""
        rows = self._checked(rows)
        with self._lock:
            state = self._state
            before, after = state.table.judged_again(
                rows, probabilities, flags, (model_name, model_hash), state.rule
            )
            state.tallies.change_codes(state.table.columns["run"][rows], before, after)
            self._store.note_changed(rows)
            self._revision += 1

    def flush(self) -> None:
        """Write everything that is only in memory; SessionError if the disk refuses."""
        revision = self._revision
        self._store.write()
        self._written_revision = revision

    # -- deciding -----------------------------------------------------------------------------

    def set_rule(self, rule: DecisionRule) -> None:
        """Judge all frames, and those to come, by this rule."""
        with self._lock:
            state = self._state
            state.rule = rule
            codes = state.table.rejudge(rule)
            state.tallies.recount(state.table.columns["run"], codes)
            self._revision += 1

    def label(self, rows: ArrayLike, label: OperatorLabel) -> NDArray[np.int64]:
        """Record the operator's decision and return the rows that it changed.

        On disk when this returns; SessionError, with nothing changed, if that failed.
        """
        with self._label_lock:
            asked = self._checked(np.unique(np.asarray(rows, np.int64)))
            old = self.labels(asked)
            changing = old != label
            if not changing.any():
                return asked[:0]
            changed = asked[changing]
            self._secure(changed)
            new = np.full(len(changed), label, np.int8)
            change = LabelChange(changed, old[changing], new)
            return self._apply(self._journal.label(change, self._state.model_hash))

    def undo(self) -> NDArray[np.int64]:
        """Take the last decision back and return the rows that changed."""
        with self._label_lock:
            return self._apply(self._journal.undo(self._state.model_hash))

    def redo(self) -> NDArray[np.int64]:
        """Have the last undone decision again and return the rows that changed."""
        with self._label_lock:
            return self._apply(self._journal.redo(self._state.model_hash))

    @property
    def can_undo(self) -> bool:
        """True when there is a decision to take back."""
        return self._journal.can_undo

    @property
    def can_redo(self) -> bool:
        """True when an undone decision can be had again."""
        return self._journal.can_redo

    @property
    def problem(self) -> str:
        """Why results cannot be saved just now; '' when all is well."""
        return self._problem

    def thumbnails(self, rows: ArrayLike) -> NDArray[np.uint8]:
        """(n, 64, 64); all 0 where the file has none. The one look that goes to disk."""
        return self._thumbnails.read(self._checked(np.asarray(rows, np.int64)))

    # -- ending -------------------------------------------------------------------------------

    def close(self) -> None:
        """Write what is left, end the writing thread, close and, if temporary, remove the folder.

        Memory can still be looked at. SessionError if the last results could not be written.
        """
        if self._closed:
            return
        self._closed = True
        self._stop.set()
        self._writer.join(_STOP_PATIENCE_S)
        try:
            if not self._temporary:
                self.flush()
        finally:
            self._close_files()

    # -- own ----------------------------------------------------------------------------------

    def _open_files(self) -> None:
        opened: list[Callable[[], None]] = []
        try:
            with explained(self.path):
                self.path.mkdir(parents=True, exist_ok=True)
            self._store = SessionStore(self.path / "results.sqlite", self._state, self._lock)
            opened.append(self._store.close)
            self._journal = LabelJournal(
                self.path / "labels.sqlite", self._state.table.frame_places
            )
            opened.append(self._journal.close)
            self._thumbnails = ThumbnailsFile(self.path / "thumbnails.bin")
            opened.append(self._thumbnails.close)
            self._store.restore()
            self._restore_labels()
        except BaseException:
            for close in reversed(opened):
                close()
            self._remove_if_temporary()
            raise

    def _restore_labels(self) -> None:
        changes, lost = self._journal.replay(self.row_count)
        for change in changes:
            self._apply(change)
        if lost:
            self._problem = f"{self.path}: {lost} labels belong to frames that were never saved"

    def _close_files(self) -> None:
        with self._append_lock, self._label_lock:
            self._thumbnails.close()
            self._journal.close()
            self._store.close()
        self._remove_if_temporary()

    def _remove_if_temporary(self) -> None:
        if self._temporary:
            shutil.rmtree(self.path, ignore_errors=True)

    def _write_behind(self) -> None:
        while not self._stop.wait(_WRITE_INTERVAL_S):
            if self._written_revision == self._revision:
                continue
            try:
                self.flush()
            except SessionError as error:
                self._problem = str(error)
            else:
                self._problem = ""

    def _secure(self, rows: NDArray[np.int64]) -> None:
        """Have the labelled rows themselves on disk, so that their labels mean something."""
        if rows[-1] >= self._store.row_count:
            self.flush()

    def _apply(self, change: LabelChange | None) -> NDArray[np.int64]:
        if change is None:
            return np.zeros(0, np.int64)
        with self._lock:
            columns = self._state.table.columns
            columns["label"][change.rows] = change.new
            self._state.tallies.change_labels(columns["run"][change.rows], change.old, change.new)
            self._revision += 1
        return change.rows


def _temporary_folder() -> Path:
    with explained(Path(tempfile.gettempdir())):
        return Path(tempfile.mkdtemp(prefix="spi-viewer-"))
