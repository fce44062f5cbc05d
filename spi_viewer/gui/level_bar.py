"""The bar beside the pattern: colours, histogram of all valid pixels, two handles to drag."""

from __future__ import annotations

import math

import numpy as np
from PyQt5.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt5.QtWidgets import QWidget

from spi_viewer.gui.intensity import HISTOGRAM_BINS, IntensityImage, Levels
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

    def _track(self) -> QRectF:
        """Where the axis runs, in widget coordinates."""
        return QRectF(0, _MARGIN_PX, self.width(), max(1, self.height() - 2 * _MARGIN_PX))

    def _ends(self) -> tuple[float, float]:
        assert self._image is not None
        axis, transform = self._image.axis, self._image.transform
        start, end = transform.position(axis.low), transform.position(axis.high)
        return start, max(end, start + 1e-30)

    def y_of(self, value: float) -> float:
        """Widget y of a value, clipped to the bar."""
        assert self._image is not None
        start, end = self._ends()
        part = (self._image.transform.position(value) - start) / (end - start)
        track = self._track()
        return track.bottom() - min(1.0, max(0.0, part)) * track.height()

    def value_at(self, y: float) -> float:
        """Value at a widget y."""
        assert self._image is not None
        start, end = self._ends()
        track = self._track()
        part = min(1.0, max(0.0, (track.bottom() - y) / track.height()))
        return self._image.transform.value(start + part * (end - start))

    def _ticks(self) -> list[tuple[float, str]]:
        """Round values that keep their distance on the bar."""
        assert self._image is not None
        start, end = self._ends()
        wanted = max(2, int(self._track().height() / 34))
        ticks: list[tuple[float, str]] = []
        taken: list[float] = []
        for part in np.linspace(0.0, 1.0, 4 * wanted):
            value = _rounded(
                self._image.transform.value(start + part * (end - start)),
                abs(
                    self._image.transform.value(start + min(1.0, part + 0.02) * (end - start))
                    - self._image.transform.value(start + max(0.0, part - 0.02) * (end - start))
                ),
            )
            y = self.y_of(value)
            inside = self._track().top() - 1 <= y <= self._track().bottom() + 1
            if inside and all(abs(y - other) > 24 for other in taken):
                taken.append(y)
                ticks.append((value, format_level(value)))
        return ticks

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw colours, histogram, scale and handles."""
        with painting(self) as painter:
            painter.setRenderHint(QPainter.Antialiasing)
            if self._image is None:
                return
            self._paint_histogram(painter)
            self._paint_colours(painter)
            self._paint_scale(painter)
            for value in (self._levels.low, self._levels.high):
                self._paint_handle(painter, self.y_of(value))

    def _paint_colours(self, painter: QPainter) -> None:
        low, high = self.y_of(self._levels.low), self.y_of(self._levels.high)
        track = self._track()
        painter.fillRect(
            QRectF(0, track.top(), _COLOUR_WIDTH_PX, track.height()), QColor(self._colours[1])
        )
        painter.fillRect(
            QRectF(0, track.top(), _COLOUR_WIDTH_PX, high - track.top()), QColor(self._colours[255])
        )
        painter.drawImage(QRectF(0, high, _COLOUR_WIDTH_PX, low - high), self._strip)

    def _paint_histogram(self, painter: QPainter) -> None:
        assert self._image is not None
        counts = np.log1p(self._image.histogram.astype(float))
        if counts.max() <= 0:
            return
        track, left = self._track(), _COLOUR_WIDTH_PX + 3
        lengths = counts / counts.max() * (self.width() - left - 2)
        points = [QPointF(left, track.bottom())]
        for index, length in enumerate(lengths):
            bottom = track.bottom() - index / HISTOGRAM_BINS * track.height()
            points += [
                QPointF(left + length, bottom),
                QPointF(left + length, bottom - track.height() / HISTOGRAM_BINS),
            ]
        points.append(QPointF(left, track.top()))
        fill = QColor(theme_of(self.palette()).accent)
        fill.setAlpha(90)
        painter.setPen(Qt.NoPen)
        painter.setBrush(fill)
        painter.drawPolygon(QPolygonF(points))

    def _paint_scale(self, painter: QPainter) -> None:
        font = painter.font()
        font.setPointSizeF(max(6.5, font.pointSizeF() * 0.82))
        painter.setFont(font)
        for value, text in self._ticks():
            y = self.y_of(value)
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
        if self._image is None:
            return None
        to_low = abs(y - self.y_of(self._levels.low))
        to_high = abs(y - self.y_of(self._levels.high))
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
        y = event.pos().y()
        if self._dragged is None or self._image is None:
            over = self._handle_at(y) is not None
            self.setCursor(Qt.SizeVerCursor if over else Qt.ArrowCursor)
            return
        value = self.value_at(y)
        if self._dragged == "low":
            levels = Levels(
                min(value, self.value_at(self.y_of(self._levels.high) + 3)), self._levels.high
            )
        else:
            levels = Levels(
                self._levels.low, max(value, self.value_at(self.y_of(self._levels.low) - 3))
            )
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


def format_level(value: float) -> str:
    """A level in few characters: 0, 0.25, −3, 143, 65k, 2.1M."""
    size = abs(value)
    if size >= 1e9:
        text = f"{size:.1e}"
    elif size >= 1e6:
        text = f"{size / 1e6:.3g}M"
    elif size >= 1e4:
        text = f"{size / 1e3:.3g}k"
    else:
        text = f"{size:.3g}" if size < 1000 else f"{size:.0f}"
    return f"−{text}" if value < 0 else text


def _rounded(value: float, resolution: float) -> float:
    """`value` on a step of 1, 2 or 5 times a power of ten that is no finer than `resolution`."""
    if resolution <= 0 or not math.isfinite(value):
        return value
    decade = 10.0 ** math.floor(math.log10(resolution))
    step = next(factor * decade for factor in (1, 2, 5, 10) if factor * decade >= resolution)
    return round(value / step) * step
