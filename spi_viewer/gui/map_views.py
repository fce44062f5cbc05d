"""Widgets that show maps of the network as large as their space allows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt
from PyQt5.QtGui import QColor, QHelpEvent, QImage, QPainter, QPaintEvent
from PyQt5.QtWidgets import QSizePolicy, QToolTip, QWidget

from spi_viewer.gui.map_pictures import indexed_image, indices_of, tile_columns
from spi_viewer.gui.painting import painting
from spi_viewer.gui.theme import theme_of

_GAP_PX = 2
_BETWEEN_PX = 6


class PicturePair(QWidget):
    """Two square pictures side by side with a caption under each, filling the width."""

    def __init__(self, captions: tuple[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._captions = captions
        self._pictures: tuple[QImage | None, QImage | None] = (None, None)
        policy = QSizePolicy(QSizePolicy.Expanding, QSizePolicy.Preferred)
        self.setSizePolicy(policy)

    def show_pictures(self, left: QImage | None, right: QImage | None) -> None:
        """Show two pictures, or empty places."""
        self._pictures = (left, right)
        self.update()

    def show_captions(self, left: str, right: str) -> None:
        """Write other captions."""
        self._captions = (left, right)
        self.update()

    def _caption_height(self) -> int:
        return self.fontMetrics().height() + 2

    def sizeHint(self) -> QSize:
        """Two squares of a panel's usual width."""
        return QSize(320, 158 + self._caption_height())

    def minimumSizeHint(self) -> QSize:
        """Still recognisable."""
        return QSize(84, 60 + self._caption_height())

    def full_height(self, width: int) -> int:
        """Height at which the pictures, side by side, fill this width."""
        return (width - _BETWEEN_PX) // 2 + 2 + self._caption_height()

    def places(self) -> tuple[QRectF, QRectF]:
        """Where the two squares are: side by side, or one below the other if that is larger."""
        caption = self._caption_height()
        beside = min((self.width() - _BETWEEN_PX) / 2, self.height() - caption)
        below = min(float(self.width()), (self.height() - _BETWEEN_PX) / 2 - caption)
        side = max(1.0, beside, below)
        first, second = QRectF(0, 0, side, side), QRectF(0, 0, side, side)
        if below > beside:
            first.moveLeft((self.width() - side) / 2)
            second.moveTopLeft(first.topLeft() + QPointF(0, side + caption + _BETWEEN_PX))
        else:  # each in the middle of its half, so that captions have room
            first.moveLeft((self.width() / 2 - side) / 2)
            second.moveLeft(self.width() / 2 + (self.width() / 2 - side) / 2)
        return first, second

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw pictures and captions."""
        with painting(self) as painter:
            painter.setRenderHint(QPainter.SmoothPixmapTransform)
            theme = theme_of(self.palette())
            places = self.places()
            stacked = places[0].x() == places[1].x()
            room = float(self.width()) if stacked else (self.width() - _BETWEEN_PX) / 2
            for place, picture, caption in zip(places, self._pictures, self._captions, strict=True):
                painter.fillRect(place, QColor(theme.canvas))
                if picture is not None:
                    painter.drawImage(place, picture)
                below = QRectF(0, place.bottom() + 1, room, self._caption_height())
                below.moveCenter(QPointF(place.center().x(), below.center().y()))
                painter.setPen(QColor(theme.muted))
                text = self.fontMetrics().elidedText(caption, Qt.ElideRight, int(room))
                painter.drawText(below, Qt.AlignHCenter | Qt.AlignTop, text)


class MapTiles(QWidget):
    """All feature maps of a layer as one sheet of tiles, as large as the space allows."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._maps: NDArray[np.float32] = np.zeros((0, 1, 1), np.float32)
        self._pictures: list[QImage] = []
        self._colour_map = "viridis"
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Expanding)

    def show_maps(self, maps: NDArray[np.float32]) -> None:
        """Show (c, h, w) maps, each stretched over the colours by itself."""
        self._maps = maps
        self._pictures = [indexed_image(tile, self._colour_map) for tile in indices_of(maps)]
        self.update()

    @property
    def map_count(self) -> int:
        """Tiles shown."""
        return len(self._pictures)

    def sizeHint(self) -> QSize:
        """A good part of the panel."""
        return QSize(320, 240)

    def minimumSizeHint(self) -> QSize:
        """Still recognisable."""
        return QSize(150, 90)

    def _grid(self) -> tuple[int, float, float]:
        """Columns, side of a tile with its gap, and left edge of the centred sheet."""
        columns = tile_columns(self.map_count, self.width(), self.height())
        lines = -(-self.map_count // columns)
        side = min(self.width() / columns, self.height() / max(1, lines))
        side = max(_GAP_PX + 1.0, side)
        return columns, side, (self.width() - columns * side) / 2

    def places(self) -> list[QRectF]:
        """Where each tile is drawn."""
        columns, side, left = self._grid()
        size = side - _GAP_PX
        cells = (divmod(number, columns) for number in range(self.map_count))
        return [QRectF(left + column * side, line * side, size, size) for line, column in cells]

    def map_at(self, point: QPoint) -> int | None:
        """Number of the map under a point."""
        return next((n for n, place in enumerate(self.places()) if place.contains(point)), None)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the tiles."""
        with painting(self) as painter:
            painter.setRenderHint(QPainter.SmoothPixmapTransform)
            for place, picture in zip(self.places(), self._pictures, strict=True):
                painter.drawImage(place, picture)

    def event(self, event: QEvent) -> bool:
        """A tool tip names the map under the pointer and its range."""
        if event.type() == QEvent.ToolTip and isinstance(event, QHelpEvent):
            number = self.map_at(event.pos())
            if number is None:
                QToolTip.hideText()
            else:
                values = self._maps[number]
                text = f"map {number}: {values.min():.3g} to {values.max():.3g}"
                QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)
