"""What the operator prefers: theme, size of the thumbnails, model. Used at once and remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt5.QtCore import QObject, pyqtSignal
from PyQt5.QtWidgets import QApplication

from spi_viewer.gui.model_choice import ModelChoice
from spi_viewer.gui.theme import apply_theme

if TYPE_CHECKING:
    from spi_viewer.settings import Settings


class Preferences(QObject):
    """Takes a preference over into the settings and into the program.

    Signals:
        theme_changed: name of the theme that the program wears from now on.
        thumbnail_size_chosen: side of a picture in pixels.
        said: text for the status line.
    """

    theme_changed = pyqtSignal(str)
    thumbnail_size_chosen = pyqtSignal(int)
    said = pyqtSignal(str)

    def __init__(self, settings: Settings, models: ModelChoice, parent: QObject) -> None:
        super().__init__(parent)
        self._settings, self._models = settings, models

    def use(self, edited: Settings) -> None:
        """Take over what the settings dialog changed."""
        for name in ("theme", "read_timeout_s", "thumbnail_size_px"):
            setattr(self._settings, name, getattr(edited, name))
        self.wear(edited.theme)
        self.thumbnail_size_chosen.emit(edited.thumbnail_size_px)
        self.judge_with(edited.model)

    def wear(self, theme: str) -> None:
        """Change to another theme."""
        self._settings.theme = theme
        self.theme_changed.emit(theme)
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        apply_theme(application, theme)

    def judge_with(self, model: str) -> None:
        """Judge from now on with another bundled model or model folder."""
        if self._models.ask(model):
            self._settings.model = model
            self.said.emit(
                "The other model judges the frames that come now; Ctrl+J: the others, too"
            )
