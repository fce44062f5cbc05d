"""A box for a number that leaves letters to the window's keys."""

from __future__ import annotations

from PyQt5.QtCore import QEvent
from PyQt5.QtGui import QKeyEvent
from PyQt5.QtWidgets import QDoubleSpinBox


class NumberBox(QDoubleSpinBox):
    """While it has the focus, G and B still label: no number has a letter."""

    def event(self, event: QEvent) -> bool:
        """Do not claim letters when Qt asks who wants a key, nor swallow them."""
        asks = event.type() == QEvent.ShortcutOverride
        if asks and isinstance(event, QKeyEvent) and event.text().isalpha():
            event.ignore()
            return False
        return super().event(event)
