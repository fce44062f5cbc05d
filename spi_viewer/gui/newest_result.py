"""Work of some 10 to 500 ms off the GUI thread, where only the newest request matters."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any

from PyQt5.QtCore import QObject, QThreadPool, pyqtSignal

_log = logging.getLogger(__name__)


class NewestResult(QObject):
    """Runs functions in a borrowed thread, one at a time; a newer request replaces a waiting one.

    The thread is one of Qt's pool, given back as soon as nothing waits, so there is nothing to shut
    down. Starting a thread of Python's would wait until it runs: on a busy machine 100 ms and more.

    Signals:
        ready: the return value of a finished function, delivered on the GUI thread.
    """

    ready = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._waiting: Callable[[], Any] | None = None
        self._running = False

    @property
    def is_idle(self) -> bool:
        """True when nothing runs or waits; the last result may still be on its way."""
        with self._lock:
            return not self._running

    def request(self, work: Callable[[], Any]) -> None:
        """Run `work` soon; a request that still waits is forgotten."""
        with self._lock:
            self._waiting = work
            if self._running:
                return
            self._running = True
        QThreadPool.globalInstance().start(self._run)

    def _take(self) -> Callable[[], Any] | None:
        with self._lock:
            work, self._waiting = self._waiting, None
            self._running = work is not None
            return work

    def _run(self) -> None:
        """Called on the borrowed thread."""
        while (work := self._take()) is not None:
            try:
                result = work()
            except Exception:  # noqa: BLE001  what is asked for next may well come
                _log.exception("a part of the window could not be worked out")
                continue
            with contextlib.suppress(RuntimeError):  # the receiver was deleted meanwhile
                self.ready.emit(result)
