"""The zoomable picture with its overlays; knows arrays and coordinates, no settings."""

from __future__ import annotations

import pyqtgraph as pg
from PyQt5.QtCore import QEvent, QPointF, QRectF, Qt, pyqtSignal
from PyQt5.QtGui import QContextMenuEvent, QMouseEvent, QResizeEvent
from PyQt5.QtWidgets import QLabel, QMenu, QWidget

from spi_viewer.gui.intensity import IntensityImage, Levels
from spi_viewer.gui.overlays import (
    ActivationOverlay,
    CentreCross,
    CropSquare,
    ResolutionRings,
)
from spi_viewer.gui.pattern_item import PatternItem
from spi_viewer.gui.theme import theme_of


class PatternCanvas(pg.GraphicsView):
    """One pattern in detector coordinates: (0, 0) is the middle of the first pixel, y downwards.

    Attributes:
        crop_square, centre_cross, rings, activation: the overlays.

    Signals:
        pointed: QPointF under the pointer in detector coordinates, None when it leaves.
    """

    pointed = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, useOpenGL=False)  # raster painting also works over ssh
        self._box = pg.ViewBox(lockAspect=True, invertY=True, enableMenu=False)
        self._box.setDefaultPadding(0.0)
        self.setCentralItem(self._box)
        self.image = PatternItem()
        self.activation = ActivationOverlay()
        self.rings = ResolutionRings()
        self.crop_square = CropSquare()
        self.centre_cross = CentreCross()
        items = (self.image, self.activation, self.rings, self.crop_square, self.centre_cross)
        layers: tuple[pg.GraphicsObject, ...] = items
        for depth, item in enumerate(layers):
            item.setZValue(depth)
            self._box.addItem(item, ignoreBounds=True)
        self._message = QLabel(self)
        self._message.setAlignment(Qt.AlignCenter)
        self._message.setWordWrap(True)
        self._message.setAttribute(Qt.WA_TransparentForMouseEvents)
        self._message.hide()
        self._frame_rect = QRectF()
        self._is_fitted = True
        self._box.sigRangeChangedManually.connect(self._leave_fit)
        self.scene().sigMouseMoved.connect(self._point)
        self.setFocusPolicy(Qt.NoFocus)
        self._dress()

    def show_image(self, image: IntensityImage | None, place: QRectF, levels: Levels) -> None:
        """Draw an image into a rectangle of detector coordinates; zoom stays as it is."""
        self.image.set_image(image, place, levels)

    def set_frame_rect(self, rect: QRectF) -> None:
        """Outer edges of the frame; zoom is reset only if they changed."""
        if rect != self._frame_rect:
            self._frame_rect = QRectF(rect)
            self.fit()

    def show_message(self, text: str) -> None:
        """Write a sentence across the picture; '' removes it."""
        if text == self.message():
            return
        self._message.setText(text)
        self._message.setVisible(bool(text))
        self._place_message()

    def message(self) -> str:
        """The sentence across the picture."""
        return self._message.text() if self._message.isVisibleTo(self) else ""

    def fit(self) -> None:
        """Show the whole frame."""
        self._is_fitted = True
        if not self._frame_rect.isEmpty():
            self._box.setRange(self._frame_rect, padding=0.01, disableAutoRange=True)

    def view_rect(self) -> QRectF:
        """What part of the detector is on screen."""
        return self._box.viewRect()

    def zoom(self, factor: float) -> None:
        """Zoom about the middle; above 1 enlarges."""
        self._leave_fit()
        self._box.scaleBy((1 / factor, 1 / factor))

    def to_detector(self, widget_position: QPointF) -> QPointF:
        """Detector coordinates of a point of this widget."""
        return self._box.mapSceneToView(self.mapToScene(widget_position.toPoint()))

    def from_detector(self, x_px: float, y_px: float) -> QPointF:
        """Point of this widget at detector coordinates."""
        return QPointF(self.mapFromScene(self._box.mapViewToScene(QPointF(x_px, y_px))))

    def _leave_fit(self, *_: object) -> None:
        self._is_fitted = False

    def _point(self, scene_position: QPointF) -> None:
        self.pointed.emit(self._box.mapSceneToView(scene_position))

    def _place_message(self) -> None:
        width = min(self.width() - 24, 460)
        height = self._message.heightForWidth(width) + 8
        self._message.setGeometry(
            (self.width() - width) // 2, (self.height() - height) // 2, width, height
        )

    def _dress(self) -> None:
        theme = theme_of(self.palette())
        self.setBackground(theme.canvas)
        self._message.setStyleSheet(
            f"background: {theme.panel}; color: {theme.text}; border: 1px solid {theme.border};"
            "border-radius: 6px; padding: 8px;"
        )

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of theme."""
        super().changeEvent(event)
        if event.type() == QEvent.PaletteChange and hasattr(self, "_message"):
            self._dress()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep the whole frame in sight unless somebody zoomed."""
        super().resizeEvent(event)
        if event is None or not hasattr(self, "_message"):
            return  # pyqtgraph calls this while it is being built
        self._place_message()
        if self._is_fitted:
            self.fit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show the whole frame again."""
        super().mouseDoubleClickEvent(event)
        self.fit()

    def leaveEvent(self, event: QEvent) -> None:
        """The pointer points at nothing any more."""
        super().leaveEvent(event)
        self.pointed.emit(None)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer this canvas' actions."""
        menu = QMenu(self)
        menu.addActions(self.actions())
        menu.exec_(event.globalPos())
        menu.deleteLater()
