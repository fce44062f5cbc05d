"""What is drawn over the pattern: crop square, centre, resolution rings, activation map."""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt5.QtCore import QPointF, QRectF, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QImage, QPainter, QPen
from PyQt5.QtWidgets import QStyleOptionGraphicsItem, QWidget

from spi_viewer.frames import NETWORK_SIDE_PX, Crop, DetectorGeometry
from spi_viewer.gui import resolution
from spi_viewer.gui.colour_maps import activation_table

_LIGHT = QColor(235, 240, 245)
_SHADOW = QColor(0, 0, 0, 150)
_CROP = QColor("#5aa9ff")
_SMALLEST_CROP_PX = 16


def _same_place(one: Crop, other: Crop) -> bool:
    """True when a press without a drag changed no more than the last bit."""
    return (
        math.isclose(one.center_x_px, other.center_x_px, abs_tol=1e-6)
        and math.isclose(one.center_y_px, other.center_y_px, abs_tol=1e-6)
        and math.isclose(one.scale, other.scale, rel_tol=1e-9)
    )


def _with_few_digits(crop: Crop) -> Crop:
    """Finer than any hand, and short enough to be typed into a command."""
    center_y_px, center_x_px = round(crop.center_y_px, 2), round(crop.center_x_px, 2)
    return Crop(center_y_px, center_x_px, round(crop.scale, 4))


def crop_rect(crop: Crop) -> QRectF:
    """Outer edges of the crop in detector coordinates, where pixel k covers k - 0.5 .. k + 0.5."""
    side = crop.side_px
    return QRectF(crop.center_x_px - side / 2, crop.center_y_px - side / 2, side, side)


class CropSquare(pg.ROI):
    """The square that the network sees; drag it, or pull a corner to change the binning.

    Signals:
        crop_dragged: Crop where the square was released.
    """

    crop_dragged = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__(
            (0, 0),
            (NETWORK_SIDE_PX, NETWORK_SIDE_PX),
            aspectLocked=True,
            rotatable=False,
            pen=pg.mkPen(_CROP, width=1.5),
            hoverPen=pg.mkPen(_CROP, width=2.5),
            handlePen=pg.mkPen(_CROP, width=1.5),
        )
        for corner in ((0, 0), (1, 0), (0, 1), (1, 1)):
            self.addScaleHandle(corner, (0.5, 0.5), lockAspect=True)
        self.sigRegionChangeFinished.connect(self._report)
        self._shown: Crop | None = None

    def show_crop(self, crop: Crop) -> None:
        """Follow a crop from outside, without reporting it as dragged; not while it is held."""
        if self._is_held():
            return
        self._place(crop)

    def _is_held(self) -> bool:
        return self.isMoving or any(handle.isMoving for handle in self.getHandles())

    def _place(self, crop: Crop) -> None:
        self._shown = crop
        place = crop_rect(crop)
        self.setPos(place.topLeft(), update=False, finish=False)
        self.setSize((place.width(), place.height()), finish=False)

    def _report(self) -> None:
        side = float(self.size().x())
        position = self.pos()
        scale = max(side, _SMALLEST_CROP_PX) / NETWORK_SIDE_PX
        if scale >= 1:
            scale = float(round(scale))  # whole pixels are summed, never parts of them
        crop = Crop(position.y() + side / 2, position.x() + side / 2, scale)
        if self._shown is None or not _same_place(crop, self._shown):
            crop = _with_few_digits(crop)
            self._place(crop)
            self.crop_dragged.emit(crop)


class CentreCross(pg.TargetItem):
    """The beam centre, draggable.

    Signals:
        centre_dragged: (x, y) in detector pixels where it was released.
    """

    centre_dragged = pyqtSignal(float, float)

    def __init__(self) -> None:
        super().__init__(symbol="crosshair", size=22, movable=True, pen=pg.mkPen(_LIGHT, width=1.4))
        self.sigPositionChangeFinished.connect(self._report)
        self._shown = (0.0, 0.0)

    def show_centre(self, x_px: float, y_px: float) -> None:
        """Follow a centre from outside."""
        self._shown = (x_px, y_px)
        self.setPos(x_px, y_px)

    def _report(self) -> None:
        position = (float(self.pos().x()), float(self.pos().y()))
        if position != self._shown:
            self._shown = position
            self.centre_dragged.emit(*position)


class ResolutionRings(pg.GraphicsObject):
    """Dashed rings of equal full-period resolution, labelled in nm; none if q is not known."""

    def __init__(self) -> None:
        super().__init__()
        self._rings: list[tuple[float, float]] = []
        self._centre = QPointF()

    @property
    def rings(self) -> list[tuple[float, float]]:
        """(resolution in nm, radius in pixels), outermost first."""
        return self._rings

    def show_geometry(
        self, geometry: DetectorGeometry, crop: Crop, frame_shape: tuple[int, int]
    ) -> None:
        """Lay rings about the centre out to the nearest frame edge, or half-way if it is off."""
        self.prepareGeometryChange()
        height, width = frame_shape
        x, y = crop.center_x_px, crop.center_y_px
        outer = max(min(x, width - x, y, height - y), min(height, width) / 4)
        self._rings = resolution.ring_resolutions(geometry, outer)
        self._centre = QPointF(x, y)
        self.update()

    def boundingRect(self) -> QRectF:
        """The outermost ring with room for its label."""
        radius = 1.1 * max((radius for _, radius in self._rings), default=0.0)
        return QRectF(self._centre.x() - radius, self._centre.y() - radius, 2 * radius, 2 * radius)

    def paint(
        self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None = None
    ) -> None:
        """Draw rings in detector coordinates and labels in screen pixels."""
        painter.setRenderHint(QPainter.Antialiasing)
        painter.setBrush(Qt.NoBrush)
        for colour, width in ((_SHADOW, 2.4), (_LIGHT, 1.0)):
            pen = QPen(colour, width, Qt.CustomDashLine)
            pen.setDashPattern([6 / width, 5 / width])
            pen.setCosmetic(True)
            painter.setPen(pen)
            for _, radius in self._rings:
                painter.drawEllipse(self._centre, radius, radius)
        self._paint_labels(painter)

    def _paint_labels(self, painter: QPainter) -> None:
        to_screen = painter.transform()
        painter.save()
        painter.resetTransform()
        metrics = painter.fontMetrics()
        direction = math.radians(-62)  # off the vertical, where streaks of a gap or jet often run
        for nanometres, radius in self._rings:
            point = to_screen.map(
                self._centre + QPointF(radius * math.cos(direction), radius * math.sin(direction))
            )
            text = f"{nanometres:g} nm"
            box = QRectF(metrics.boundingRect(text)).adjusted(-4, -1, 4, 1)
            box.moveCenter(point)
            painter.setPen(Qt.NoPen)
            painter.setBrush(_SHADOW)
            painter.drawRoundedRect(box, 4, 4)
            painter.setPen(_LIGHT)
            painter.drawText(box, Qt.AlignCenter, text)
        painter.restore()


class ActivationOverlay(pg.GraphicsObject):
    """A class activation map over the crop square, transparent where the network saw nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._place = QRectF()
        self._picture: QImage | None = None

    def show_map(self, activation: NDArray[np.float32] | None, crop: Crop | None) -> None:
        """Show a (128, 128) map; its positive part is stretched to the full colour range."""
        self.prepareGeometryChange()
        if activation is None or crop is None:
            self._picture, self._place = None, QRectF()
        else:
            self._picture, self._place = activation_image(activation), crop_rect(crop)
        self.update()

    def boundingRect(self) -> QRectF:
        """The crop square."""
        return QRectF(self._place)

    def paint(
        self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None = None
    ) -> None:
        """Draw the map smoothly: it is an upsampled coarse grid."""
        if self._picture is not None:
            painter.setRenderHint(QPainter.SmoothPixmapTransform)
            painter.drawImage(self._place, self._picture)


def activation_image(activation: NDArray[np.float32]) -> QImage:
    """(h, w) evidence for a class as a translucent picture; evidence against it is left out."""
    finite = np.nan_to_num(activation, nan=0.0, posinf=0.0, neginf=0.0)
    top = float(finite.max(initial=0.0))
    indices = np.clip(finite * (255.0 / top) if top > 0 else finite * 0, 0, 255).astype(np.uint8)
    height, width = indices.shape
    indices = np.ascontiguousarray(indices)
    image = QImage(indices.data, width, height, width, QImage.Format_Indexed8)
    image.setColorTable(list(activation_table()))
    return image.convertToFormat(QImage.Format_ARGB32_Premultiplied)
