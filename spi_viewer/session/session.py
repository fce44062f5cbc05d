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
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spi_viewer.errors import SessionError
from spi_viewer.frames import (
    Crop,
    DecisionRule,
    DetectorGeometry,
    FrameBatch,
    FrameClass,
    FrameId,
    OperatorLabel,
    Verdict,
)
from spi_viewer.session import judgement, scores
from spi_viewer.session.database import explained
from spi_viewer.session.frame_table import Context
from spi_viewer.session.hit_rate import HitRateSeries
from spi_viewer.session.label_journal import LabelChange, LabelJournal
from spi_viewer.session.revision_cache import RevisionCache
from spi_viewer.session.row_selection import (
    ExportPolicy,
    RowColumns,
    RowFilter,
    SortOrder,
    hit_rate_series,
    select_rows,
)
from spi_viewer.session.runs import Counts, RunKind, RunState, RunSummary
from spi_viewer.session.session_store import RunRecord, SessionState, SessionStore
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


class Session:
    """Results and labels of any number of runs; a row a frame, numbered from 0 by arrival.

    Args:
        path: the session's folder, made or reopened; None for a temporary one that `close`
            removes. A folder in use, damaged or foreign raises SessionError.
    """

    def __init__(self, path: Path | None) -> None:
        self._temporary = path is None
        self.path = Path(tempfile.mkdtemp(prefix="spi-viewer-")) if path is None else Path(path)
        self._lock = threading.Lock()  # memory; held for microseconds
        self._append_lock = threading.Lock()
        self._label_lock = threading.Lock()
        self._state = SessionState()
        self._cache = RevisionCache()
        self._revision = 0
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

    def flush(self) -> None:
        """Write everything that is only in memory; SessionError if the disk refuses."""
        revision = self._revision
        self._store.write()
        self._written_revision = revision

    # -- deciding -----------------------------------------------------------------------------

    @property
    def rule(self) -> DecisionRule:
        """How P(single) becomes a verdict."""
        return self._state.rule

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

    # -- looking: cheap enough for every tick of the window -------------------------------------

    @property
    def row_count(self) -> int:
        """Frames so far."""
        return len(self._state.table)

    @property
    def revision(self) -> int:
        """Grows with every change of frames, runs, labels or rule."""
        return self._revision

    @property
    def problem(self) -> str:
        """Why results cannot be saved just now; '' when all is well."""
        return self._problem

    def runs(self) -> list[RunSummary]:
        """All runs in order of opening."""
        with self._lock:
            return [
                RunSummary(
                    number,
                    run.name,
                    run.path,
                    run.kind,
                    run.state,
                    run.message,
                    self._state.tallies.counts(number),
                )
                for number, run in enumerate(self._state.runs)
            ]

    def counts(self, run: int | None = None) -> Counts:
        """Counts of one run or of all."""
        with self._lock:
            return self._state.tallies.counts(run)

    def select(
        self,
        row_filter: RowFilter = RowFilter.ALL,
        order: SortOrder = SortOrder.OLDEST,
        run: int | None = None,
    ) -> NDArray[np.int64]:
        """Rows that pass, in order: (m,) int64, not to be written to."""
        revision, columns, threshold = self._snapshot()

        def compute() -> NDArray[np.int64]:
            rows = select_rows(columns, row_filter, order, threshold, run)
            rows.flags.writeable = False
            return rows

        return self._cache.get(("select", row_filter, order, run), revision, compute)

    def decided_rows(self, policy: ExportPolicy, run: int | None = None) -> NDArray[np.int64]:
        """Rows that are good by the network, by the operator, or finally; ascending."""
        _, columns, _ = self._snapshot()
        good = self._good_by(policy, columns)
        if run is not None:
            good &= columns.run == run
        return np.flatnonzero(good)

    def frame_id(self, row: int) -> FrameId:
        """Where the row's frame stands on disk."""
        with self._lock:
            return self._state.table.frame_id(self._checked_row(row))

    def run_of(self, row: int) -> int:
        """The run that the row belongs to."""
        return int(self._values("run", [row])[0])

    def crop(self, row: int) -> Crop:
        """The square of the detector that the network saw."""
        return self._context(row).crop

    def geometry(self, row: int) -> DetectorGeometry:
        """What resolution rings need."""
        return self._context(row).geometry

    def model(self, row: int) -> tuple[str, str]:
        """Name and hash of the model that judged the row."""
        context = self._context(row)
        return context.model_name, context.model_hash

    def probabilities(self, rows: ArrayLike) -> NDArray[np.float32]:
        """(n, 4) in the order of FrameClass; NaN for invalid frames."""
        return self._values("probabilities", rows)

    def verdicts(self, rows: ArrayLike) -> NDArray[np.int8]:
        """(n,) Verdict of the network."""
        return judgement.verdicts(self._values("code", rows))

    def flags(self, rows: ArrayLike) -> NDArray[np.uint32]:
        """(n,) FrameFlag bits."""
        return self._values("flags", rows)

    def photons(self, rows: ArrayLike) -> NDArray[np.float64]:
        """(n,) sum of the valid pixels."""
        return self._values("photons", rows)

    def written_at_s(self, rows: ArrayLike) -> NDArray[np.float64]:
        """(n,) Unix time at which the frame was first seen."""
        return self._values("written_at_s", rows)

    def labels(self, rows: ArrayLike) -> NDArray[np.int8]:
        """(n,) OperatorLabel."""
        return self._values("label", rows)

    def final_verdicts(self, rows: ArrayLike) -> NDArray[np.int8]:
        """(n,) the operator's label where there is one, else the network's verdict."""
        labels = self.labels(rows)
        return np.where(labels != OperatorLabel.NONE, labels, self.verdicts(rows))

    def thumbnails(self, rows: ArrayLike) -> NDArray[np.uint8]:
        """(n, 64, 64); all 0 where the file has none. The one look that goes to disk."""
        return self._thumbnails.read(self._checked(np.asarray(rows, np.int64)))

    # -- figures ------------------------------------------------------------------------------

    def hit_rate_series(
        self, run: int | None, bin_s: float, bin_frames: int | None = None
    ) -> HitRateSeries:
        """Hit rate in bins of bin_s seconds, or of bin_frames frames if given.

        A file that was there before has one time for all its frames: bin that by frames.
        """
        revision, columns, _ = self._snapshot()
        time_s = self._state.table.columns["written_at_s"][: len(columns.code)]
        return self._cache.get(
            ("hit rate", run, bin_s, bin_frames),
            revision,
            lambda: hit_rate_series(columns, time_s, run, bin_s, bin_frames),
        )

    def score_histogram(
        self, bins: int, run: int | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Edges (bins + 1,) and counts (bins,) of P(good) over valid frames."""
        return self._cache.get(
            ("histogram", bins, run),
            self._revision,
            lambda: scores.score_histogram(self._p_good(run), bins),
        )

    def expected_figures(self, threshold: float, run: int | None = None) -> tuple[float, float]:
        """(precision, recall) to expect at a threshold if the scores are calibrated."""
        return scores.expected_figures(self._p_good(run), threshold)

    def labelled_scores(
        self, run: int | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """P(good) and whether the operator said good, of labelled valid frames."""
        _, columns, _ = self._snapshot()
        chosen = (columns.label != OperatorLabel.NONE) & np.isfinite(columns.p_good)
        if run is not None:
            chosen &= columns.run == run
        return columns.p_good[chosen], columns.label[chosen] == OperatorLabel.GOOD

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

    def _values(self, name: str, rows: ArrayLike) -> NDArray[Any]:
        rows = self._checked(np.asarray(rows, np.int64))
        with self._lock:
            return self._state.table.columns[name][rows]

    def _context(self, row: int) -> Context:
        with self._lock:
            return self._state.table.context(self._checked_row(row))

    def _checked_row(self, row: int) -> int:
        self._checked(np.array([row], np.int64))
        return int(row)

    def _checked(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        if len(rows) and (rows.min() < 0 or rows.max() >= self.row_count):
            raise IndexError(f"no such row; the session has {self.row_count}")
        return rows

    def _p_good(self, run: int | None) -> NDArray[np.float32]:
        _, columns, _ = self._snapshot()
        return columns.p_good if run is None else columns.p_good[columns.run == run]

    def _snapshot(self) -> tuple[int, RowColumns, float]:
        """Revision, columns and threshold that belong together."""
        with self._lock:
            columns = self._state.table.columns
            return (
                self._revision,
                RowColumns(
                    columns["run"],
                    columns["code"],
                    columns["label"],
                    columns["flags"],
                    columns["probabilities"][:, FrameClass.SINGLE],
                    columns["photons"],
                ),
                self._state.rule.threshold,
            )

    @staticmethod
    def _good_by(policy: ExportPolicy, columns: RowColumns) -> NDArray[np.bool_]:
        network = judgement.verdicts(columns.code) == Verdict.GOOD
        operator = columns.label == OperatorLabel.GOOD
        match policy:
            case ExportPolicy.NETWORK:
                return network
            case ExportPolicy.OPERATOR:
                return operator
        return operator | (network & (columns.label == OperatorLabel.NONE))
