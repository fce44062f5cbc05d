"""A loop drawn with the mouse, and what lies in it."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt5.QtCore import QPointF, Qt, pyqtSignal


class LassoBox(pg.ViewBox):
    """A plot's inside in which a drag draws a loop; the wheel zooms, a double click shows all.

    Attributes:
        is_drawing: a loop is begun and not closed yet.

    Signals:
        loop_drawn: (n, 2) corners of the loop in the plot's coordinates, while and after drawing.
        loop_closed: the same, when the button is let go.
        clicked: QPointF in the plot's coordinates.
    """

    loop_drawn = pyqtSignal(object)
    loop_closed = pyqtSignal(object)
    clicked = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self._corners: list[tuple[float, float]] = []
        self.is_drawing = False

    def mouseDragEvent(
        self, event: pg.GraphicsScene.mouseEvents.MouseDragEvent, axis: int | None = None
    ) -> None:
        """Draw on."""
        if event.button() != Qt.LeftButton:
            event.ignore()
            return
        event.accept()
        if event.isStart():
            self._corners = [self._place(event.buttonDownScenePos())]
        self._corners.append(self._place(event.scenePos()))
        self.is_drawing = not event.isFinish()
        corners = np.array(self._corners)
        self.loop_drawn.emit(corners)
        if event.isFinish():
            self.loop_closed.emit(corners)

    def mouseClickEvent(self, event: pg.GraphicsScene.mouseEvents.MouseClickEvent) -> None:
        """A double click shows all points again."""
        if event.button() != Qt.LeftButton:
            return
        event.accept()
        if event.double():
            self.enableAutoRange()
        else:
            self.clicked.emit(QPointF(*self._place(event.scenePos())))

    def _place(self, scene_position: QPointF) -> tuple[float, float]:
        point = self.mapSceneToView(scene_position)
        return point.x(), point.y()


def inside(points: NDArray[np.float32], corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points (n, 2) lie in a loop of corners (m, 2): (n,) bool.

    A ray to the right crosses the loop an odd number of times (even-odd rule); NaN lies outside.
    """
    x, y = points[:, 0].astype(np.float64), points[:, 1].astype(np.float64)
    odd = np.zeros(len(points), bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        between = (y0 > y) != (y1 > y)
        odd ^= between & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return odd & np.isfinite(x) & np.isfinite(y)
