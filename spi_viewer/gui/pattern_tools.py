"""The column beside the pattern: intensity scale, colour map, overlays; each with its key."""

from __future__ import annotations

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import (
    QAction,
    QActionGroup,
    QCheckBox,
    QComboBox,
    QLabel,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from spi_viewer.gui.colour_maps import COLOUR_MAP_NAMES
from spi_viewer.gui.intensity import IntensityScale
from spi_viewer.gui.theme import scaled_font, set_tone
from spi_viewer.settings import Settings

_SCALE_TIPS = {
    IntensityScale.LINEAR: "Intensity: linear",
    IntensityScale.SQRT: "Intensity: square root",
    IntensityScale.LOG: "Intensity: logarithm, zeros stay dark",
    IntensityScale.PER_PIXEL: "Every pixel to zero mean and unit variance over the run",
    IntensityScale.NETWORK_INPUT: "What the network sees; again for its next channel",
}
_OVERLAYS = (  # name, meaning, key
    ("mask", "tint invalid pixels", "M"),
    ("crop", "the square that the network sees; drag it or its corners", "C"),
    ("centre", "beam centre; drag it", "X"),
    ("rings", "resolution rings, where energy, distance and pixel size are known", "R"),
    ("activation", "what in the pattern speaks for the class", "A"),
)


def key_action(owner: QWidget, text: str, key: str, tip: str) -> QAction:
    """An action of `owner` with a key that works in its whole window."""
    action = QAction(text, owner)
    action.setShortcut(key)
    action.setToolTip(f"{tip} ({key})")
    action.setStatusTip(tip)
    owner.addAction(action)
    return action


def known_scale(name: str) -> IntensityScale:
    """The scale that settings remember, log if they are odd."""
    try:
        return IntensityScale(name)
    except ValueError:
        return IntensityScale.LOG


class PatternTools(QWidget):
    """Choices about how a pattern is drawn; overlays are written straight into the settings.

    Signals:
        scale_chosen: IntensityScale, also when it was chosen already.
        colour_map_chosen: name.
        overlays_chosen: an overlay or its opacity changed in the settings.
    """

    scale_chosen = pyqtSignal(object)
    colour_map_chosen = pyqtSignal(str)
    overlays_chosen = pyqtSignal()

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(3)
        self.setFont(scaled_font(self.font(), 0.92))
        self._add_heading("intensity")
        self._add_scales()
        self._add_colour_maps()
        self._layout.addSpacing(8)
        self._add_heading("overlays")
        self._add_overlays()
        self._add_opacity()
        self._layout.addStretch(1)

    def show_scale(self, scale: IntensityScale) -> None:
        """Mark a scale as chosen."""
        self.scale_actions[scale].setChecked(True)

    def show_colour_map(self, name: str) -> None:
        """Mark a colour map as chosen."""
        self._colour_box.setCurrentText(name)

    def _add_heading(self, text: str) -> None:
        label = QLabel(text, self)
        label.setFont(scaled_font(self.font(), 0.9))
        set_tone(label, "muted")
        self._layout.addWidget(label)

    def _add_scales(self) -> None:
        group = QActionGroup(self)
        self.scale_actions: dict[IntensityScale, QAction] = {}
        for number, scale in enumerate(IntensityScale, start=1):
            action = key_action(self, scale.value, str(number), _SCALE_TIPS[scale])
            action.setCheckable(True)
            action.setActionGroup(group)
            action.setChecked(scale is known_scale(self._settings.intensity_scale))
            action.triggered.connect(lambda _on, scale=scale: self.scale_chosen.emit(scale))
            self.scale_actions[scale] = action
            button = QToolButton(self)
            button.setDefaultAction(action)
            button.setFocusPolicy(Qt.NoFocus)  # arrows belong to the thumbnails
            button.setSizePolicy(button.sizePolicy().Expanding, button.sizePolicy().Fixed)
            self._layout.addWidget(button)

    def _add_colour_maps(self) -> None:
        self._colour_box = QComboBox(self)
        self._colour_box.addItems(COLOUR_MAP_NAMES)
        self._colour_box.setFocusPolicy(Qt.NoFocus)
        self._colour_box.setToolTip("Colour map")
        self._colour_box.setSizeAdjustPolicy(QComboBox.AdjustToMinimumContentsLengthWithIcon)
        self._colour_box.setMinimumContentsLength(6)
        self._colour_box.activated[str].connect(self.colour_map_chosen)
        self._layout.addWidget(self._colour_box)

    def _add_overlays(self) -> None:
        self.overlay_actions: dict[str, QAction] = {}
        for name, meaning, key in _OVERLAYS:
            action = key_action(self, name, key, f"Overlay: {meaning}")
            action.setCheckable(True)
            action.setChecked(bool(getattr(self._settings, f"show_{name}")))
            box = QCheckBox(name, self)
            box.setChecked(action.isChecked())
            box.setToolTip(action.toolTip())
            box.setFocusPolicy(Qt.NoFocus)
            box.toggled.connect(action.setChecked)
            action.toggled.connect(box.setChecked)
            action.toggled.connect(lambda on, name=name: self._choose_overlay(name, on))
            self.overlay_actions[name] = action
            self._layout.addWidget(box)

    def _add_opacity(self) -> None:
        self._opacity = QSlider(Qt.Horizontal, self)
        self._opacity.setRange(0, 100)
        self._opacity.setFocusPolicy(Qt.NoFocus)
        self._opacity.setToolTip("Opacity of the activation map")
        self._opacity.setValue(round(100 * self._settings.activation_opacity))
        self._opacity.setEnabled(self._settings.show_activation)
        self._opacity.valueChanged.connect(self._choose_opacity)
        self._layout.addWidget(self._opacity)

    def _choose_overlay(self, name: str, on: bool) -> None:
        setattr(self._settings, f"show_{name}", on)
        self._opacity.setEnabled(self._settings.show_activation)
        self.overlays_chosen.emit()

    def _choose_opacity(self, percent: int) -> None:
        self._settings.activation_opacity = percent / 100
        self.overlays_chosen.emit()
