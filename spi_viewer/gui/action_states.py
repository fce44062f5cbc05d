"""Which actions are checked or offered: the menus and keys as the program is now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt5.QtCore import QObject, pyqtSignal

from spi_viewer.gui.actions import Actions

if TYPE_CHECKING:
    from spi_viewer.pipeline_status import PipelineStatus
    from spi_viewer.session.session import Session


class ActionStates(QObject):
    """Keeps actions in step with what goes on.

    Signals:
        said: text for the status line.
    """

    said = pyqtSignal(str)

    def __init__(self, actions: Actions, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._actions, self._session = actions, session

    def show_following(self, following: bool) -> None:
        """Whether the newest frame is shown."""
        self._actions["follow"].setChecked(following)

    def show_playing(self, playing: bool) -> None:
        """Whether a film runs."""
        self._actions["play"].setChecked(playing)
        self.said.emit("▶ playing; P stops" if playing else "")

    def show_judging_again(self, status: PipelineStatus) -> None:
        """Whether frames are judged again."""
        self._actions["judge_again"].setChecked(status.judging_again is not None)

    def show_theme(self, theme: str) -> None:
        """Whether the light theme is worn."""
        self._actions["light"].setChecked(theme == "light")

    def show_labels(self) -> None:
        """Offer undo and redo where there is something to do; say if nothing can be kept."""
        self._actions["undo"].setEnabled(self._session.can_undo)
        self._actions["redo"].setEnabled(self._session.can_redo)
        if self._session.problem:
            self.said.emit(f"⚠ {self._session.problem}")
