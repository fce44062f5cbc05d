"""What a watch knows of one file: how it last looked, how far it was read, when to look again."""

from __future__ import annotations

import numpy as np

from spi_viewer.frames import Crop, FrameBatch, FrameFlag
from spi_viewer.sources.directory_listing import FileStat
from spi_viewer.sources.reader import Reader
from spi_viewer.sources.run_cursor import RunCursor

RETRY_FIRST_S = 0.25
RETRY_MOST_S = 2.0
QUIET_S = 30.0  # unchanged for so long, a file will not change any more
_OLD_S = 600.0  # by its time stamp when first seen; clocks of file servers are off by less

_TORN = np.uint32(FrameFlag.UNREADABLE | FrameFlag.NOT_WRITTEN | FrameFlag.SOURCE_MISSING)
# A torn frame with readable frames behind it is damaged rather than half-written: writers may
# flush out of order, but not for long.
_TORN_AMID_S = 2.0

# Time stamps of some file systems stand still for seconds, and a reader takes holes for 'not yet
# written' until the file has been left alone for 5 s: so each file is looked at once more.
_LAST_LOOK_S = 6.0
_RACY_S = 0.05
_COARSE_STAMP_S = 2.5


class WatchedFile:
    """State of one file; times are of the feed's monotonic clock.

    Attributes:
        stat: its latest entry in the listing.
        look_at: when to look again though its listing is unchanged; None: not planned.
        needs_look: its number of frames must be asked for before reading on.
        in_queue: the feed has it in its queue.
        is_gone: it is not in the directory any more.
        is_replaced: other contents took its name after frames had been read.
        waiting: why frames are waited for, '' if they are not.
        earlier: a vanished file that had the same inode: this one under its old name, or not.
        first_frame: fingerprint and crop of the first frame handed out.
    """

    __slots__ = (
        "_changed_at",
        "_retry_s",
        "_torn_since",
        "cursor",
        "earlier",
        "first_frame",
        "in_queue",
        "is_gone",
        "is_replaced",
        "look_at",
        "needs_look",
        "stat",
        "waiting",
    )

    def __init__(self, stat: FileStat, cursor: RunCursor, now: float, wall_now: float) -> None:
        self.stat = stat
        self.cursor = cursor
        self.look_at: float | None = None
        self.needs_look = True
        self.in_queue = False
        self.is_gone = False
        self.is_replaced = False
        self.waiting = ""
        self.earlier: WatchedFile | None = None
        self.first_frame: tuple[int, Crop] | None = None
        self._changed_at = now if wall_now - stat.mtime_s < _OLD_S else now - QUIET_S
        self._retry_s = RETRY_FIRST_S
        self._torn_since: dict[int, float] = {}

    @property
    def is_pending(self) -> bool:
        """True while something in it is known, or hoped, to be unread."""
        return self.in_queue or bool(self.waiting)

    def note_change(self, stat: FileStat, now: float) -> None:
        """The listing shows a change."""
        if stat.inode != self.stat.inode and self.cursor.next_frame:
            self.is_replaced = True
        self.stat = stat
        self._changed_at = now
        self.needs_look = True
        self._retry_s = RETRY_FIRST_S

    def quiet_s(self, now: float) -> float:
        """Seconds since it was last seen to change."""
        return now - self._changed_at

    def wait(self, why: str, now: float) -> None:
        """Try again, less and less often."""
        self.waiting = why
        self.needs_look = True
        self.look_at = now + self._retry_s
        self._retry_s = min(2 * self._retry_s, RETRY_MOST_S)

    def rest(self) -> None:
        """Leave it until it changes."""
        self.waiting = ""
        self.look_at = None
        self.needs_look = False
        self._torn_since.clear()
        self.cursor.forget_info()

    def note_progress(self, batch: FrameBatch) -> None:
        """Frames came out of it: the first rows of `batch`."""
        if self.first_frame is None:
            self.first_frame = _fingerprint(batch), batch.crop
        self.waiting = ""
        self._retry_s = RETRY_FIRST_S

    def go_on_from_earlier(self, reader: Reader) -> None:
        """Go on where it was left under its earlier name, if its first frame is the same."""
        earlier, info = self.earlier, self.cursor.info
        if earlier is not None and earlier.first_frame is not None and info is not None:
            known, crop = earlier.first_frame
            first = reader.read_batch(self.cursor.path, info.dataset, 0, 1, crop, 0.0)
            if _fingerprint(first) == known:
                self.first_frame = earlier.first_frame
                self.cursor.next_frame = earlier.cursor.next_frame
        self.earlier = None

    def usable_rows(self, batch: FrameBatch, now: float) -> int:
        """Rows up to the first frame that may still be being written."""
        torn = (batch.flags & _TORN) != 0
        held = [  # a list: every torn frame's time starts with its first read
            int(row)
            for row in np.flatnonzero(torn)
            if not self._gives_up_torn(batch.ids[row].index, not torn[row:].all(), now)
        ]
        return held[0] if held else len(batch)

    def _gives_up_torn(self, frame: int, has_readable_behind: bool, now: float) -> bool:
        """True when a torn frame will not mend: then it is handed out as it is."""
        since = self._torn_since.setdefault(frame, now)
        if self.quiet_s(now) >= QUIET_S:
            return True
        return has_readable_behind and now - since >= _TORN_AMID_S

    def rest_or_look_again(self, now: float, looked_at_s: float) -> None:
        """All that is known was read; look once more if something could have been missed.

        `looked_at_s` is the Unix time of the last look, or earlier.
        """
        frames = self.cursor.info.frame_count if self.cursor.info else 0
        due = self._changed_at + _LAST_LOOK_S
        self.rest()
        if now < due and (frames != 1 or self._is_racy(looked_at_s)):
            self.look_at = due

    def _is_racy(self, looked_at_s: float) -> bool:
        """True if a write right after the look may have left the time stamp as it was."""
        age_s = abs(looked_at_s - self.stat.mtime_s)
        is_coarse = self.stat.mtime_s == int(self.stat.mtime_s)
        return age_s < (_COARSE_STAMP_S if is_coarse else _RACY_S)


def _fingerprint(batch: FrameBatch) -> int:
    """Tells the first frame of a batch from others; noise makes every frame unique."""
    return hash(batch.counts[0].tobytes())
