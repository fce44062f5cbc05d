"""Where one is among the thumbnails: the view counts positions, the session counts rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import QModelIndex, QObject, pyqtSignal

from spi_viewer.gui.thumbnail_model import ThumbnailModel
from spi_viewer.gui.thumbnail_view import ThumbnailView


class ThumbnailCursor(QObject):
    """The current and the selected session rows, the same ones wherever they come to stand.

    Signals:
        moved: session row that the operator made the current one.
        scrolled: the operator has left the top.
    """

    moved = pyqtSignal(int)
    scrolled = pyqtSignal()

    def __init__(self, view: ThumbnailView, model: ThumbnailModel) -> None:
        super().__init__(view)
        self._view, self._model = view, model
        self._quiet = False
        view.selectionModel().currentChanged.connect(self._report_move)
        view.verticalScrollBar().valueChanged.connect(self._report_scroll)

    @property
    def position(self) -> int:
        """Where the current row stands; -1 if there is none."""
        return self._view.currentIndex().row()

    @property
    def row(self) -> int | None:
        """The current session row."""
        return self.row_at(self.position) if self.position >= 0 else None

    def row_at(self, position: int) -> int:
        """The session row that stands there."""
        return int(self._model.rows[position])

    def selected_rows(self) -> NDArray[np.int64]:
        """Session rows that are selected, in display order; the current one if none is."""
        positions = self._view.selected_positions()
        if positions.size == 0 and self.position >= 0:
            positions = np.array([self.position])
        return self._model.rows[positions]

    # Moved by the operator: reported

    def step(self, count: int) -> None:
        """Go on by so many positions, no further than the ends."""
        position = self.position + count if self.position >= 0 else 0
        self._view.choose(min(len(self._model.rows) - 1, max(0, position)))

    def go_on(self, following: NDArray[np.int64], last: int) -> None:
        """To the row that followed position `last`, or to what stands there now if it is gone."""
        if len(self._model.rows) == 0:
            return
        position = self._model.position_of(int(following[0])) if following.size else -1
        if position < 0:
            position = min(last, len(self._model.rows) - 1)
        self._view.choose(position)

    def go_to_next_of(self, rows: NDArray[np.int64]) -> bool:
        """To the next of them, after the last to the first; False if none is shown."""
        positions = np.flatnonzero(np.isin(self._model.rows, rows))
        if positions.size == 0:
            return False
        later = positions[positions > self.position]
        self._view.choose(int(later[0] if later.size else positions[0]))
        return True

    # Moved from outside: not reported

    def choose(self, row: int) -> bool:
        """Make a session row the current and only selected one; False if it is not shown."""
        position = self._model.position_of(row)
        if position >= 0:
            self._quietly(lambda: self._view.choose(position))
        return position >= 0

    def select(self, rows: NDArray[np.int64]) -> bool:
        """Select those that are shown, the first of them the current one; False if none is."""
        positions = np.flatnonzero(np.isin(self._model.rows, rows))
        if positions.size:
            self._quietly(lambda: self._view.choose(int(positions[0])))
            self._view.select_positions(positions)
        return positions.size > 0

    def keep_over(self, rows: NDArray[np.int64]) -> None:
        """Show other session rows, with whatever of current, selected and scrolled they leave."""
        self._quietly(lambda: self._set_rows(rows))

    def scroll_to_current(self) -> None:
        """Bring the current row in sight; the top if there is none."""
        current = self._view.currentIndex()
        if current.isValid():
            self._quietly(lambda: self._view.scrollTo(current))
        else:
            self.scroll_to_top()

    def scroll_to_top(self) -> None:
        """Bring the first row in sight."""
        self._quietly(self._view.scrollToTop)

    def _set_rows(self, rows: NDArray[np.int64]) -> None:
        view, current, scrolled = self._view, self.row, self._view.verticalOffset()
        selected = self._model.rows[view.selected_positions()]
        if self._model.set_rows(rows):
            return
        position = self._model.position_of(current) if current is not None else -1
        if position >= 0:
            view.choose(position)
            if selected.size > 1:
                view.select_positions(np.flatnonzero(np.isin(rows, selected)))
            view.verticalScrollBar().setValue(scrolled)

    def _quietly(self, work: Callable[[], object]) -> None:
        before, self._quiet = self._quiet, True
        try:
            work()
        finally:
            self._quiet = before

    def _report_move(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if not self._quiet and current.isValid():
            self.moved.emit(self.row_at(current.row()))

    def _report_scroll(self, value: int) -> None:
        if not self._quiet and value > 0:
            self.scrolled.emit()
