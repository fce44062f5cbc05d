"""How far an evaluation is, counted in frames that are judged or trained on."""

from __future__ import annotations

from collections.abc import Callable

# Told: what is being done, frames done, frames in all.
ShowProgress = Callable[[str, int, int], None]


class Progress:
    """Frames done over everything; steps that are left out count as done."""

    def __init__(self, show: ShowProgress = lambda *_: None) -> None:
        self._show = show
        self._text = ""
        self._done = self._until = 0
        self.total = 0

    @property
    def text(self) -> str:
        """What is being done."""
        return self._text

    @property
    def done(self) -> int:
        """Frames done."""
        return self._done

    def begin(self, text: str, frames: int) -> None:
        """A step of so many frames begins; whatever the one before left out is made up for."""
        self._done = self._until
        self._until += frames
        self._text = text
        self._show(text, self._done, self.total)

    def advance(self, frames: int) -> None:
        """So many more frames are done; a step never counts for more than it was to."""
        self._done = min(self._done + frames, self._until)
        self._show(self._text, self._done, self.total)

    def end(self) -> None:
        """Everything is done."""
        self._done = self._until
        self._show("done", self._done, self.total)
