"""Which frame is shown: the newest, until the operator chooses one.

The newest is the last that was judged; or, while frames come faster than they can be judged, the
last that came.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PyQt5.QtCore import QObject, pyqtSignal

from spi_viewer.frames import Verdict
from spi_viewer.session.row_selection import RowFilter, SortOrder

if TYPE_CHECKING:
    from spi_viewer.pipeline_status import UnjudgedFrame
    from spi_viewer.session.session import Session

_REQUEST_INTERVAL_S = 0.3
_LOOK_BACK_ROWS = 512


class LiveFollow(QObject):
    """Follows the newest frame of the selected run, or stays on a chosen one.

    Args:
        newest_unjudged: the newest frame of a run (None: of all) whose turn comes late, or None.

    Signals:
        row_wanted: session row that shall be inspected now.
        unjudged_wanted: UnjudgedFrame that shall be.
        following_changed: True when it follows.
    """

    row_wanted = pyqtSignal(int)
    unjudged_wanted = pyqtSignal(object)
    following_changed = pyqtSignal(bool)

    def __init__(
        self, session: Session, newest_unjudged: Callable[[int | None], UnjudgedFrame | None]
    ) -> None:
        super().__init__()
        self._session, self._newest_unjudged = session, newest_unjudged
        self._following = True
        self._only_good = False
        self._run: int | None = None
        self._row: int | None = None
        self._unjudged: UnjudgedFrame | None = None
        self._last_request_s = self._looked_s = -1.0

    @property
    def is_following(self) -> bool:
        """True while the newest frame is shown."""
        return self._following

    @property
    def row(self) -> int | None:
        """The session row that is shown or asked for; None for none, or for an unjudged frame."""
        return self._row

    def set_run(self, run: int | None) -> None:
        """Follow this run only; None: whichever run is newest."""
        self._run = run
        self._last_request_s = -1.0

    def set_only_good(self, only_good: bool) -> None:
        """While following, leave out frames that are not good."""
        self._only_good = only_good

    def choose(self, row: int) -> None:
        """Stay on this row."""
        self._set_following(False)
        self._want(row)

    def set_following(self, following: bool) -> None:
        """Follow again, or stay on the frame that is shown."""
        self._last_request_s = -1.0
        self._set_following(following)

    def look(self, now_s: float) -> None:
        """Ask for the newest frame if it is time; now_s from a monotonic clock."""
        if not self._following or now_s - self._last_request_s < _REQUEST_INTERVAL_S:
            return
        self._looked_s = now_s
        unjudged = None if self._only_good else self._newest_unjudged(self._run)
        if unjudged is not None:
            if unjudged != self._unjudged:
                self._last_request_s = now_s
                self._want_unjudged(unjudged)
            return
        row = self._newest_row()
        if row is not None and row != self._row:
            self._last_request_s = now_s
            self._want(row)

    def _newest_row(self) -> int | None:
        newest = self._session.row_count - 1
        for row in range(newest, max(-1, newest - _LOOK_BACK_ROWS), -1):
            if self._is_wanted(row):
                return row
        return self._newest_of_all()

    def _newest_of_all(self) -> int | None:
        """Where none of the latest is wanted: of a run that ended long ago, or of few good ones."""
        self._last_request_s = self._looked_s  # not each time, as it goes through all rows
        wanted = RowFilter.GOOD if self._only_good else RowFilter.ALL
        rows = self._session.select(wanted, SortOrder.OLDEST, self._run)
        return int(rows[-1]) if len(rows) else None

    def _is_wanted(self, row: int) -> bool:
        if self._run is not None and self._session.run_of(row) != self._run:
            return False
        return not self._only_good or self._session.verdicts([row])[0] == Verdict.GOOD

    def _set_following(self, following: bool) -> None:
        if following != self._following:
            self._following = following
            self.following_changed.emit(following)

    def _want(self, row: int) -> None:
        self._row, self._unjudged = row, None
        self.row_wanted.emit(row)

    def _want_unjudged(self, frame: UnjudgedFrame) -> None:
        self._row, self._unjudged = None, frame
        self.unjudged_wanted.emit(frame)
