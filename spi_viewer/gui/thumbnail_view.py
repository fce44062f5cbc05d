"""Thumbnails painted into a grid's cells, a few milliseconds at a time, as large as one wants."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from PyQt5.QtCore import QEvent, QItemSelection, QModelIndex, Qt, pyqtSignal
from PyQt5.QtGui import QFocusEvent, QPaintEvent, QWheelEvent
from PyQt5.QtWidgets import QFrame, QStyle, QWidget

from spi_viewer.gui.cell_geometry import LARGEST_PX, SMALLEST_PX, CellGeometry
from spi_viewer.gui.cell_view import CellView
from spi_viewer.gui.sliced_picture import Part, SlicedPicture
from spi_viewer.gui.thumbnail_delegate import ThumbnailDelegate


class ThumbnailView(CellView):
    """Square pictures that fill the width evenly, in the order of the model.

    Signals:
        size_changed: picture side in pixels that the user chose with Ctrl and the wheel.
    """

    size_changed = pyqtSignal(int)

    def __init__(self, picture_px: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wanted_px = min(LARGEST_PX, max(SMALLEST_PX, picture_px))
        self._delegate = ThumbnailDelegate(self)
        self._picture = SlicedPicture(self.viewport())
        self.setItemDelegate(self._delegate)
        self.setFrameShape(QFrame.NoFrame)

    def geometry_of_cells(self) -> CellGeometry:
        """Where cells lie now."""
        return CellGeometry(
            width=self.viewport().width(),
            height=self.viewport().height(),
            picture_px=self._wanted_px,
            caption_px=self._delegate.caption_height(self.viewOptions()),
            count=self.count,
            scrolled=self.verticalOffset(),
        )

    @property
    def is_painted(self) -> bool:
        """Whether all cells are on the screen as they are now."""
        return self._picture.is_whole

    def set_picture_px(self, picture_px: int) -> None:
        """Make pictures about this large; the current one stays in sight."""
        self._wanted_px = min(LARGEST_PX, max(SMALLEST_PX, picture_px))
        self.updateGeometries()
        if self.currentIndex().isValid():
            self.scrollTo(self.currentIndex())
        self._picture.change()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the visible cells."""
        if self.model() is not None:
            self._picture.paint(self._cells)

    def _cells(self) -> Iterator[Part]:
        """The visible cells, each as what paints it."""
        option, current = self.viewOptions(), self.currentIndex().row()
        plain = option.state & ~(QStyle.State_Selected | QStyle.State_HasFocus)
        geometry, model, chosen = self.geometry_of_cells(), self.model(), self.selectionModel()
        for position in geometry.visible_positions():
            index = model.index(position, 0)
            option.rect, option.state = geometry.rect(position), plain
            if chosen.isSelected(index):
                option.state |= QStyle.State_Selected
            if position == current:
                option.state |= QStyle.State_HasFocus
            yield partial(self._delegate.paint, option=option, index=index)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Ctrl and the wheel change the size."""
        if event.modifiers() & Qt.ControlModifier:
            step = 8 if event.angleDelta().y() > 0 else -8
            self.set_picture_px(self._wanted_px + step)
            self.size_changed.emit(self._wanted_px)
            event.accept()
            return
        super().wheelEvent(event)

    # What changes the picture

    def rowsInserted(self, parent: QModelIndex, start: int, end: int) -> None:
        """More frames."""
        super().rowsInserted(parent, start, end)
        self._picture.change()

    def reset(self) -> None:
        """Other frames."""
        super().reset()
        self._picture.change()

    def dataChanged(self, *_changed: object) -> None:
        """Pictures or facts changed."""
        self._picture.change()

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        """Other frames are selected."""
        super().selectionChanged(selected, deselected)
        self._picture.change()

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        """Another frame is the current one."""
        super().currentChanged(current, previous)
        self._picture.change()

    def scrollContentsBy(self, _dx: int, _dy: int) -> None:
        """Repaint: cheaper than sorting out what moved."""
        self._picture.change()

    def focusInEvent(self, _event: QFocusEvent) -> None:
        """Choose nothing: Qt would make the first frame current, which the operator did not."""
        self._picture.change()

    def changeEvent(self, event: QEvent) -> None:
        """Other colours, another font, no longer the window in use."""
        super().changeEvent(event)
        self._picture.change()
