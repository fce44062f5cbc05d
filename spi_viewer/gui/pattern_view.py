"""The centre of the window: one pattern with its scales, colours, levels and overlays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PyQt5.QtCore import QPointF, QRectF, QSignalBlocker, Qt, pyqtSignal
from PyQt5.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from spi_viewer.frames import Crop
from spi_viewer.gui.colour_maps import COLOUR_MAP_NAMES, DEFAULT_COLOUR_MAP, colour_table
from spi_viewer.gui.elided_label import ElidedLabel
from spi_viewer.gui.inspection_picture import (
    Picture,
    doubt_text,
    headline,
    picture_of,
    verdict_text,
    why_nothing,
)
from spi_viewer.gui.intensity import IntensityImage, IntensityScale, Levels
from spi_viewer.gui.level_bar import LevelBar
from spi_viewer.gui.newest_result import NewestResult
from spi_viewer.gui.pattern_canvas import PatternCanvas
from spi_viewer.gui.pattern_overlays import PatternOverlays
from spi_viewer.gui.pattern_readout import readout
from spi_viewer.gui.pattern_tools import PatternTools, key_action, known_scale
from spi_viewer.gui.quantisation import lay_on_axis
from spi_viewer.gui.theme import scaled_font, set_tone
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
    """Shows one inspection; zoom, levels and scale stay when the frame changes.

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
        self._image: IntensityImage | None = None
        self._scale = known_scale(settings.intensity_scale)
        self._channel = 0
        self._locked: dict[IntensityScale, Levels] = {}
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
        self.level_bar = LevelBar(self)
        self.tools = PatternTools(self._settings, self)
        self._title = ElidedLabel("", mode=Qt.ElideMiddle, parent=self)
        self._verdict = QLabel(self)
        self._verdict.setFont(scaled_font(self.font(), 1.0, bold=True))
        self._readout = ElidedLabel("", min_chars=0, parent=self)
        self._readout.setAlignment(Qt.AlignRight | Qt.AlignVCenter)
        self._readout.setSizePolicy(QSizePolicy.Ignored, QSizePolicy.Fixed)
        set_tone(self._readout, "muted")

    def _build_actions(self) -> None:
        self.auto_action = key_action(
            self, "auto", "L", "Levels: automatic for each frame, or locked"
        )
        self.auto_action.setCheckable(True)
        self.auto_action.setChecked(True)
        self.auto_action.toggled.connect(self._choose_auto_levels)
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
        self.canvas.addActions([fit, zoom_in, zoom_out, self.auto_action, automatic_crop])

    def _lay_out(self) -> None:
        auto = QToolButton(self)
        auto.setDefaultAction(self.auto_action)
        auto.setFocusPolicy(Qt.NoFocus)
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(self._title)
        top.addWidget(self._verdict)
        top.addWidget(self._readout, 1)
        levels = QVBoxLayout()
        levels.setSpacing(4)
        levels.addWidget(self.level_bar, 1)
        levels.addWidget(auto)
        middle = QHBoxLayout()
        middle.setSpacing(6)
        middle.addWidget(self.tools)
        middle.addWidget(self.canvas, 1)
        middle.addLayout(levels)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        layout.addLayout(top)
        layout.addLayout(middle, 1)

    def _connect_parts(self) -> None:
        self.tools.scale_chosen.connect(self.set_scale)
        self.tools.colour_map_chosen.connect(self._choose_colour_map)
        self.tools.overlays_chosen.connect(self._show_overlay_choice)
        self.level_bar.levels_changed.connect(self._lock_levels)
        self.level_bar.auto_requested.connect(lambda: self.auto_action.setChecked(True))
        self.canvas.pointed.connect(self._show_readout)
        self.canvas.crop_square.crop_dragged.connect(self.crop_changed)
        self.canvas.centre_cross.centre_dragged.connect(self._move_centre)

    # What is shown

    def show_inspection(self, inspection: Inspection | None) -> None:
        """Show another frame, or nothing. Drawing happens soon, newest wins."""
        self._inspection = inspection
        self._render()

    def _show_around(self, inspection: Inspection | None) -> None:
        """Title and overlays of the frame that is drawn, which may be older than the one wanted."""
        self.overlays.show(inspection)
        self._drawn = inspection
        if inspection is None:
            self._title.setText("")
            self._verdict.setText("")
            return
        self._title.setText(headline(inspection))
        text, tone = verdict_text(inspection)
        doubt = doubt_text(inspection)
        self._verdict.setText(f"{text} · {doubt}" if doubt else text)
        set_tone(self._verdict, tone)

    def set_scale(self, scale: IntensityScale) -> None:
        """Draw on another scale; the network input again shows its next channel."""
        if scale is self._scale and scale is IntensityScale.NETWORK_INPUT:
            self._channel += 1
        self._scale = scale
        self._settings.intensity_scale = scale.value
        self.tools.show_scale(scale)
        with QSignalBlocker(self.auto_action):
            self.auto_action.setChecked(_level_group(scale) not in self._locked)
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

    @property
    def drawn_row(self) -> int | None:
        """Its session row; None for none, and for a frame that is not judged yet."""
        return self._drawn.row if self._drawn is not None else None

    def show_idle_text(self, text: str) -> None:
        """What to write while there is no frame to show."""
        self._idle_text = text
        if self._inspection is None:
            self.canvas.show_message(text)

    def _render(self) -> None:
        inspection, scale = self._inspection, self._scale
        picture = picture_of(inspection, scale, self._channel) if inspection else None
        self._picture = picture
        message = why_nothing(inspection, scale) if inspection else self._idle_text
        self.canvas.show_message(message)
        if inspection is None or picture is None:
            self._show_around(inspection)
            self._show_image(None, None)
            self.inspection_drawn.emit(inspection)
            return
        locked = self._locked.get(_level_group(scale))

        def render() -> _Rendered:
            image = lay_on_axis(picture.pixels, picture.valid, scale, locked)
            return _Rendered(inspection, picture, image, scale)

        self._renderer.request(render)

    def _show_rendered(self, rendered: _Rendered) -> None:
        """An older frame is still worth showing while keys are held, but not after 'nothing'."""
        if self._picture is not None:
            self._show_around(rendered.inspection)
            self._show_image(rendered.image, rendered)
            self.inspection_drawn.emit(rendered.inspection)

    def _show_image(self, image: IntensityImage | None, rendered: _Rendered | None) -> None:
        self._image = image
        place = rendered.picture.place if rendered else QRectF()
        levels = self._levels(image, rendered.scale if rendered else self._scale)
        self.canvas.set_frame_rect(self._frame_rect(place))
        self.canvas.show_image(image, place, levels)
        self.level_bar.show_image(image, levels)
        self._show_readout(self._pointer)

    def _frame_rect(self, place: QRectF) -> QRectF:
        """Edges of the whole frame, also while only the network's square is shown."""
        frame = self._inspection.frame if self._inspection else None
        if frame is None or frame.pixels.ndim != 2:
            return place
        height, width = frame.pixels.shape
        return QRectF(-0.5, -0.5, width, height)

    def _levels(self, image: IntensityImage | None, scale: IntensityScale) -> Levels:
        automatic = image.auto_levels if image is not None else Levels(0.0, 1.0)
        return self._locked.get(_level_group(scale), automatic)

    def _show_colours(self) -> None:
        colours = colour_table(self._settings.colour_map, self._settings.show_mask)
        self.canvas.image.set_colours(colours)
        self.level_bar.set_colours(colours)

    def _show_overlay_choice(self) -> None:
        self.overlays.show_choice()
        self._show_colours()

    def _show_readout(self, point: QPointF | None) -> None:
        self._pointer = point
        text = ""
        if point is not None and self._inspection is not None:
            text = readout(self._inspection, self._picture, point)
        self._readout.setText(text)

    # What the operator does

    def _choose_colour_map(self, name: str) -> None:
        self.set_colour_map(name)
        self.colour_map_changed.emit(name)

    def _lock_levels(self, levels: Levels) -> None:
        self._locked[_level_group(self._scale)] = levels
        with QSignalBlocker(self.auto_action):
            self.auto_action.setChecked(False)
        self.canvas.image.set_levels(levels)

    def _choose_auto_levels(self, automatic: bool) -> None:
        if automatic:
            self._locked.pop(_level_group(self._scale), None)
        elif self._image is not None:
            self._locked[_level_group(self._scale)] = self._levels(self._image, self._scale)
        self._render()

    def _move_centre(self, x_px: float, y_px: float) -> None:
        if self._inspection is None:
            return
        crop = Crop(y_px, x_px, self._inspection.crop.scale)
        self.canvas.crop_square.show_crop(crop)
        self.crop_changed.emit(crop)


def _level_group(scale: IntensityScale) -> IntensityScale:
    """Linear, square root and log share locked levels: all three are in counts."""
    if scale in (IntensityScale.SQRT, IntensityScale.LOG):
        return IntensityScale.LINEAR
    return scale
