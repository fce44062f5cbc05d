"""A label that shortens its text with '…' instead of widening the window."""

from __future__ import annotations

from PyQt5.QtCore import QSize, Qt
from PyQt5.QtGui import QPainter, QPaintEvent
from PyQt5.QtWidgets import QLabel, QSizePolicy, QWidget


class ElidedLabel(QLabel):
    """One line of plain text, elided where it does not fit; the tool tip then has it whole."""

    def __init__(
        self,
        text: str = "",
        mode: Qt.TextElideMode = Qt.ElideRight,
        min_chars: int = 4,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._mode = mode
        self._min_chars = min_chars
        self.setTextFormat(Qt.PlainText)
        self.setSizePolicy(QSizePolicy.Preferred, QSizePolicy.Fixed)

    def setText(self, text: str) -> None:
        """Show another text. The same again must not have the window laid out anew."""
        if text != self.text():
            super().setText(text)

    def shown_text(self) -> str:
        """The text as it is drawn now."""
        return self.fontMetrics().elidedText(self.text(), self._mode, self.contentsRect().width())

    def minimumSizeHint(self) -> QSize:
        """A few characters; the text may be any length."""
        metrics = self.fontMetrics()
        width = min(metrics.horizontalAdvance("0") * self._min_chars, super().sizeHint().width())
        return QSize(width, metrics.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the shortened text."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        shown = self.shown_text()
        painter.drawText(self.contentsRect(), int(self.alignment()) | Qt.TextSingleLine, shown)
        tip = self.text() if shown != self.text() else ""
        if self.toolTip() != tip:
            self.setToolTip(tip)
