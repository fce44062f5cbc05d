"""Looks 20 times a second at what the worker threads have done and tells the views."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

if TYPE_CHECKING:
    from spi_viewer.inspector import Inspector
    from spi_viewer.pipeline import Pipeline
    from spi_viewer.session.session import Session

_log = logging.getLogger(__name__)

_TICK_MS = 50
_STATUS_INTERVAL_S = 0.2  # nobody reads numbers that change faster
_COUNTS_INTERVAL_S = 0.2
_CHARTS_INTERVAL_S = 1.0


class Bridge(QObject):
    """Polls; workers never call a view.

    Frames may come faster than they are shown: a look takes the newest state and skips the rest.
    What costs time over many rows is looked at less often. At each tick one kind of news is told,
    in turn: views that change together are painted together, and the window would stand still for
    as long as all of them take.

    Signals:
        status_changed: PipelineStatus, at most 5 times a second.
        rows_changed: the session has new rows, labels or another rule.
        counts_due: at most 5 times a second after a change, for counts and run rows.
        charts_due: at most once a second after a change, for histogram and strip chart.
        inspection_changed: Inspection.
        ticked: monotonic seconds, every tick.
    """

    status_changed = pyqtSignal(object)
    rows_changed = pyqtSignal()
    counts_due = pyqtSignal()
    charts_due = pyqtSignal()
    inspection_changed = pyqtSignal(object)
    ticked = pyqtSignal(float)

    def __init__(
        self,
        session: Session,
        pipeline: Pipeline,
        inspector: Inspector,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._session, self._pipeline, self._inspector = session, pipeline, inspector
        self._clock = clock
        self._inspection: Any = None
        self._revision: Any = None
        self._shown: dict[str, tuple[Any, float]] = {}
        self._failed: set[str] = set()
        self._steps: deque[Callable[[float], bool]] = deque(
            (
                self._look_at_inspector,
                self._look_at_pipeline,
                self._look_at_rows,
                self._look_at_counts,
                self._look_at_charts,
            )
        )
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._take_turn)

    def start(self) -> None:
        """Begin looking."""
        self._timer.start()

    def stop(self) -> None:
        """Stop looking; no signal comes afterwards."""
        self._timer.stop()

    def refresh(self) -> None:
        """Show counts and charts anew at the next look: another run was selected."""
        self._shown.clear()

    def look(self) -> None:
        """Tell everything that is new."""
        now_s = self._clock()
        for step in tuple(self._steps):
            self._tells(step, now_s)
        self.ticked.emit(now_s)

    def _take_turn(self) -> None:
        """Tell the one kind of news whose last turn is longest ago."""
        now_s = self._clock()
        for step in tuple(self._steps):
            if self._tells(step, now_s):
                self._steps.remove(step)
                self._steps.append(step)
                break
        self.ticked.emit(now_s)

    def _tells(self, step: Callable[[float], bool], now_s: float) -> bool:
        """Whether there was news. A part that fails is logged once, and the others still show."""
        try:
            return step(now_s)
        except Exception:  # noqa: BLE001  one failing view must not stop the others
            if step.__name__ not in self._failed:
                self._failed.add(step.__name__)
                _log.exception("the window could not show something (%s)", step.__name__)
            return False

    def _look_at_pipeline(self, now_s: float) -> bool:
        status = self._pipeline.status()
        is_due = self._is_due("status", status, now_s, _STATUS_INTERVAL_S)
        if is_due:
            self.status_changed.emit(status)
        return is_due

    def _look_at_rows(self, _now_s: float) -> bool:
        revision = self._session.revision
        if revision == self._revision:
            return False
        self._revision = revision
        self.rows_changed.emit()
        return True

    def _look_at_counts(self, now_s: float) -> bool:
        is_due = self._is_due("counts", self._session.revision, now_s, _COUNTS_INTERVAL_S)
        if is_due:
            self.counts_due.emit()
        return is_due

    def _look_at_charts(self, now_s: float) -> bool:
        is_due = self._is_due("charts", self._session.revision, now_s, _CHARTS_INTERVAL_S)
        if is_due:
            self.charts_due.emit()
        return is_due

    def _look_at_inspector(self, _now_s: float) -> bool:
        inspection = self._inspector.latest()
        if inspection is self._inspection:
            return False
        self._inspection = inspection
        self.inspection_changed.emit(inspection)
        return True

    def _is_due(self, name: str, state: Any, now_s: float, interval_s: float) -> bool:
        shown, shown_s = self._shown.get(name, (None, -interval_s))
        if state == shown or now_s - shown_s < interval_s:
            return False
        self._shown[name] = (state, now_s)
        return True
