"""The centre of the window: one pattern with its scales, colours, levels and overlays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PyQt5.QtCore import QPointF, QRectF, pyqtSignal
from PyQt5.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from spi_viewer.frames import Crop
from spi_viewer.gui.colour_maps import COLOUR_MAP_NAMES, DEFAULT_COLOUR_MAP, colour_table
from spi_viewer.gui.inspection_picture import Picture, frame_rect, picture_of, why_nothing
from spi_viewer.gui.intensity import IntensityImage, IntensityScale
from spi_viewer.gui.newest_result import NewestResult
from spi_viewer.gui.pattern_canvas import PatternCanvas
from spi_viewer.gui.pattern_header import PatternHeader
from spi_viewer.gui.pattern_levels import PatternLevels
from spi_viewer.gui.pattern_overlays import PatternOverlays
from spi_viewer.gui.pattern_readout import readout
from spi_viewer.gui.pattern_tools import PatternTools, key_action, known_scale
from spi_viewer.gui.quantisation import lay_on_axis
from spi_viewer.settings import Settings

if TYPE_CHECKING:
    from spi_viewer.inspection import Inspection


@dataclass(frozen=True, slots=True, eq=False)
class _Rendered:
    """What came back from the rendering thread."""

    inspection: Inspection
    picture: Picture
    image: IntensityImage
    scale: IntensityScale


class PatternView(QWidget):
    """Shows one inspection; zoom and scale stay when the frame changes, levels if they are locked.

    Signals:
        crop_changed: Crop that the operator dragged, None for back to automatic.
        colour_map_changed: name of the colour map chosen here.
        inspection_drawn: Inspection that is on the screen now, None for none.
    """

    crop_changed = pyqtSignal(object)
    colour_map_changed = pyqtSignal(str)
    inspection_drawn = pyqtSignal(object)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._inspection: Inspection | None = None
        self._drawn: Inspection | None = None
        self._idle_text = ""
        self._picture: Picture | None = None
        self._scale = known_scale(settings.intensity_scale)
        self._channel = 0
        self._pointer: QPointF | None = None
        self._build_widgets()
        self._build_actions()
        self._lay_out()
        self._renderer = NewestResult(self)
        self._renderer.ready.connect(self._show_rendered)
        self._connect_parts()
        self.set_colour_map(settings.colour_map)
        self.show_inspection(None)

    def _build_widgets(self) -> None:
        self.canvas = PatternCanvas(self)
        self.overlays = PatternOverlays(self.canvas, self._settings)
        self.tools = PatternTools(self._settings, self)
        self.levels = PatternLevels(self._scale, self)
        self.header = PatternHeader(self)

    def _build_actions(self) -> None:
        fit = key_action(self, "Fit pattern", "F", "Show the whole frame")
        fit.triggered.connect(self.canvas.fit)
        zoom_in = key_action(self, "Zoom in", "+", "Zoom in")
        zoom_in.triggered.connect(lambda: self.canvas.zoom(1.25))
        zoom_out = key_action(self, "Zoom out", "-", "Zoom out")
        zoom_out.triggered.connect(lambda: self.canvas.zoom(0.8))
        automatic_crop = key_action(
            self, "Automatic centre", "Shift+C", "Centre and crop: back to automatic"
        )
        automatic_crop.triggered.connect(lambda: self.crop_changed.emit(None))
        self.addActions(self.tools.actions())
        self.canvas.addActions([fit, zoom_in, zoom_out, self.levels.auto_action, automatic_crop])

    def _lay_out(self) -> None:
        middle = QHBoxLayout()
        middle.setSpacing(6)
        middle.addWidget(self.tools)
        middle.addWidget(self.canvas, 1)
        middle.addWidget(self.levels)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        layout.addWidget(self.header)
        layout.addLayout(middle, 1)

    def _connect_parts(self) -> None:
        self.tools.scale_chosen.connect(self.set_scale)
        self.tools.colour_map_chosen.connect(self._choose_colour_map)
        self.tools.overlays_chosen.connect(self._show_overlay_choice)
        self.levels.levels_dragged.connect(self.canvas.image.set_levels)
        self.levels.auto_chosen.connect(self._render)
        self.canvas.pointed.connect(self._show_readout)
        self.canvas.crop_square.crop_dragged.connect(self.crop_changed)
        self.canvas.centre_cross.centre_dragged.connect(self._move_centre)

    # What is shown

    def show_inspection(self, inspection: Inspection | None) -> None:
        """Show another frame, or nothing. Drawing happens soon, newest wins."""
        self._inspection = inspection
        self._render()

    def set_scale(self, scale: IntensityScale) -> None:
        """Draw on another scale; the network input again shows its next channel."""
        if scale is self._scale and scale is IntensityScale.NETWORK_INPUT:
            self._channel += 1
        self._scale = scale
        self._settings.intensity_scale = scale.value
        self.tools.show_scale(scale)
        self.levels.choose_scale(scale)
        self._render()

    def set_colour_map(self, name: str) -> None:
        """Use another colour map; an unknown name gives the default."""
        name = name if name in COLOUR_MAP_NAMES else DEFAULT_COLOUR_MAP
        self.tools.show_colour_map(name)
        self._settings.colour_map = name
        self._show_colours()

    def set_activation_class(self, frame_class: int) -> None:
        """Overlay the activation map of another class; -1 follows the likeliest class."""
        self.overlays.choose_class(frame_class)

    def is_drawn(self) -> bool:
        """True when nothing waits to be drawn."""
        return self._renderer.is_idle

    @property
    def drawn(self) -> Inspection | None:
        """The frame that is on the screen; None for none."""
        return self._drawn

    def show_idle_text(self, text: str) -> None:
        """What to write while there is no frame to show."""
        self._idle_text = text
        if self._inspection is None:
            self.canvas.show_message(text)

    def show_waiting(self, text: str) -> None:
        """Write a sentence across the picture until another one is drawn."""
        self.canvas.show_message(text)

    def _render(self) -> None:
        inspection, scale = self._inspection, self._scale
        picture = picture_of(inspection, scale, self._channel) if inspection else None
        self._picture = picture
        message = why_nothing(inspection, scale) if inspection else self._idle_text
        self.canvas.show_message(message)
        if inspection is None or picture is None:
            self._show(inspection, None)
            return
        locked = self.levels.locked()

        def render() -> _Rendered:
            image = lay_on_axis(picture.pixels, picture.valid, scale, locked)
            return _Rendered(inspection, picture, image, scale)

        self._renderer.request(render)

    def _show_rendered(self, rendered: _Rendered) -> None:
        """An older frame is still worth showing while keys are held, but not after 'nothing'."""
        if self._picture is not None:
            self._show(rendered.inspection, rendered)

    def _show(self, inspection: Inspection | None, rendered: _Rendered | None) -> None:
        """All that belongs to one frame, which may be older than the one wanted."""
        self._drawn = inspection
        self.overlays.show(inspection)
        self.header.show_inspection(inspection)
        image = rendered.image if rendered else None
        place = rendered.picture.place if rendered else QRectF()
        levels = self.levels.show_image(image, rendered.scale if rendered else self._scale)
        # The whole frame's edges, also while only the network's square is shown.
        whole = frame_rect(self._inspection) if self._inspection else None
        self.canvas.set_frame_rect(place if whole is None else whole)
        self.canvas.show_image(image, place, levels)
        self._show_readout(self._pointer)
        self.inspection_drawn.emit(inspection)

    def _show_colours(self) -> None:
        colours = colour_table(self._settings.colour_map, self._settings.show_mask)
        self.canvas.image.set_colours(colours)
        self.levels.bar.set_colours(colours)

    def _show_overlay_choice(self) -> None:
        self.overlays.show_choice()
        self._show_colours()

    def _show_readout(self, point: QPointF | None) -> None:
        self._pointer = point
        text = ""
        if point is not None and self._inspection is not None:
            text = readout(self._inspection, self._picture, point)
        self.header.readout.setText(text)

    # What the operator does

    def _choose_colour_map(self, name: str) -> None:
        self.set_colour_map(name)
        self.colour_map_changed.emit(name)

    def _move_centre(self, x_px: float, y_px: float) -> None:
        if self._inspection is None:
            return
        crop = Crop(round(y_px, 2), round(x_px, 2), self._inspection.crop.scale)
        self.canvas.crop_square.show_crop(crop)
        self.crop_changed.emit(crop)
