"""A picture of many parts that is painted a few milliseconds at a time.

A hundred thumbnails painted at once hold the window up for tens of milliseconds, and for far more
where other work takes the processor away meanwhile.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator

from PyQt5.QtCore import QObject, QSize, Qt, QTimer
from PyQt5.QtGui import QPainter, QPixmap
from PyQt5.QtWidgets import QWidget

from spi_viewer.gui.painting import painting

Part = Callable[[QPainter], None]

_SLICE_S = 0.008


class SlicedPicture(QObject):
    """What a widget shows: the last whole picture, until the next one is whole.

    A picture of another size is painted at once, as the last one does not fit. One that changed
    before it was whole gets twice the time in its next slice, and so is whole sooner or later
    however often it changes.
    """

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        self._whole = QPixmap()
        self._next = QPixmap()
        self._parts: Iterator[Part] | None = None  # still to be painted into the next one
        self._is_stale = True
        self._slice_s = _SLICE_S
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._go_on)

    @property
    def is_whole(self) -> bool:
        """Whether all that changed is on the screen, or will be with the next paint event."""
        return not self._is_stale and self._parts is None

    def change(self) -> None:
        """Another picture is to be painted."""
        self._is_stale = True
        self._widget.update()

    def paint(self, parts: Callable[[], Iterable[Part]]) -> None:
        """Answer the widget's paint event; `parts` is asked for those of a changed picture."""
        if self._is_stale or self._size() != self._whole.size():
            self._begin(iter(parts()))
        with painting(self._widget) as painter:
            painter.drawPixmap(0, 0, self._whole)

    def _size(self) -> QSize:
        """In the screen's own pixels."""
        return self._widget.size() * self._widget.devicePixelRatioF()

    def _begin(self, parts: Iterator[Part]) -> None:
        size = self._size()
        if size != self._whole.size():
            self._slice_s = math.inf
        elif self._parts is not None:
            self._slice_s *= 2
        self._next = QPixmap(size)
        self._next.setDevicePixelRatio(self._widget.devicePixelRatioF())
        self._next.fill(Qt.transparent)
        self._parts, self._is_stale = parts, False
        self._paint_slice()

    def _paint_slice(self) -> None:
        assert self._parts is not None
        end_s = time.perf_counter() + self._slice_s
        with painting(self._next) as painter:
            for part in self._parts:
                part(painter)
                if time.perf_counter() > end_s:
                    self._timer.start()
                    return
        self._whole, self._next = self._next, QPixmap()
        self._parts, self._slice_s = None, _SLICE_S
        self._timer.stop()

    def _go_on(self) -> None:
        """The next slice, after whatever else waits; a changed picture is begun anew instead."""
        if self._parts is None or self._is_stale:
            return
        self._paint_slice()
        if self._parts is None:
            self._widget.update()
