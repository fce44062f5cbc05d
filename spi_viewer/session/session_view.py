"""Looking at a session: rows, counts and figures, cheap enough for every tick of the window."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spi_viewer.frames import (
    INVALID_FLAGS,
    Crop,
    DecisionRule,
    DetectorGeometry,
    FrameId,
    OperatorLabel,
)
from spi_viewer.session import judgement, scores
from spi_viewer.session.frame_table import Context
from spi_viewer.session.hit_rate import HitRateSeries, hit_rate_series
from spi_viewer.session.revision_cache import RevisionCache
from spi_viewer.session.row_columns import RowColumns
from spi_viewer.session.row_selection import (
    ExportPolicy,
    RowFilter,
    SortOrder,
    good_rows,
    select_rows,
)
from spi_viewer.session.runs import Counts, RunSummary
from spi_viewer.session.session_state import SessionState


class SessionView:
    """What can be asked of a session; the lock is held for microseconds, the disk not touched.

    Rows are numbered from 0 by arrival; a row that is not there is an IndexError.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state = SessionState()
        self._cache = RevisionCache()

    @property
    def rule(self) -> DecisionRule:
        """How P(single) becomes a verdict."""
        return self._state.rule

    @property
    def row_count(self) -> int:
        """Frames so far."""
        return len(self._state.table)

    @property
    def revision(self) -> int:
        """Grows with every change of frames, runs, labels or rule."""
        return self._state.revision

    def runs(self) -> list[RunSummary]:
        """All runs in order of opening."""
        with self._lock:
            return self._state.run_summaries()

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
        return good_rows(columns, policy, run)

    def frame_id(self, row: int) -> FrameId:
        """Where the row's frame stands on disk."""
        with self._lock:
            return self._state.table.frame_id(self._checked_row(row))

    def run_of(self, row: int) -> int:
        """The run that the row belongs to."""
        return int(self._values("run", [row])[0])

    def runs_of(self, rows: ArrayLike) -> NDArray[np.int32]:
        """(n,) the runs that the rows belong to."""
        return self._values("run", rows)

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

    def rows_judged_by_others(self, model_hash: str, run: int | None = None) -> NDArray[np.int64]:
        """Rows with a pattern that another model judged than that of this hash, ascending."""
        with self._lock:
            table = self._state.table
            columns = table.columns
            by_other = np.array(
                [context.model_hash != model_hash for _, context in table.contexts.since(0)], bool
            )
            valid = (columns["flags"] & np.uint32(INVALID_FLAGS)) == 0
            chosen = valid & by_other[columns["context"]]
            if run is not None:
                chosen &= columns["run"] == run
            return np.flatnonzero(chosen)

    def probabilities(self, rows: ArrayLike) -> NDArray[np.float32]:
        """(n, 4) in the order of FrameClass; NaN for invalid frames."""
        return self._values("probabilities", rows)

    def verdicts(self, rows: ArrayLike) -> NDArray[np.int8]:
        """(n,) Verdict of the network."""
        return judgement.verdicts(self._values("code", rows))

    def unsure(self, rows: ArrayLike) -> NDArray[np.bool_]:
        """(n,) True where a person should look; see `judgement.judge`."""
        return judgement.unsure(self._values("code", rows))

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

    # -- figures ------------------------------------------------------------------------------

    def hit_rate_series(
        self, run: int | None, bin_s: float, bin_frames: int | None = None
    ) -> HitRateSeries:
        """Hit rate in bins of bin_s seconds, or of bin_frames frames if given.

        A file that was there before has one time for all its frames: bin that by frames.
        """
        revision, columns, _ = self._snapshot()
        return self._cache.get(
            ("hit rate", run, bin_s, bin_frames),
            revision,
            lambda: hit_rate_series(columns, run, bin_s, bin_frames),
        )

    def score_histogram(
        self, bins: int, run: int | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Edges (bins + 1,) and counts (bins,) of P(good) over valid frames."""
        return self._cache.get(
            ("histogram", bins, run),
            self._state.revision,
            lambda: scores.score_histogram(self._p_good(run), bins),
        )

    def labelled_scores(
        self, run: int | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """P(good) and whether the operator said good, of labelled valid frames."""
        _, columns, _ = self._snapshot()
        return scores.labelled_scores(columns, run)

    # -- own ----------------------------------------------------------------------------------

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
            state = self._state
            return state.revision, RowColumns.of(state.table.columns), state.rule.threshold
