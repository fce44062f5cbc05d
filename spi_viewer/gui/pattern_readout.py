"""What stands under the pointer, in words: position, value, momentum transfer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PyQt5.QtCore import QPointF

from spi_viewer.gui import resolution
from spi_viewer.gui.inspection_picture import Picture

if TYPE_CHECKING:
    from spi_viewer.inspection import Inspection


def readout(inspection: Inspection, shown: Picture | None, point: QPointF) -> str:
    """'x 71  y 58   23   q 0.141 nm⁻¹  d 44.6 nm'; '' off the frame.

    q stands there only if energy, distance and pixel size are known.
    """
    frame = inspection.frame
    if frame is None or frame.pixels.ndim != 2:
        return ""
    x, y = math.floor(point.x() + 0.5), math.floor(point.y() + 0.5)
    height, width = frame.pixels.shape
    if not (0 <= x < width and 0 <= y < height):
        return ""
    value = f"{frame.pixels[y, x]:.6g}" if frame.valid[y, x] else "masked"
    parts = [f"x {x}  y {y}", value]
    if shown is not None and shown.pixels is not frame.pixels:
        parts.append(_shown_value(shown, point))
    if resolution.is_usable(frame.geometry):
        crop = inspection.crop
        radius = math.hypot(point.x() - crop.center_x_px, point.y() - crop.center_y_px)
        q = resolution.q_at_radius(frame.geometry, radius)
        parts.append(f"q {q:.3g} nm⁻¹")
        if q > 0:
            parts.append(f"d {2 * math.pi / q:.3g} nm")
    return "   ".join(part for part in parts if part)


def _shown_value(shown: Picture, point: QPointF) -> str:
    """Value of the normalised picture at a detector position, '' outside it."""
    rows, columns = shown.pixels.shape
    column = math.floor((point.x() - shown.place.left()) / shown.place.width() * columns)
    row = math.floor((point.y() - shown.place.top()) / shown.place.height() * rows)
    if not (0 <= row < rows and 0 <= column < columns):
        return ""
    return f"→ {shown.pixels[row, column]:.3g}"
