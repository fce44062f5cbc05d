"""The session asked again for the frames of the grid, whenever it has news and the window time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from spi_viewer.gui.newest_result import NewestResult
from spi_viewer.gui.thumbnail_selection import Choice, Selected, select_shown

if TYPE_CHECKING:
    from spi_viewer.session.session import Session

_REST_PER_WORK = 6  # a refresh of a huge session waits this many times its own duration
_NEWS_INTERVAL_S = 0.4  # a hundred thumbnails are painted anew for each
_INLINE_ROWS = 30_000  # sorting more takes longer than the GUI thread has
_WAIT_MS = 30


class LiveQuery(QObject):
    """Keeps the answer to a choice of frames up to date.

    Frames that arrive after `hold` are held back: they are counted in the answers, not shown.

    Signals:
        answered: Selected, for the choice as it is. The longer its slots take to show it, the
            longer the next news wait.
    """

    answered = pyqtSignal(object)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._choice = Choice()
        self._after: Callable[[], object] | None = None  # to do once the choice is shown
        self._selecting = NewestResult(self)
        self._selecting.ready.connect(self._take)
        self._shown_count = 0
        self._seen_revision = -1
        self._rested_at_s = 0.0
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self.refresh)

    @property
    def choice(self) -> Choice:
        """What is asked for."""
        return self._choice

    @property
    def is_up_to_date(self) -> bool:
        """The session has no news since the last answer."""
        return self._seen_revision == self._session.revision

    @property
    def is_idle(self) -> bool:
        """Nothing is being asked off the GUI thread."""
        return self._selecting.is_idle

    def refresh(self) -> None:
        """Ask if there is news, now or once the window has rested. Cheap to call at any rate."""
        if self.is_up_to_date:
            return
        wait_ms = int(1000 * (self._rested_at_s - time.monotonic())) + 1
        if not self.is_idle:
            wait_ms = max(wait_ms, _WAIT_MS)
        if wait_ms <= 1:
            self.ask()
        elif not self._later.isActive():
            self._later.start(wait_ms)

    def ask(self, after: Callable[[], object] | None = None) -> None:
        """Ask at once for a small session, else off the GUI thread; `after` follows the answer."""
        self._after = after or self._after
        session, choice = self._session, self._choice
        if session.row_count <= _INLINE_ROWS:
            self._take(select_shown(session, choice))
        else:
            self._selecting.request(lambda: select_shown(session, choice))

    def choose(self, after: Callable[[], object], **changes: Any) -> None:
        """Ask for another choice of frames: with the newest of them too."""
        if self._choice.held_from is not None:
            changes["held_from"] = self._session.row_count
        self._choice = replace(self._choice, **changes)
        self.ask(after)

    def hold(self) -> None:
        """Hold back what was not in the last answer."""
        if self._choice.held_from is None:
            self._choice = replace(self._choice, held_from=self._shown_count)

    def holds_back(self, row: int) -> bool:
        """Whether a session row waits until new frames are let in again."""
        return self._choice.held_from is not None and row >= self._choice.held_from

    def let_in(self) -> None:
        """Hold nothing back in the answers from now on."""
        self._choice = replace(self._choice, held_from=None)

    def _take(self, selected: Selected) -> None:
        if selected.choice != self._choice:
            return  # another question has been asked meanwhile
        started_s = time.monotonic()
        self._seen_revision, self._shown_count = selected.revision, selected.row_count
        self.answered.emit(selected)
        after, self._after = self._after, None
        if after is not None:
            after()
        ended_s = time.monotonic()
        rest_s = max(_NEWS_INTERVAL_S, _REST_PER_WORK * (ended_s - started_s))
        self._rested_at_s = ended_s + rest_s
