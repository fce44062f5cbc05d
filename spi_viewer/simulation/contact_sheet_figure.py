"""A contact sheet as a PNG, drawn without a display."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spi_viewer.frames import FrameClass
from spi_viewer.simulation.contact_sheet import ContactSheet, Picture

_DPI = 100.0
# In pixels.
_CELL, _GAP, _TEXT = 176, 14, 56
_LEFT, _TOP, _RIGHT, _BOTTOM = 136, 70, 20, 8
_COLOURS = "inferno"
_MASKED = "#7d8796"
_INK, _PALE, _EMPTY = "#20242b", "#6b7280", "#f1f2f4"
_GOOD = "#00795a"
_NOTE = (
    "Photons on a logarithmic scale, each frame over its own range; grey is masked. "
    "Single particles are the good frames."
)
_FONT = "DejaVu Sans"  # comes with matplotlib


def save_contact_sheet(sheet: ContactSheet, title: str, path: Path) -> None:
    """Write the sheet to path, as PNG whatever the name ends in; OSError if that fails."""
    draw_contact_sheet(sheet, title).savefig(path, format="png", dpi=_DPI)


def draw_contact_sheet(sheet: ContactSheet, title: str) -> Figure:
    """A row of pictures for each row of the sheet, with its name and what is said of each frame."""
    width = _LEFT + sheet.columns * (_CELL + _GAP) - _GAP + _RIGHT
    height = _TOP + len(sheet.rows) * (_CELL + _TEXT) + _BOTTOM
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, width), ylim=(height, 0), autoscale_on=False)
    _write(axes, _LEFT, 24, title, size=12, weight="bold")
    _write(axes, _LEFT, 46, _NOTE, size=8.5, color=_PALE)
    for number, (key, pictures) in enumerate(sheet.rows.items()):
        top = _TOP + number * (_CELL + _TEXT)
        name = sheet.titles[key].replace(" ", "\n")
        _write(axes, _LEFT - 14, top + _CELL / 2, name, size=9.5, weight="bold", ha="right")
        for column in range(sheet.columns):
            left = _LEFT + column * (_CELL + _GAP)
            if column < len(pictures):
                _draw(axes, pictures[column], left, top)
            else:
                _leave_empty(axes, left, top, f"none in {sheet.frames_seen:,}\nframes")
    return figure


def _draw(axes: Axes, picture: Picture, left: float, top: float) -> None:
    axes.imshow(
        coloured(picture.counts, picture.valid),
        extent=(left, left + _CELL, top + _CELL, top),
        aspect="auto",
        interpolation="antialiased",
    )
    ink = _GOOD if picture.frame_class == FrameClass.SINGLE else _INK
    for number, line in enumerate(picture.lines):
        size, color = (8, ink) if number == 0 else (7, _PALE)
        _write(axes, left, top + _CELL + 10 + 12.5 * number, line, size=size, color=color)


def _leave_empty(axes: Axes, left: float, top: float, text: str) -> None:
    axes.fill_between((left, left + _CELL), top, top + _CELL, color=_EMPTY, linewidth=0)
    _write(axes, left + _CELL / 2, top + _CELL / 2, text, color=_PALE, ha="center")


def coloured(counts: NDArray, valid: NDArray) -> NDArray[np.float32]:
    """RGB (S, S, 3), 0 to 1, of photons (S, S) on a logarithmic scale; masked pixels grey.

    The range is that of the valid pixels without the outermost few: a hot pixel or the edge of a
    shadow would otherwise darken or bleach the frame.
    """
    brightness = np.log1p(np.clip(np.nan_to_num(counts), 0.0, None))
    shown = brightness[valid]
    low, high = np.percentile(shown, (2.0, 99.9)) if shown.size else (0.0, 1.0)
    # At least one photon between dark and bright, lest noise of an empty frame look like light.
    scaled = (brightness - low) / max(high - low, np.log(2.0))
    colours = colormaps[_COLOURS](scaled.clip(0.0, 1.0))[..., :3].astype(np.float32)
    colours[~valid] = to_rgb(_MASKED)
    return colours


def _write(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    size: float = 8,
    color: str = _INK,
    weight: str = "normal",
    ha: str = "left",
) -> None:
    axes.text(
        x, y, text, fontsize=size, color=color, weight=weight, ha=ha, va="center", family=_FONT
    )
