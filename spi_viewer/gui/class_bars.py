"""The network's four answers as bars; a click chooses a class."""

from __future__ import annotations

import numpy as np
from PyQt5.QtCore import QEvent, QRectF, QSize, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PyQt5.QtWidgets import QSizePolicy, QWidget

from spi_viewer.frames import FrameClass
from spi_viewer.gui.painting import painting
from spi_viewer.gui.theme import theme_of

_PAD_PX = 6


class ClassBars(QWidget):
    """Probability of each class, one line each.

    Signals:
        class_chosen: FrameClass value that was clicked.
    """

    class_chosen = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._probabilities: tuple[float, ...] | None = None
        self._threshold: float | None = None
        self._chosen: int | None = None
        self._hovered: int | None = None
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed)
        self.setToolTip("Click a class to see what in the pattern speaks for it")

    def show_probabilities(
        self, probabilities: tuple[float, ...] | None, threshold: float | None
    ) -> None:
        """Probabilities in the order of FrameClass; the threshold is a tick on 'single'."""
        self._probabilities, self._threshold = probabilities, threshold
        self.update()

    def show_chosen(self, frame_class: int | None) -> None:
        """Mark the class whose activation map is shown."""
        self._chosen = frame_class
        self.update()

    def _line_height(self) -> int:
        return self.fontMetrics().height() + 4

    def _line_at(self, y: int) -> int | None:
        line = y // self._line_height()
        return line if 0 <= line < len(FrameClass) else None

    def sizeHint(self) -> QSize:
        """Four lines of text."""
        return QSize(200, len(FrameClass) * self._line_height())

    def minimumSizeHint(self) -> QSize:
        """Names, values and a little bar."""
        return QSize(150, len(FrameClass) * self._line_height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw names, bars and values."""
        with painting(self) as painter:
            painter.setRenderHint(QPainter.Antialiasing)
            metrics, height = self.fontMetrics(), self._line_height()
            left = max(metrics.horizontalAdvance(kind.label) for kind in FrameClass) + 2 * _PAD_PX
            right = self.width() - metrics.horizontalAdvance("0.000") - 2 * _PAD_PX
            for line, kind in enumerate(FrameClass):
                self._paint_line(
                    painter, QRectF(0, line * height, self.width(), height), kind, left, right
                )

    def _paint_line(
        self, painter: QPainter, area: QRectF, kind: FrameClass, left: int, right: int
    ) -> None:
        theme = theme_of(self.palette())
        if kind in (self._chosen, self._hovered):
            painter.setPen(Qt.NoPen)
            painter.setBrush(QColor(theme.raised))
            painter.drawRoundedRect(area.adjusted(0, 1, 0, -1), 3, 3)
        painter.setPen(QColor(theme.text if kind == self._chosen else theme.muted))
        painter.drawText(area.adjusted(_PAD_PX, 0, 0, 0), Qt.AlignVCenter, kind.label)
        groove = QRectF(left, area.center().y() - 4, max(10, right - left), 8)
        painter.setPen(Qt.NoPen)
        painter.setBrush(QColor(theme.border))
        painter.drawRoundedRect(groove, 3, 3)
        if self._probabilities is None:
            return
        value = self._probabilities[kind]
        if np.isfinite(value):
            bar = QRectF(groove)
            bar.setWidth(max(2.0, groove.width() * min(1.0, max(0.0, value))))
            painter.setBrush(QColor(theme.good if kind == FrameClass.SINGLE else theme.bad))
            painter.drawRoundedRect(bar, 3, 3)
        if kind == FrameClass.SINGLE and self._threshold is not None:
            x = groove.left() + groove.width() * self._threshold
            painter.setBrush(QColor(theme.text))
            painter.drawRect(QRectF(x - 0.75, groove.top() - 3, 1.5, groove.height() + 6))
        painter.setPen(QColor(theme.text))
        text = f"{value:.3f}" if np.isfinite(value) else "–"
        painter.drawText(area.adjusted(0, 0, -_PAD_PX, 0), Qt.AlignVCenter | Qt.AlignRight, text)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the class of the line."""
        line = self._line_at(event.pos().y())
        if line is not None and event.button() == Qt.LeftButton:
            self.class_chosen.emit(line)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Light up the line under the pointer."""
        self._hovered = self._line_at(event.pos().y())
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """No line is under the pointer."""
        super().leaveEvent(event)
        self._hovered = None
        self.update()
