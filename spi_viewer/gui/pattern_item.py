"""The pattern in the scene: paints what is on screen, at the detail that the screen can show."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PyQt5.QtCore import QRectF
from PyQt5.QtGui import QImage, QPainter
from PyQt5.QtWidgets import QStyleOptionGraphicsItem, QWidget

from spi_viewer.gui.intensity import IntensityImage, Levels


class PatternItem(pg.GraphicsObject):
    """An IntensityImage drawn row-major, y downwards, into a rectangle of detector coordinates.

    Zoomed out it paints a max-pooled copy, so no bright pixel is lost between screen pixels;
    zoomed in only the visible part is coloured, so 4096 x 4096 costs no more than 1024 x 1024.
    """

    def __init__(self) -> None:
        super().__init__()
        self._image: IntensityImage | None = None
        self._place = QRectF()
        self._levels = Levels(0.0, 1.0)
        self._level_table = np.zeros(65536, dtype=np.uint8)
        self._colours: list[int] = [0] * 256
        self._painted: tuple[tuple[int, ...], QImage] | None = None

    def set_image(self, image: IntensityImage | None, place: QRectF, levels: Levels) -> None:
        """Show another image; `place` is where its outer edges lie."""
        if place != self._place:
            self.prepareGeometryChange()
        self._image, self._place = image, place
        self.set_levels(levels)

    def set_levels(self, levels: Levels) -> None:
        """Draw between other levels."""
        self._levels = levels
        if self._image is not None:
            self._level_table = self._image.level_table(levels)
        self._refresh()

    def set_colours(self, colours: tuple[int, ...]) -> None:
        """256 QRgb values, the first for invalid pixels."""
        self._colours = list(colours)
        self._refresh()

    def _refresh(self) -> None:
        self._painted = None
        self.update()

    def boundingRect(self) -> QRectF:
        """Outer edges in detector coordinates."""
        return QRectF(self._place)

    def paint(
        self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None = None
    ) -> None:
        """Colour and draw the visible part."""
        if self._image is None or self._place.isEmpty():
            return
        copy, region = self._copy_and_region(painter)
        if region.isEmpty():
            return
        step = 2**copy
        key = (copy, int(region.x()), int(region.y()), int(region.width()), int(region.height()))
        if self._painted is None or self._painted[0] != key:
            self._painted = (key, self._coloured(*key))
        height, width = self._image.shape
        to_x, to_y = self._place.width() / width, self._place.height() / height
        target = QRectF(
            self._place.x() + region.x() * step * to_x,
            self._place.y() + region.y() * step * to_y,
            region.width() * step * to_x,
            region.height() * step * to_y,
        )
        painter.setClipRect(self._place)  # the last pooled pixel may reach over the edge
        painter.drawImage(target, self._painted[1])

    def _copy_and_region(self, painter: QPainter) -> tuple[int, QRectF]:
        """Which copy suits the zoom, and its visible part in whole pixels of that copy."""
        assert self._image is not None
        height, width = self._image.shape
        screen_per_pixel = painter.deviceTransform().m11() * self._place.width() / width
        copy = 0
        while copy + 1 < len(self._image.copies) and screen_per_pixel * 2**copy < 0.75:
            copy += 1
        step = 2**copy
        seen = self.viewRect() & self._place if self.getViewBox() else self._place
        to_x, to_y = width / self._place.width(), height / self._place.height()
        left = int((seen.left() - self._place.left()) * to_x / step)
        top = int((seen.top() - self._place.top()) * to_y / step)
        right = int(np.ceil((seen.right() - self._place.left()) * to_x / step))
        bottom = int(np.ceil((seen.bottom() - self._place.top()) * to_y / step))
        rows, columns = self._image.copies[copy].shape
        left, top = max(0, left), max(0, top)
        right, bottom = min(columns, right), min(rows, bottom)
        return copy, QRectF(left, top, max(0, right - left), max(0, bottom - top))

    def _coloured(self, copy: int, x: int, y: int, width: int, height: int) -> QImage:
        assert self._image is not None
        indices = self._level_table[self._image.copies[copy][y : y + height, x : x + width]]
        image = QImage(indices.data, width, height, width, QImage.Format_Indexed8)
        image.setColorTable(self._colours)
        return image.convertToFormat(QImage.Format_RGB32)  # a copy: `indices` may go
