"""What lies over a pattern: crop, centre, resolution rings, and why the network thinks so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spi_viewer.gui.pattern_canvas import PatternCanvas
from spi_viewer.settings import Settings

if TYPE_CHECKING:
    from spi_viewer.inspection import Inspection


class PatternOverlays:
    """Draws onto the canvas whatever of these the settings ask for."""

    def __init__(self, canvas: PatternCanvas, settings: Settings) -> None:
        self._canvas, self._settings = canvas, settings
        self._inspection: Inspection | None = None
        self._activation_class: int | None = None

    def show(self, inspection: Inspection | None) -> None:
        """Those of another frame, or of none."""
        self._inspection = inspection
        self.show_choice()
        self._show_crop()
        self._show_activation()

    def show_choice(self) -> None:
        """Show and hide as the settings say now."""
        settings, canvas = self._settings, self._canvas
        something = self._inspection is not None and self._inspection.frame is not None
        canvas.crop_square.setVisible(settings.show_crop and something)
        canvas.centre_cross.setVisible(settings.show_centre and something)
        canvas.rings.setVisible(settings.show_rings and something)
        canvas.activation.setVisible(settings.show_activation and something)
        canvas.activation.setOpacity(settings.activation_opacity)

    def choose_class(self, frame_class: int) -> None:
        """Show the activation map of another class; -1 follows the likeliest class."""
        self._activation_class = None if frame_class < 0 else frame_class
        self._show_activation()

    def _show_crop(self) -> None:
        if self._inspection is None:
            return
        crop, frame = self._inspection.crop, self._inspection.frame
        self._canvas.crop_square.show_crop(crop)
        self._canvas.centre_cross.show_centre(crop.center_x_px, crop.center_y_px)
        if frame is not None and frame.pixels.ndim == 2:
            height, width = frame.pixels.shape
            self._canvas.rings.show_geometry(frame.geometry, crop, (height, width))

    def _show_activation(self) -> None:
        inspection = self._inspection
        explanation = inspection.explanation if inspection is not None else None
        if inspection is None or explanation is None or explanation.class_maps is None:
            self._canvas.activation.show_map(None, None)
            return
        chosen = self._activation_class
        if chosen is None:
            chosen = int(np.argmax(explanation.probabilities))
        self._canvas.activation.show_map(explanation.class_maps[chosen], inspection.crop)
