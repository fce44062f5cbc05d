"""Lists a directory again and again, never so often that no time is left to read."""

from __future__ import annotations

from collections.abc import Callable

from spi_viewer.errors import RunFileError
from spi_viewer.sources.directory_listing import ListingChanges
from spi_viewer.sources.reader import Reader
from spi_viewer.sources.watched_file import RETRY_FIRST_S, RETRY_MOST_S

_PAUSE = 3.0  # times what a poll takes: listing ten thousands of files must leave time to read


class DirectoryPoll:
    """When to list next, and why that fails just now.

    Args:
        interval_s: the directory is listed no more often than this.
        clock: monotonic time.

    Attributes:
        trouble: why the directory cannot be listed; '' if it can.
    """

    def __init__(
        self, reader: Reader, path: str, interval_s: float, clock: Callable[[], float]
    ) -> None:
        self.trouble = ""
        self._reader = reader
        self._path = path
        self._interval_s = interval_s
        self._clock = clock
        self._next_s = clock()
        self._retry_s = RETRY_FIRST_S

    def changes(self, since: int) -> ListingChanges | None:
        """What changed since the listing of that state; None if no poll is due, or it failed."""
        started = self._clock()
        if started < self._next_s:
            return None
        try:
            changes = self._reader.list_changes(self._path, since)
        except RunFileError as error:
            self.trouble = error.reason
            self._next_s = self._clock() + self._retry_s
            self._retry_s = min(2 * self._retry_s, RETRY_MOST_S)
            return None
        self.trouble = ""
        self._retry_s = RETRY_FIRST_S
        now = self._clock()
        self._next_s = now + max(self._interval_s, _PAUSE * (now - started))
        return changes
