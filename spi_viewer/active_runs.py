"""The runs that are being read: which there are, how far they lag, and what is newest in them."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from spi_viewer.pipeline_status import DatasetChoice, UnjudgedFrame
from spi_viewer.sources.run_feed import RunFeed


@dataclass(slots=True)
class ActiveRun:
    """A run and the feed that its frames come from.

    Attributes:
        live: it may go on for ever.
        wait_s: from when its latest batch could be read until it was judged.
    """

    run: int
    feed: RunFeed
    live: bool
    wait_s: float = 0.0
    known_refusals: int = 0

    def new_refusals(self) -> list[tuple[str, str]]:
        """(path, reason) of the files that were refused since the last call."""
        refused = self.feed.refused[self.known_refusals :]
        self.known_refusals += len(refused)
        return refused


class ActiveRuns:
    """Runs come and go on one thread and are judged on another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[int, ActiveRun] = {}
        self._choices: dict[int, DatasetChoice] = {}

    def add(self, active: ActiveRun) -> None:
        """Take a run in, or go on with one that waited for a choice."""
        with self._lock:
            self._runs[active.run] = active
            self._choices.pop(active.run, None)

    def remove(self, run: int) -> ActiveRun | DatasetChoice | None:
        """Take a run out, or one that waits for a choice; None if it is not there any more."""
        with self._lock:
            choice = self._choices.pop(run, None)
            return self._runs.pop(run, None) or choice

    def await_choice(self, choice: DatasetChoice) -> None:
        """Take a run out until one of its datasets is chosen."""
        with self._lock:
            self._runs.pop(choice.run, None)
            self._choices[choice.run] = choice

    def choice(self, run: int) -> DatasetChoice:
        """What a run waits for; KeyError if it does not."""
        with self._lock:
            return self._choices[run]

    def choices(self) -> tuple[DatasetChoice, ...]:
        """All that wait for an answer."""
        with self._lock:
            return tuple(self._choices.values())

    def get(self, run: int) -> ActiveRun | None:
        """A run that is being read."""
        with self._lock:
            return self._runs.get(run)

    def all(self) -> list[ActiveRun]:
        """All that are being read, in the order in which they came."""
        with self._lock:
            return list(self._runs.values())

    def live(self, run: int | None = None) -> list[ActiveRun]:
        """Those that may go on for ever: that one, or all (None)."""
        return [active for active in self.all() if active.live and run in (None, active.run)]

    def newest_written_at_s(self) -> float | None:
        """Unix time at which the newest frame of the live runs was written, read or not."""
        feeds = [active.feed for active in self.live()]
        times = [feed.newest_written_at_s for feed in feeds]
        times += [newest.written_at_s for feed in feeds if (newest := feed.newest)]
        return max((time for time in times if time is not None), default=None)

    def newest_frame(self, run: int | None) -> UnjudgedFrame | None:
        """The newest frame of the newest file of that live run, or of all (None)."""
        found = [
            UnjudgedFrame(active.run, newest, crop)
            for active in self.live(run)
            if (newest := active.feed.newest) and (crop := active.feed.crop)
        ]
        return max(found, key=lambda frame: frame.position.written_at_s, default=None)
