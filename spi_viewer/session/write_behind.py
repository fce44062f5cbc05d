"""Writes what is new in a session to its database, behind the work and never in its way."""

from __future__ import annotations

import threading

from spi_viewer.errors import SessionError
from spi_viewer.session.session_state import SessionState
from spi_viewer.session.session_store import SessionStore

_INTERVAL_S = 1.0
_STOP_PATIENCE_S = 10.0


class WriteBehind:
    """A thread that writes once a second, if anything has changed.

    Attributes:
        problem: why results cannot be saved just now; '' when all is well. Also set by others
            that could not write; the next time that all is written takes it back.
    """

    def __init__(self, store: SessionStore, state: SessionState) -> None:
        self.problem = ""
        self._store = store
        self._state = state
        self._written_revision = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="session-writer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ask and wait; what is left is for `flush`."""
        self._stop.set()
        self._thread.join(_STOP_PATIENCE_S)

    def flush(self) -> None:
        """Write everything that is only in memory; SessionError if the disk refuses."""
        revision = self._state.revision
        self._store.write()
        self._written_revision = revision

    def _work(self) -> None:
        while not self._stop.wait(_INTERVAL_S):
            if self._written_revision == self._state.revision:
                continue
            try:
                self.flush()
            except SessionError as error:
                self.problem = str(error)
            else:
                self.problem = ""
