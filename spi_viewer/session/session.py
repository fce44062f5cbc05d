"""The memory of the program: what was read, how it was judged, what the operator decided.

The pipeline thread appends, the GUI thread reads and labels, one thread of the session's own
writes behind. Reading never waits for the disk, but for thumbnails.
"""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spi_viewer.errors import SessionError
from spi_viewer.frames import DecisionRule, FrameBatch, OperatorLabel
from spi_viewer.session.frame_table import Context
from spi_viewer.session.hit_rate import HitRateSeries
from spi_viewer.session.label_journal import LabelChange
from spi_viewer.session.row_selection import ExportPolicy, RowFilter, SortOrder
from spi_viewer.session.runs import Counts, RunKind, RunState, RunSummary
from spi_viewer.session.session_folder import SessionFolder
from spi_viewer.session.session_state import RunRecord
from spi_viewer.session.session_view import SessionView
from spi_viewer.session.write_behind import WriteBehind

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


class Session(SessionView):
    """Results and labels of any number of runs; a row a frame, numbered from 0 by arrival.

    Args:
        path: the session's folder, made or reopened; None for a temporary one that `close`
            removes. A folder in use, damaged or foreign raises SessionError.
    """

    def __init__(self, path: Path | None) -> None:
        super().__init__()
        self._append_lock = threading.Lock()
        self._label_lock = threading.Lock()
        self._closed = False
        self._folder = SessionFolder(path, self._state, self._lock)
        self._writing = WriteBehind(self._folder.store, self._state)
        if lost := self._folder.lost_labels:
            self._writing.problem = (
                f"{self.path}: {lost} labels belong to frames that were never saved"
            )
        self._writing.start()

    @property
    def path(self) -> Path:
        """The session's folder."""
        return self._folder.path

    # -- filling: called by the pipeline thread -----------------------------------------------

    def add_run(self, name: str, path: str, kind: RunKind) -> int:
        """Announce a run and return its number."""
        with self._lock:
            self._state.runs.append(RunRecord(name, path, kind))
            self._state.tallies.add_run()
            self._state.revision += 1
            return len(self._state.runs) - 1

    def set_run_state(self, run: int, state: RunState, message: str = "") -> None:
        """Say how a run is going."""
        with self._lock:
            record = self._state.runs[run]
            record.state, record.message = RunState(state), message
            self._state.revision += 1

    @property
    def model_hash(self) -> str:
        """Of the model that judges; '' before there is one."""
        return self._state.model_hash

    def set_model(self, name: str, model_hash: str) -> None:
        """Name the model that judges what is appended from now on."""
        with self._lock:
            self._state.model_name, self._state.model_hash = name, model_hash
            self._state.revision += 1

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
                self._folder.thumbnails.write(len(self._state.table), batch.thumbnails)
            except SessionError as error:
                self._writing.problem = str(error)
            with self._lock:
                state = self._state
                context = Context(batch.crop, batch.geometry, state.model_name, state.model_hash)
                codes = state.table.append(run, batch, probabilities, flags, context, state.rule)
                state.tallies.add_frames(run, codes)
                state.revision += 1

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
            self._folder.store.note_changed(rows)
            state.revision += 1

    def flush(self) -> None:
        """Write everything that is only in memory; SessionError if the disk refuses."""
        self._writing.flush()

    # -- deciding -----------------------------------------------------------------------------

    def set_rule(self, rule: DecisionRule) -> None:
        """Judge all frames, and those to come, by this rule."""
        with self._lock:
            state = self._state
            state.rule = rule
            codes = state.table.rejudge(rule)
            state.tallies.recount(state.table.columns["run"], codes)
            state.revision += 1

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
            return self._apply(self._folder.journal.label(change, self._state.model_hash))

    def undo(self) -> NDArray[np.int64]:
        """Take the last decision back and return the rows that changed."""
        with self._label_lock:
            return self._apply(self._folder.journal.undo(self._state.model_hash))

    def redo(self) -> NDArray[np.int64]:
        """Have the last undone decision again and return the rows that changed."""
        with self._label_lock:
            return self._apply(self._folder.journal.redo(self._state.model_hash))

    @property
    def can_undo(self) -> bool:
        """True when there is a decision to take back."""
        return self._folder.journal.can_undo

    @property
    def can_redo(self) -> bool:
        """True when an undone decision can be had again."""
        return self._folder.journal.can_redo

    @property
    def problem(self) -> str:
        """Why results cannot be saved just now; '' when all is well."""
        return self._writing.problem

    def thumbnails(self, rows: ArrayLike) -> NDArray[np.uint8]:
        """(n, 64, 64); all 0 where the file has none. The one look that goes to disk."""
        return self._folder.thumbnails.read(self._checked(np.asarray(rows, np.int64)))

    # -- ending -------------------------------------------------------------------------------

    def close(self) -> None:
        """Write what is left, end the writing thread, close and, if temporary, remove the folder.

        Memory can still be looked at. SessionError if the last results could not be written.
        """
        if self._closed:
            return
        self._closed = True
        self._writing.stop()
        try:
            if not self._folder.is_temporary:
                self.flush()
        finally:
            with self._append_lock, self._label_lock:
                self._folder.close()

    # -- own ----------------------------------------------------------------------------------

    def _secure(self, rows: NDArray[np.int64]) -> None:
        """Have the labelled rows themselves on disk, so that their labels mean something."""
        if rows[-1] >= self._folder.store.row_count:
            self.flush()

    def _apply(self, change: LabelChange | None) -> NDArray[np.int64]:
        if change is None:
            return np.zeros(0, np.int64)
        with self._lock:
            self._state.change_labels(change)
        return change.rows
