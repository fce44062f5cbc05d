"""Levels of the pattern: automatic for each frame, or locked by the operator."""

from __future__ import annotations

from PyQt5.QtCore import QSignalBlocker, Qt, pyqtSignal
from PyQt5.QtWidgets import QToolButton, QVBoxLayout, QWidget

from spi_viewer.gui.intensity import IntensityImage, IntensityScale, Levels
from spi_viewer.gui.level_bar import LevelBar
from spi_viewer.gui.pattern_tools import key_action


class PatternLevels(QWidget):
    """The level bar over a button for automatic levels; counts and other units lock apart.

    Signals:
        levels_dragged: Levels to draw with from now on.
        auto_chosen: levels were locked, or made automatic again, by the button.
    """

    levels_dragged = pyqtSignal(object)
    auto_chosen = pyqtSignal()

    def __init__(self, scale: IntensityScale, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scale = scale
        self._image: IntensityImage | None = None
        self._locked: dict[IntensityScale, Levels] = {}
        self.bar = LevelBar(self)
        self.auto_action = key_action(
            self, "auto", "L", "Levels: automatic for each frame, or locked"
        )
        self.auto_action.setCheckable(True)
        self.auto_action.setChecked(True)
        self.auto_action.toggled.connect(self._choose_auto)
        self.bar.levels_changed.connect(self._lock)
        self.bar.auto_requested.connect(lambda: self.auto_action.setChecked(True))
        auto = QToolButton(self)
        auto.setDefaultAction(self.auto_action)
        auto.setFocusPolicy(Qt.NoFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.bar, 1)
        column.addWidget(auto)

    def locked(self) -> Levels | None:
        """Levels that frames on the chosen scale must be drawn with; None for automatic ones."""
        return self._locked.get(_unit(self._scale))

    def choose_scale(self, scale: IntensityScale) -> None:
        """Lock levels of another scale from now on."""
        self._scale = scale
        self._show_whether_auto()

    def show_image(self, image: IntensityImage | None, scale: IntensityScale) -> Levels:
        """Show the histogram of an image laid on a scale; returns the levels to draw it with."""
        self._image = image
        levels = self._levels(image, scale)
        self.bar.show_image(image, levels)
        return levels

    def _levels(self, image: IntensityImage | None, scale: IntensityScale) -> Levels:
        automatic = image.auto_levels if image is not None else Levels(0.0, 1.0)
        return self._locked.get(_unit(scale), automatic)

    def _lock(self, levels: Levels) -> None:
        self._locked[_unit(self._scale)] = levels
        self._show_whether_auto()
        self.levels_dragged.emit(levels)

    def _choose_auto(self, automatic: bool) -> None:
        if automatic:
            self._locked.pop(_unit(self._scale), None)
        elif self._image is not None:
            self._locked[_unit(self._scale)] = self._levels(self._image, self._scale)
        self.auto_chosen.emit()

    def _show_whether_auto(self) -> None:
        with QSignalBlocker(self.auto_action):
            self.auto_action.setChecked(self.locked() is None)


def _unit(scale: IntensityScale) -> IntensityScale:
    """Linear, square root and log share locked levels: all three are in counts."""
    if scale in (IntensityScale.SQRT, IntensityScale.LOG):
        return IntensityScale.LINEAR
    return scale
