"""Reads a batch ahead, on a thread of its own: the next frames come while the last are judged."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from spi_viewer.frames import FrameBatch
from spi_viewer.sources.run_feed import RunFeed

_IDLE_PAUSE_S = 0.03


@dataclass(frozen=True, slots=True)
class Reading:
    """What came out of a feed: its next frames, its end, or what ended it.

    Attributes:
        batch: None at the end.
        error: whatever the feed raised; it is not asked again.
        waiting_since: monotonic time, in seconds, since when the first frame has waited.
    """

    feed: RunFeed
    batch: FrameBatch | None = None
    error: Exception | None = None
    waiting_since: float = 0.0


class FeedReader:
    """Every feed gets its turn; what was read waits until it is taken, so nothing piles up.

    At any time one reading waits to be taken and one more waits for its place. Feeds are added,
    removed and taken from by any thread.
    """

    def __init__(self, batch_frames: int) -> None:
        self._batch_frames = batch_frames
        self._feeds: list[RunFeed] = []
        self._next: Reading | None = None
        self._frames_ahead = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    @property
    def frames_ahead(self) -> int:
        """Frames that were read and not taken."""
        return self._frames_ahead

    def add(self, feed: RunFeed) -> None:
        """Read from a feed until its end."""
        with self._changed:
            self._feeds.append(feed)
            self._changed.notify_all()

    def remove(self, feed: RunFeed) -> None:
        """Read no more from a feed; a reading of it may still come."""
        with self._changed:
            if feed in self._feeds:
                self._feeds.remove(feed)

    def take(self, timeout_s: float) -> Reading | None:
        """The next reading; None if none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._next is not None or self._stopping, timeout_s)
            reading, self._next = self._next, None
            if reading is not None and reading.batch is not None:
                self._frames_ahead -= len(reading.batch)
            self._changed.notify_all()
            return reading

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._work, name="reading", daemon=True)
        self._thread.start()

    def stop(self, patience_s: float) -> bool:
        """Ask and wait; False if a read has not come back, and must be ended first."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(patience_s)
            if self._thread.is_alive():
                return False
            self._thread = None
        return True

    def _work(self) -> None:
        while not self._stopping:
            feeds = list(self._feeds)
            got_some = [self._read(feed) for feed in feeds]
            if not any(got_some):
                with self._changed:
                    self._changed.wait(_IDLE_PAUSE_S)

    def _read(self, feed: RunFeed) -> bool:
        """Hand the next frames of a feed over; False when there are none just now."""
        if self._stopping or feed not in self._feeds:
            return False
        since = time.monotonic() - feed.waited_s
        try:
            batch = feed.next_batch(self._batch_frames)
            reading = Reading(feed, batch, waiting_since=since)
            if reading.batch is None and not feed.finished:
                return False
        except Exception as error:  # noqa: BLE001  whoever takes it knows what to do
            reading = Reading(feed, error=error)
        if reading.batch is None:
            self.remove(feed)
        self._hand_over(reading)
        return True

    def _hand_over(self, reading: Reading) -> None:
        with self._changed:
            if reading.batch is not None:
                self._frames_ahead += len(reading.batch)
            self._changed.wait_for(lambda: self._next is None or self._stopping)
            if not self._stopping:
                self._next = reading
                self._changed.notify_all()
