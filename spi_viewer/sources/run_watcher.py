"""The feed of a directory in which run files appear and grow, watched by polling.

Events of the file system never arrive from network disks, so the directory is listed again and
again. A poll costs one listing; only files that are new or changed are opened.

Each frame of a file is handed out once, in order. When other contents take a file's name, the
frames up to the position reached are not read again, and `refused` says so.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import takewhile

from spi_viewer.errors import NotReadyError, RunFileError
from spi_viewer.frames import Crop, FrameBatch
from spi_viewer.sources.crop_choice import CropChoice
from spi_viewer.sources.directory_listing import ListingChanges
from spi_viewer.sources.directory_poll import DirectoryPoll
from spi_viewer.sources.frame_batches import BatchGatherer, first_rows
from spi_viewer.sources.look_ahead import LookAhead
from spi_viewer.sources.reader import Position, Reader
from spi_viewer.sources.run_cursor import RunCursor
from spi_viewer.sources.run_feed import GATHERING_S
from spi_viewer.sources.watched_directory import WatchedDirectory
from spi_viewer.sources.watched_file import QUIET_S, WatchedFile

_NEWS_S = 5.0  # so long a changed file is news
_EXPORT = (
    "this program exported it, and its frames were measured in other files; open it by its name"
)
_GRACE_S = 3.0  # what is no run file yet may be one that was just begun


class WatchFeed:
    """Frames of the files that are in a directory, appear in it, and grow.

    Args:
        crop: the operator's crop; None is the automatic one.
        poll_interval_s: the directory is listed no more often than this.
        dataset: where the frames are in each file; None looks for them.
        clock, wall_clock: monotonic and Unix time, replaced in tests.
    """

    finished = False  # more may always come

    def __init__(
        self,
        reader: Reader,
        directory: str,
        crop: Crop | None = None,
        poll_interval_s: float = 0.25,
        *,
        dataset: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = os.path.abspath(directory)
        self.name = os.path.basename(self.path) or self.path
        self.waiting: list[tuple[str, str]] = []
        self.refused: list[tuple[str, str]] = []  # only ever appended to
        self.newest_written_at_s: float | None = None
        self._reader = reader
        self._poll = DirectoryPoll(reader, self.path, poll_interval_s, clock)
        self._directory = WatchedDirectory(reader, dataset)
        self._crops = CropChoice(reader, crop)
        self._look_ahead = LookAhead(reader, self._crops)
        self._looked_at, self._looked_at_s = clock(), wall_clock()
        self._clock = clock
        self._wall_clock = wall_clock
        self._queue: deque[WatchedFile] = deque()
        self._newest: WatchedFile | None = None
        self._told: set[tuple[str, str]] = set()

    @property
    def frames_behind(self) -> int:
        """Frames not handed out yet; a file behind the one in front counts as one.

        Called by any thread, and often: what it costs must not grow with the queue.
        """
        try:
            in_front = self._queue[0].cursor.remaining
        except IndexError:
            return 0
        return max(1, in_front) + max(0, len(self._queue) - 1)

    @property
    def waited_s(self) -> float:
        """How long the file in front has waited, or been read since it was last looked at.

        By this machine's clock; called by any thread.
        """
        try:
            file = self._queue[0]
        except IndexError:
            return 0.0
        now = self._clock()
        return now - self._looked_at if file.cursor.remaining else file.quiet_s(now)

    @property
    def newest(self) -> Position | None:
        """How far the newest file was read, if it has just changed; called by any thread."""
        file = self._newest
        if file is None or file.is_gone or file.quiet_s(self._clock()) > _NEWS_S:
            return None
        return file.cursor.position(file.stat.mtime_s)

    @property
    def crop(self) -> Crop | None:
        """The crop in use; None before the first frame."""
        return self._crops.in_use

    def set_crop(self, crop: Crop | None) -> None:
        """Use the operator's crop for frames from now on; None is the automatic one."""
        self._crops.operator_crop = crop

    def next_batch(self, max_frames: int) -> FrameBatch | None:
        """Next frames, joined over small files; None when there are none, or no poll is due."""
        changes = self._poll.changes(since=self._directory.state)
        if changes is not None:
            self._take_in(changes)
        gathered = BatchGatherer(max_frames, GATHERING_S, self._clock)
        goes_on = True
        while goes_on and self._queue:
            file = self._queue[0]
            if not gathered.has_room(file.cursor.ahead is not None):
                break
            try:
                goes_on = self._read_on(file, gathered)
            except RunFileError as error:
                self._after_error(file, error)
        self._look_ahead.end()
        trouble = [(self.path, self._poll.trouble)] if self._poll.trouble else []
        self.waiting = trouble + self._directory.waiting()
        return gathered.batch()

    def _take_in(self, changes: ListingChanges) -> None:
        """Queue the files that are to be looked at, and tell of those that vanished unread."""
        now = self._clock()
        to_look_at, vanished = self._directory.compare(changes, now, self._wall_clock())
        news = [file for file in to_look_at if file.quiet_s(now) < _NEWS_S]
        self._newest = max(news, key=lambda file: file.stat.mtime_s, default=self._newest)
        for file in to_look_at:
            if not file.in_queue and not file.cursor.is_hopeless:
                file.in_queue = True
                self._queue.append(file)
        for file in vanished:
            if file.is_pending:
                self._refuse(file, "it disappeared before all of its frames were read")
                file.needs_look = True  # should it come back

    def _read_on(self, file: WatchedFile, gathered: BatchGatherer) -> bool:
        """Read a part of the file in front; False to end the batch."""
        cursor = file.cursor
        if file.needs_look:
            if not self._look(cursor, gathered):
                return False
            cursor.describe()
            file.go_on_from_earlier(self._reader)
            file.needs_look = False
            self._tell_replaced(file)
            if cursor.info is not None and cursor.info.is_export:
                self._newest = None if self._newest is file else self._newest
                raise RunFileError(file.stat.path, _EXPORT)
        if not cursor.remaining:
            self._leave(file)
            return True
        assert cursor.info is not None
        crop = self._crops.crop_for(cursor.info)
        if not gathered.accepts(crop, cursor.info.geometry):
            return False
        progress = cursor.read(gathered.room, crop, file.stat.mtime_s)
        if progress.batch is not None:
            self._hand_out(file, progress.batch, progress.failed, gathered)
        return not progress.failed  # one hang is enough for one call

    def _look(self, cursor: RunCursor, gathered: BatchGatherer) -> bool:
        """Before a file is described: look at it and those behind it, all in one call."""
        if cursor.ahead is not None:
            return True
        self._looked_at, self._looked_at_s = self._clock(), self._wall_clock()
        return self._look_ahead.ask(self._to_look_at(), gathered.room, gathered.seconds_left)

    def _to_look_at(self) -> Iterator[tuple[RunCursor, float]]:
        for file in takewhile(lambda file: file.needs_look, self._queue):
            yield file.cursor, file.stat.mtime_s

    def _hand_out(
        self, file: WatchedFile, batch: FrameBatch, is_final: bool, gathered: BatchGatherer
    ) -> None:
        """Add the rows that are complete, and decide what comes next for the file."""
        usable = len(batch) if is_final else file.usable_rows(batch, self._clock())
        gathered.add(first_rows(batch, usable))
        file.cursor.advance(usable)
        if usable:
            file.note_progress(batch)
            newest = self.newest_written_at_s or 0.0
            self.newest_written_at_s = max(newest, file.stat.mtime_s)
        if usable < len(batch):
            file.wait(f"frame {file.cursor.next_frame} is not complete yet", self._clock())
            self._drop_from_queue(file)
        elif not file.cursor.remaining:
            self._leave(file)

    def _leave(self, file: WatchedFile) -> None:
        file.rest_or_look_again(self._clock(), self._looked_at_s)
        self._drop_from_queue(file)

    def _after_error(self, file: WatchedFile, error: RunFileError) -> None:
        now = self._clock()
        patience_s = QUIET_S if isinstance(error, NotReadyError) else _GRACE_S
        if file.is_gone:
            file.rest()  # `_take_in` has told
            file.needs_look = True
        elif file.cursor.is_hopeless or file.quiet_s(now) >= patience_s:
            self._refuse(file, error.reason)
        else:
            file.wait(error.reason, now)
        self._drop_from_queue(file)

    def _refuse(self, file: WatchedFile, reason: str) -> None:
        self._tell(file, reason)
        file.rest()
        self._directory.plan(file)

    def _tell_replaced(self, file: WatchedFile) -> None:
        if file.is_replaced:
            file.is_replaced = False
            read = file.cursor.next_frame
            self._tell(file, f"other contents took its name; frames before {read} stay as read")

    def _tell(self, file: WatchedFile, reason: str) -> None:
        """Append to `refused`, a thing once."""
        entry = (file.stat.path, reason)
        if entry not in self._told:
            self._told.add(entry)
            self.refused.append(entry)

    def _drop_from_queue(self, file: WatchedFile) -> None:
        self._queue.remove(file)
        file.in_queue = False
        self._directory.plan(file)
