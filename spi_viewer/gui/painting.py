"""Painting that an error cannot turn into a crash."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PyQt5.QtGui import QPaintDevice, QPainter


@contextmanager
def painting(device: QPaintDevice) -> Iterator[QPainter]:
    """A painter that is ended whatever happens.

    An exception's traceback keeps the painter alive beyond its paint event, where Qt crashes.
    """
    painter = QPainter(device)
    try:
        yield painter
    finally:
        painter.end()
