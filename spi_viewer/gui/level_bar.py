"""The bar beside the pattern: colours, histogram of all valid pixels, two handles to drag."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt5.QtWidgets import QWidget

from spi_viewer.gui.intensity import HISTOGRAM_BINS, IntensityImage, Levels
from spi_viewer.gui.level_axis import LevelAxis
from spi_viewer.gui.painting import painting
from spi_viewer.gui.theme import theme_of

_COLOUR_WIDTH_PX = 12
_MARGIN_PX = 9
_GRAB_PX = 9


class LevelBar(QWidget):
    """Vertical level bar with a scale in the pattern's own units.

    Signals:
        levels_changed: Levels that the user dragged to.
        auto_requested: double click, levels should follow each frame again.
    """

    levels_changed = pyqtSignal(object)
    auto_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: IntensityImage | None = None
        self._levels = Levels(0.0, 1.0)
        self._colours: tuple[int, ...] = (0,) * 256
        self._strip = _strip(self._colours)
        self._dragged: str | None = None
        self.setMouseTracking(True)
        self.setToolTip("Drag the handles to set the levels; double click for automatic levels")

    def show_image(self, image: IntensityImage | None, levels: Levels) -> None:
        """Show the histogram of an image and the levels it is drawn with."""
        self._image, self._levels = image, levels
        self.update()

    def set_colours(self, colours: tuple[int, ...]) -> None:
        """256 QRgb values, the first for invalid pixels."""
        self._colours, self._strip = colours, _strip(colours)
        self.update()

    @property
    def axis(self) -> LevelAxis | None:
        """Where values stand on the bar as it is now; None without an image."""
        if self._image is None:
            return None
        height = max(1, self.height() - 2 * _MARGIN_PX)
        return LevelAxis(self._image.transform, self._image.axis, _MARGIN_PX, height)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw colours, histogram, scale and handles."""
        with painting(self) as painter:
            painter.setRenderHint(QPainter.Antialiasing)
            image, axis = self._image, self.axis
            if image is None or axis is None:
                return
            self._paint_histogram(painter, axis, image.histogram)
            self._paint_colours(painter, axis)
            self._paint_scale(painter, axis)
            for value in (self._levels.low, self._levels.high):
                self._paint_handle(painter, axis.y_of(value))

    def _paint_colours(self, painter: QPainter, axis: LevelAxis) -> None:
        low, high = axis.y_of(self._levels.low), axis.y_of(self._levels.high)
        painter.fillRect(
            QRectF(0, axis.top, _COLOUR_WIDTH_PX, axis.height), QColor(self._colours[1])
        )
        painter.fillRect(
            QRectF(0, axis.top, _COLOUR_WIDTH_PX, high - axis.top), QColor(self._colours[255])
        )
        painter.drawImage(QRectF(0, high, _COLOUR_WIDTH_PX, low - high), self._strip)

    def _paint_histogram(
        self, painter: QPainter, axis: LevelAxis, histogram: NDArray[np.int64]
    ) -> None:
        counts = np.log1p(histogram.astype(float))
        if counts.max() <= 0:
            return
        left, step = _COLOUR_WIDTH_PX + 3, axis.height / HISTOGRAM_BINS
        lengths = counts / counts.max() * (self.width() - left - 2)
        points = [QPointF(left, axis.bottom)]
        for index, length in enumerate(lengths):
            bottom = axis.bottom - index * step
            points += [QPointF(left + length, bottom), QPointF(left + length, bottom - step)]
        points.append(QPointF(left, axis.top))
        fill = QColor(theme_of(self.palette()).accent)
        fill.setAlpha(90)
        painter.setPen(Qt.NoPen)
        painter.setBrush(fill)
        painter.drawPolygon(QPolygonF(points))

    def _paint_scale(self, painter: QPainter, axis: LevelAxis) -> None:
        font = painter.font()
        font.setPointSizeF(max(6.5, font.pointSizeF() * 0.82))
        painter.setFont(font)
        for y, text in axis.ticks():
            painter.setPen(self.palette().color(self.palette().PlaceholderText))
            painter.drawLine(QPointF(_COLOUR_WIDTH_PX + 2, y), QPointF(_COLOUR_WIDTH_PX + 6, y))
            painter.setPen(self.palette().color(self.palette().Text))
            left = _COLOUR_WIDTH_PX + 11.0
            box = QRectF(left, y - 9, self.width() - left, 18)
            painter.drawText(box, Qt.AlignVCenter | Qt.AlignLeft, text)

    def _paint_handle(self, painter: QPainter, y: float) -> None:
        colour = self.palette().color(self.palette().Text)
        painter.setPen(QPen(colour, 1.2))
        painter.drawLine(QPointF(0, y), QPointF(_COLOUR_WIDTH_PX + 1, y))
        painter.setPen(Qt.NoPen)
        painter.setBrush(colour)
        x = _COLOUR_WIDTH_PX + 1.0
        painter.drawPolygon(
            QPolygonF([QPointF(x, y), QPointF(x + 7, y - 4.5), QPointF(x + 7, y + 4.5)])
        )

    def _handle_at(self, y: float) -> str | None:
        axis = self.axis
        if axis is None:
            return None
        to_low = abs(y - axis.y_of(self._levels.low))
        to_high = abs(y - axis.y_of(self._levels.high))
        if min(to_low, to_high) > _GRAB_PX:
            return None
        return "low" if to_low < to_high else "high"

    def sizeHint(self) -> QSize:
        """Narrow: the pattern needs the room."""
        return QSize(62, 240)

    def minimumSizeHint(self) -> QSize:
        """As low as the window needs."""
        return QSize(62, 80)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of a handle."""
        if event.button() == Qt.LeftButton:
            self._dragged = self._handle_at(event.pos().y())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move the handle that is held."""
        y, axis = event.pos().y(), self.axis
        if self._dragged is None or axis is None:
            over = self._handle_at(y) is not None
            self.setCursor(Qt.SizeVerCursor if over else Qt.ArrowCursor)
            return
        value, (low, high) = axis.value_at(y), (self._levels.low, self._levels.high)
        if self._dragged == "low":
            levels = Levels(min(value, axis.value_at(axis.y_of(high) + 3)), high)
        else:
            levels = Levels(low, max(value, axis.value_at(axis.y_of(low) - 3)))
        if levels != self._levels:
            self._levels = levels
            self.update()
            self.levels_changed.emit(levels)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Let go of the handle."""
        self._dragged = None

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        """Ask for automatic levels."""
        self._dragged = None
        self.auto_requested.emit()


def _strip(colours: tuple[int, ...]) -> QImage:
    """All colours in a column, the brightest on top."""
    strip = QImage(1, 255, QImage.Format_RGB32)
    for index in range(255):
        strip.setPixel(0, 254 - index, colours[index + 1])
    return strip
