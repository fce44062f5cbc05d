"""A grid that lays out nothing: positions are computed, and only visible cells are painted.

QListView keeps an entry per item and lays all of them out again at every insertion, which takes
seconds for a million frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QRect,
    Qt,
    pyqtSignal,
)
from PyQt5.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QPaintEvent,
    QRegion,
    QResizeEvent,
    QWheelEvent,
)
from PyQt5.QtWidgets import QAbstractItemView, QStyle, QWidget

from spi_viewer.gui.sliced_picture import Part, SlicedPicture
from spi_viewer.gui.thumbnail_delegate import GAP_PX, ThumbnailDelegate

SMALLEST_PX, LARGEST_PX = 48, 256
_MOST_RANGES = 20_000


class _Lines(NamedTuple):
    """Cells in lines, in viewport coordinates; lengths in pixels."""

    columns: int
    width: int
    cell_height: int
    scrolled: int

    def rect(self, position: int) -> QRect:
        """Of the cell at a position."""
        line, column = divmod(position, self.columns)
        left = column * self.width // self.columns
        right = (column + 1) * self.width // self.columns
        # Pictures stay equally large although widths differ by the rounding.
        even = self.width // self.columns
        left += (right - left - even) // 2
        return QRect(left, line * self.cell_height - self.scrolled, even, self.cell_height)


class ThumbnailView(QAbstractItemView):
    """Square pictures that fill the width evenly, in the order of the model.

    Signals:
        size_changed: picture side in pixels that the user chose with Ctrl and the wheel.
        opened: position that was double clicked or entered.
    """

    size_changed = pyqtSignal(int)
    opened = pyqtSignal(int)

    def __init__(self, picture_px: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wanted_px = min(LARGEST_PX, max(SMALLEST_PX, picture_px))
        self._delegate = ThumbnailDelegate(self)
        self._picture = SlicedPicture(self.viewport())
        self.setItemDelegate(self._delegate)
        self.setSelectionMode(QAbstractItemView.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.NoEditTriggers)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarAlwaysOn)  # the width must not flicker
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        self.setFrameShape(QAbstractItemView.NoFrame)
        self.doubleClicked.connect(lambda index: self.opened.emit(index.row()))

    # Geometry

    @property
    def columns(self) -> int:
        """Pictures side by side; smaller ones where the height holds no whole line."""
        width = self.viewport().width()
        line = self.viewport().height() - self._caption_height()
        cell = min(self._wanted_px + 2 * GAP_PX, max(SMALLEST_PX, line))
        return max(1, width // cell, -(-width // line) if SMALLEST_PX <= line <= cell else 1)

    def _caption_height(self) -> int:
        return self._delegate.caption_height(self.viewOptions())

    def _cell_height(self) -> int:
        return self.viewport().width() // self.columns + self._caption_height()

    def _count(self) -> int:
        return self.model().rowCount() if self.model() is not None else 0

    def cell_rect(self, position: int) -> QRect:
        """Where a position is painted, in viewport coordinates."""
        return self._lines().rect(position)

    def _lines(self) -> _Lines:
        """Where cells lie now; asked for once for many of them."""
        width, height = self.viewport().width(), self._cell_height()
        return _Lines(self.columns, width, height, self.verticalOffset())

    def visible_positions(self) -> range:
        """Positions that are at least partly on screen."""
        height, columns = self._cell_height(), self.columns
        first = self.verticalOffset() // height * columns
        last = ((self.verticalOffset() + self.viewport().height()) // height + 1) * columns
        return range(max(0, first), min(self._count(), last))

    def set_picture_px(self, picture_px: int) -> None:
        """Make pictures about this large; the current one stays in sight."""
        self._wanted_px = min(LARGEST_PX, max(SMALLEST_PX, picture_px))
        self.updateGeometries()
        if self.currentIndex().isValid():
            self.scrollTo(self.currentIndex())
        self._picture.change()

    # Choosing

    def selected_positions(self) -> NDArray[np.int64]:
        """Positions selected, ascending."""
        chosen = np.zeros(self._count(), bool)
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
        position = self._position_at(point)
        inside = 0 <= position < self._count()
        return self.model().index(position, 0) if inside else QModelIndex()

    def _position_at(self, point: QPoint) -> int:
        column = point.x() * self.columns // max(1, self.viewport().width())
        line = (point.y() + self.verticalOffset()) // self._cell_height()
        return line * self.columns + min(self.columns - 1, max(0, column))

    def scrollTo(
        self,
        index: QModelIndex,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.EnsureVisible,
    ) -> None:
        """Scroll no further than it takes to see the whole cell."""
        if not index.isValid():
            return
        rect, bar = self.cell_rect(index.row()), self.verticalScrollBar()
        height = self.viewport().height()
        if hint == QAbstractItemView.PositionAtTop or rect.top() < 0:
            bar.setValue(bar.value() + rect.top())
        elif hint == QAbstractItemView.PositionAtCenter:
            bar.setValue(bar.value() + rect.center().y() - height // 2)
        elif rect.bottom() > height:
            bar.setValue(bar.value() + min(rect.bottom() - height + 1, rect.top()))

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, _modifiers: Qt.KeyboardModifiers
    ) -> QModelIndex:
        """Where a key leads from the current index."""
        count = self._count()
        if count == 0:
            return QModelIndex()
        page = max(1, self.viewport().height() // self._cell_height()) * self.columns
        steps = {
            QAbstractItemView.MoveLeft: -1,
            QAbstractItemView.MovePrevious: -1,
            QAbstractItemView.MoveRight: 1,
            QAbstractItemView.MoveNext: 1,
            QAbstractItemView.MoveUp: -self.columns,
            QAbstractItemView.MoveDown: self.columns,
            QAbstractItemView.MovePageUp: -page,
            QAbstractItemView.MovePageDown: page,
            QAbstractItemView.MoveHome: -count,
            QAbstractItemView.MoveEnd: count,
        }
        current = self.currentIndex().row()
        position = 0 if current < 0 else min(count - 1, max(0, current + steps[action]))
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
        last = self._count() - 1
        if last < 0:
            return
        ends = sorted(
            min(last, max(0, self._position_at(corner)))
            for corner in (rect.topLeft(), rect.bottomRight())
        )
        selection = QItemSelection(self.model().index(ends[0], 0), self.model().index(ends[1], 0))
        self.selectionModel().select(selection, flags)

    def visualRegionForSelection(self, _selection: QItemSelection) -> QRegion:
        """What to repaint when a selection changes: all there is, it is quick."""
        return QRegion(self.viewport().rect())

    def updateGeometries(self) -> None:
        """Fit the scroll bar to the number of lines."""
        super().updateGeometries()
        height, bar = self._cell_height(), self.verticalScrollBar()
        lines = -(-self._count() // self.columns)
        bar.setPageStep(max(1, self.viewport().height() // height) * height)
        bar.setSingleStep(max(1, height // 3))  # a notch of the wheel is three steps: one line
        bar.setRange(0, max(0, lines * height - self.viewport().height()))

    def rowsInserted(self, parent: QModelIndex, start: int, end: int) -> None:
        """More frames."""
        super().rowsInserted(parent, start, end)
        self.updateGeometries()
        self._picture.change()

    def reset(self) -> None:
        """Other frames."""
        super().reset()
        self.updateGeometries()
        self._picture.change()

    def dataChanged(self, *_changed: object) -> None:
        """Pictures or facts changed."""
        self._picture.change()

    def keyboardSearch(self, _text: str) -> None:
        """Letters are decisions, not a search."""

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        """Other frames are selected."""
        super().selectionChanged(selected, deselected)
        self._picture.change()

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        """Another frame is the current one."""
        super().currentChanged(current, previous)
        self._picture.change()

    # Events

    @property
    def is_painted(self) -> bool:
        """Whether all cells are on the screen as they are now."""
        return self._picture.is_whole

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the visible cells."""
        if self.model() is not None:
            self._picture.paint(self._cells)

    def _cells(self) -> Iterator[Part]:
        """The visible cells, each as what paints it."""
        option, current = self.viewOptions(), self.currentIndex().row()
        plain = option.state & ~(QStyle.State_Selected | QStyle.State_HasFocus)
        lines, model, chosen = self._lines(), self.model(), self.selectionModel()
        for position in self.visible_positions():
            index = model.index(position, 0)
            option.rect, option.state = lines.rect(position), plain
            if chosen.isSelected(index):
                option.state |= QStyle.State_Selected
            if position == current:
                option.state |= QStyle.State_HasFocus
            yield partial(self._delegate.paint, option=option, index=index)

    def scrollContentsBy(self, _dx: int, _dy: int) -> None:
        """Repaint: cheaper than sorting out what moved."""
        self._picture.change()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the first visible frame when the number of columns changes."""
        super().resizeEvent(event)
        self.updateGeometries()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Ctrl and the wheel change the size."""
        if event.modifiers() & Qt.ControlModifier:
            step = 8 if event.angleDelta().y() > 0 else -8
            self.set_picture_px(self._wanted_px + step)
            self.size_changed.emit(self._wanted_px)
            event.accept()
            return
        super().wheelEvent(event)

    def focusInEvent(self, _event: QFocusEvent) -> None:
        """Choose nothing: Qt would make the first frame current, which the operator did not."""
        self._picture.change()

    def changeEvent(self, event: QEvent) -> None:
        """Other colours, another font, no longer the window in use."""
        super().changeEvent(event)
        self._picture.change()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens."""
        if event.key() in (Qt.Key_Return, Qt.Key_Enter) and self.currentIndex().isValid():
            self.opened.emit(self.currentIndex().row())
            return
        super().keyPressEvent(event)
