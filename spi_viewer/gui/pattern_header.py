"""The line above the pattern: which frame, its verdict, and what stands under the pointer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from spi_viewer.gui.elided_label import ElidedLabel
from spi_viewer.gui.inspection_picture import doubt_text, headline, verdict_text
from spi_viewer.gui.theme import scaled_font, set_tone

if TYPE_CHECKING:
    from spi_viewer.inspection import Inspection


class PatternHeader(QWidget):
    """Tells of one inspection what the picture does not; the title and the readout give way."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = ElidedLabel("", mode=Qt.ElideMiddle, parent=self)
        self.verdict = QLabel(self)
        self.verdict.setFont(scaled_font(self.font(), 1.0, bold=True))
        self.readout = ElidedLabel("", min_chars=0, parent=self)
        self.readout.setAlignment(Qt.AlignRight | Qt.AlignVCenter)
        self.readout.setSizePolicy(QSizePolicy.Ignored, QSizePolicy.Fixed)
        set_tone(self.readout, "muted")
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self.title)
        row.addWidget(self.verdict)
        row.addWidget(self.readout, 1)

    def show_inspection(self, inspection: Inspection | None) -> None:
        """Name another frame and its verdict, or none."""
        if inspection is None:
            self.title.setText("")
            self.verdict.setText("")
            return
        self.title.setText(headline(inspection))
        text, tone = verdict_text(inspection)
        doubt = doubt_text(inspection)
        self.verdict.setText(f"{text} · {doubt}" if doubt else text)
        set_tone(self.verdict, tone)
        self._row.activate()  # now: painted before it is laid out, a figure would be cut off
