"""Colour maps as 256-entry tables: entry 0 is an invalid pixel, 1..255 run from dark to bright."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt5.QtGui import QColor

DEFAULT_COLOUR_MAP = "viridis"

_SOURCES = {
    "viridis": "viridis",
    "inferno": "inferno",
    "magma": "magma",
    "cividis": "cividis",
    "turbo": "turbo",
    "grey": "CET-L1",
    "grey inverted": "CET-L1",
}
# A mask must be told from every intensity: neutral on coloured maps, coloured on grey ones.
_INVALID_ON_COLOUR = (62, 66, 72)
_INVALID_ON_GREY = (66, 78, 122)

COLOUR_MAP_NAMES: tuple[str, ...] = tuple(_SOURCES)


@cache
def _bright_part(name: str) -> NDArray[np.uint8]:
    """Colours of 1..255 as (255, 3) uint8."""
    table = pg.colormap.get(_SOURCES[name]).getLookupTable(0.0, 1.0, 255, alpha=False)
    colours = np.asarray(table, dtype=np.uint8)[:, :3]
    return colours[::-1] if name.endswith("inverted") else colours


def invalid_colour(name: str) -> tuple[int, int, int]:
    """Colour of pixels that are masked or have no value."""
    return _INVALID_ON_GREY if name.startswith("grey") else _INVALID_ON_COLOUR


def lookup_table(name: str, show_invalid: bool = True) -> NDArray[np.uint8]:
    """(256, 3) uint8 table; an unknown name gives the default map.

    Without `show_invalid` invalid pixels look like the darkest valid ones.
    """
    name = name if name in _SOURCES else DEFAULT_COLOUR_MAP
    colours = _bright_part(name)
    first = invalid_colour(name) if show_invalid else tuple(int(part) for part in colours[0])
    return np.vstack([np.array([first], dtype=np.uint8), colours])


@cache
def colour_table(name: str, show_invalid: bool = True) -> tuple[int, ...]:
    """The same as 256 QRgb values, for indexed QImages."""
    return tuple(QColor(*map(int, entry)).rgb() for entry in lookup_table(name, show_invalid))


@cache
def activation_table() -> tuple[int, ...]:
    """256 QRgba values for an activation map on a pattern: nothing at 0, then warm and opaque."""
    colours = _bright_part("inferno")
    entries = []
    for index in range(256):
        red, green, blue = (int(part) for part in colours[min(254, 60 + index * 195 // 255)])
        entries.append(QColor(red, green, blue, min(255, round(300 * index / 255))).rgba())
    return tuple(entries)
