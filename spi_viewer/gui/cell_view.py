"""A list in a grid that lays out nothing: where its cells lie is computed.

QListView keeps an entry per item and lays all of them out again at every insertion, which takes
seconds for a million frames.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QRect,
    Qt,
    pyqtSignal,
)
from PyQt5.QtGui import QKeyEvent, QRegion, QResizeEvent
from PyQt5.QtWidgets import QAbstractItemView, QWidget

from spi_viewer.gui.cell_geometry import CellGeometry

_MOST_RANGES = 20_000


class CellView(QAbstractItemView):
    """Where cells lie, which are chosen, and where keys lead; how they look is for a subclass.

    Signals:
        opened: position that was double clicked or entered.
    """

    opened = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSelectionMode(QAbstractItemView.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.NoEditTriggers)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarAlwaysOn)  # the width must not flicker
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        self.doubleClicked.connect(lambda index: self.opened.emit(index.row()))

    def geometry_of_cells(self) -> CellGeometry:
        """Where cells lie now, for a subclass to say."""
        raise NotImplementedError

    @property
    def count(self) -> int:
        """Number of cells."""
        return self.model().rowCount() if self.model() is not None else 0

    @property
    def columns(self) -> int:
        """Cells side by side."""
        return self.geometry_of_cells().columns

    def cell_rect(self, position: int) -> QRect:
        """Where a position is painted, in viewport coordinates."""
        return self.geometry_of_cells().rect(position)

    # Choosing

    def selected_positions(self) -> NDArray[np.int64]:
        """Positions selected, ascending."""
        chosen = np.zeros(self.count, bool)
        for part in self.selectionModel().selection():
            chosen[part.top() : part.bottom() + 1] = True
        return np.flatnonzero(chosen)

    def select_positions(self, positions: NDArray[np.int64]) -> None:
        """Select these ascending positions only; the current one stays."""
        selection = QItemSelection()
        breaks = np.flatnonzero(np.diff(positions) > 1)
        if positions.size and breaks.size < _MOST_RANGES:
            firsts = positions[np.concatenate([[0], breaks + 1])].tolist()
            lasts = positions[np.concatenate([breaks, [positions.size - 1]])].tolist()
            for first, last in zip(firsts, lasts, strict=True):
                selection.select(self.model().index(first, 0), self.model().index(last, 0))
        self.selectionModel().select(selection, QItemSelectionModel.ClearAndSelect)

    def choose(self, position: int) -> None:
        """Make a position the current and only selected one, and bring it in sight."""
        index = self.model().index(position, 0)
        self.selectionModel().setCurrentIndex(index, QItemSelectionModel.ClearAndSelect)
        self.scrollTo(index)

    # What QAbstractItemView asks for

    def visualRect(self, index: QModelIndex) -> QRect:
        """Where an index is painted."""
        return self.cell_rect(index.row()) if index.isValid() else QRect()

    def indexAt(self, point: QPoint) -> QModelIndex:
        """The index at a viewport point."""
        position = self.geometry_of_cells().position_at(point)
        inside = 0 <= position < self.count
        return self.model().index(position, 0) if inside else QModelIndex()

    def scrollTo(
        self,
        index: QModelIndex,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.EnsureVisible,
    ) -> None:
        """Scroll no further than it takes to see the whole cell."""
        if index.isValid():
            scrolled = self.geometry_of_cells().scrolled_to(index.row(), hint)
            self.verticalScrollBar().setValue(scrolled)

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, _modifiers: Qt.KeyboardModifiers
    ) -> QModelIndex:
        """Where a key leads from the current index."""
        if self.count == 0:
            return QModelIndex()
        position = self.geometry_of_cells().moved(self.currentIndex().row(), action)
        return self.model().index(position, 0)

    def horizontalOffset(self) -> int:
        """Never scrolled sideways."""
        return 0

    def verticalOffset(self) -> int:
        """Pixels scrolled down."""
        return self.verticalScrollBar().value()

    def isIndexHidden(self, _index: QModelIndex) -> bool:
        """Nothing is hidden."""
        return False

    def setSelection(self, rect: QRect, flags: QItemSelectionModel.SelectionFlags) -> None:
        """Select in reading order from one corner to the other."""
        if self.count == 0:
            return
        geometry = self.geometry_of_cells()
        corners = rect.topLeft(), rect.bottomRight()
        first, last = sorted(geometry.nearest_position_at(corner) for corner in corners)
        selection = QItemSelection(self.model().index(first, 0), self.model().index(last, 0))
        self.selectionModel().select(selection, flags)

    def visualRegionForSelection(self, _selection: QItemSelection) -> QRegion:
        """What to repaint when a selection changes: all there is, it is quick."""
        return QRegion(self.viewport().rect())

    def updateGeometries(self) -> None:
        """Fit the scroll bar to the number of lines."""
        super().updateGeometries()
        geometry, bar = self.geometry_of_cells(), self.verticalScrollBar()
        line = geometry.cell_height
        bar.setPageStep(geometry.whole_lines * line)
        bar.setSingleStep(max(1, line // 3))  # a notch of the wheel is three steps: one line
        bar.setRange(0, geometry.farthest)

    def rowsInserted(self, parent: QModelIndex, start: int, end: int) -> None:
        """More cells."""
        super().rowsInserted(parent, start, end)
        self.updateGeometries()

    def reset(self) -> None:
        """Other cells."""
        super().reset()
        self.updateGeometries()

    def keyboardSearch(self, _text: str) -> None:
        """Letters are decisions, not a search."""

    # Events

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the first visible frame when the number of columns changes."""
        super().resizeEvent(event)
        self.updateGeometries()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens."""
        if event.key() in (Qt.Key_Return, Qt.Key_Enter) and self.currentIndex().isValid():
            self.opened.emit(self.currentIndex().row())
            return
        super().keyPressEvent(event)
