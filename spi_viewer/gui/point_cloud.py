"""Thousands of equal dots in a plot, painted at once.

pyqtgraph's scatter plot styles each dot by itself: with 3000 of them the window stood still for a
tenth of a second at each update.
"""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt5.QtCore import QRectF, Qt
from PyQt5.QtGui import QColor, QPainter, QPen
from PyQt5.QtWidgets import QStyleOptionGraphicsItem, QWidget


class PointCloud(pg.GraphicsObject):
    """Dots of one colour.

    Args:
        size_px: of a dot, whatever the zoom.
    """

    def __init__(self, size_px: float) -> None:
        super().__init__()
        self._polygon = pg.functions.arrayToQPolygonF(np.zeros(0), np.zeros(0))
        self._pen = QPen(Qt.white, size_px, Qt.SolidLine, Qt.RoundCap)
        self._pen.setCosmetic(True)
        self.count = 0

    def set_points(self, points: NDArray[np.float32]) -> None:
        """Show points (n, 2) in the plot's coordinates, in place of those before."""
        self.prepareGeometryChange()
        x, y = np.ascontiguousarray(points.T, np.float64)
        self._polygon = pg.functions.arrayToQPolygonF(x, y)
        self.count = len(points)
        self.informViewBoundsChanged()
        self.update()

    def set_colour(self, colour: QColor) -> None:
        """Paint in this colour from now on."""
        self._pen.setColor(colour)
        self.update()

    def boundingRect(self) -> QRectF:
        """Where the points lie; the dots themselves reach out of it by half their size."""
        return self._polygon.boundingRect() if self.count else QRectF()

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Paint all dots, in pixels: scaled with the plot, Qt would stretch their round ends."""
        if self.count:
            places = painter.transform().map(self._polygon)
            painter.save()
            painter.resetTransform()
            painter.setPen(self._pen)
            painter.drawPoints(places)
            painter.restore()
