"""One job on a plain thread that the window looks at instead of being called by it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from spi_viewer.errors import SpiViewerError

_log = logging.getLogger(__name__)
Result = TypeVar("Result")


class BackgroundTask(Generic[Result]):
    """Runs `job(progress, cancelled)` once; poll `is_done`, then take `result` or `error`.

    Attributes:
        done, total: the progress that the job last told.
        result: what the job returned; None before the end and after an error.
        error: the text of what went wrong; None if nothing did.
    """

    def __init__(
        self,
        job: Callable[[Callable[[int, int], None], Callable[[], bool]], Result],
        name: str,
    ) -> None:
        self.done, self.total = 0, 0
        self.result: Result | None = None
        self.error: str | None = None
        self._job = job
        self._cancel = threading.Event()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    @property
    def is_done(self) -> bool:
        """True when the job has ended, well or not."""
        return not self._thread.is_alive()

    @property
    def is_cancelled(self) -> bool:
        """True once it was asked to stop."""
        return self._cancel.is_set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def cancel(self) -> None:
        """Ask the job to stop; it does so at its next look."""
        self._cancel.set()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end; False if it has not come in time."""
        self._thread.join(timeout_s)
        return self.is_done

    def _work(self) -> None:
        try:
            self.result = self._job(self._note_progress, self._cancel.is_set)
        except (SpiViewerError, OSError) as error:
            self.error = str(error)
        except Exception as error:  # noqa: BLE001  whatever it was, the user must see it
            _log.exception("%s failed", self._thread.name)
            self.error = f"unexpected {type(error).__name__}: {error} (see the log file)"

    def _note_progress(self, done: int, total: int) -> None:
        self.done, self.total = done, total
