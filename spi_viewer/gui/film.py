"""Frames one after the other by themselves, as a film."""

from __future__ import annotations

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from spi_viewer.gui.thumbnail_grid import ThumbnailGrid

_FRAMES_PER_S = 6


class Film(QObject):
    """Plays the frames that the grid shows, from the current one to the latest or last.

    It ends where the frames end, and as soon as the operator chooses a frame himself.

    Signals:
        playing_changed: True when it starts, False when it ends.
    """

    playing_changed = pyqtSignal(bool)

    def __init__(self, grid: ThumbnailGrid) -> None:
        super().__init__(grid)
        self._grid = grid
        self._row: int | None = None  # the session row that it has come to
        self._timer = QTimer(self)
        self._timer.setInterval(1000 // _FRAMES_PER_S)
        self._timer.timeout.connect(self.advance)

    @property
    def is_playing(self) -> bool:
        """True while it runs."""
        return self._timer.isActive()

    def set_playing(self, playing: bool) -> None:
        """Start or stop; from the end it starts anew."""
        if playing == self.is_playing:
            return
        if playing:
            self._grid.play_on(from_start_if_over=True)
            self._row = self._grid.current_row
            self._timer.start()
        else:
            self._timer.stop()
        self.playing_changed.emit(playing)

    def advance(self) -> None:
        """Show the next frame; stop if there is none or the operator went elsewhere."""
        if self._grid.current_row != self._row or not self._grid.play_on():
            self.set_playing(False)
        self._row = self._grid.current_row
