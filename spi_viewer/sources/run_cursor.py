"""Where reading stands in one file, and how it gets past frames whose read hangs or crashes."""

from __future__ import annotations

from dataclasses import dataclass

from spi_viewer.errors import NotReadyError, ReadCrashError, ReadTimeoutError, RunFileError
from spi_viewer.frames import Crop, FrameBatch, RunInfo
from spi_viewer.sources.frame_batches import first_rows, unreadable_batch
from spi_viewer.sources.reader import Position, Reader, ReadOn

_DESCRIBE_TRIES = 2
_READ_TRIES = 2


@dataclass(slots=True)
class Progress:
    """Answer to a read.

    Attributes:
        batch: frames from the cursor's position on; None when there is nothing yet.
        failed: the read hung or crashed; rows, if any, are given up for good.
        at_once: the file was looked at and read in one go, so that it cannot have grown meanwhile.
    """

    batch: FrameBatch | None
    failed: bool = False
    at_once: bool = False


class RunCursor:
    """Reads a file from front to back.

    When a read of several frames hangs or crashes they are read one by one, which finds the
    culprit: that frame is given up as UNREADABLE. If reading fails so once more, the file is
    refused. So at most one read hangs in a call, and at most three in a file.

    Attributes:
        next_frame: the first frame that was not handed out.
        info: as of the last `describe`; None before.
        ahead: answer for the next `describe` and `read`, got together with those of other files.
        may_join: it may be asked for together with other files: no call about it has failed.
    """

    __slots__ = (
        "_careful_until",
        "_dataset",
        "_failures",
        "_is_hopeless",
        "_reader",
        "ahead",
        "info",
        "may_join",
        "next_frame",
        "path",
    )

    def __init__(self, reader: Reader, path: str, dataset: str | None = None) -> None:
        self.path = path
        self.next_frame = 0
        self.info: RunInfo | None = None
        self.ahead: ReadOn | None = None
        self.may_join = True
        self._reader = reader
        self._dataset = dataset
        self._failures = 0
        self._is_hopeless = False
        self._careful_until = 0

    @property
    def remaining(self) -> int:
        """Frames known to be complete and not handed out."""
        return max(0, self.info.frame_count - self.next_frame) if self.info else 0

    @property
    def is_hopeless(self) -> bool:
        """True after too many hangs or crashes: not worth another try, however it changes."""
        return self._is_hopeless

    def forget_info(self) -> None:
        """Free what `describe` found, in a file that was read to its end."""
        self.info = None

    def position(self, written_at_s: float) -> Position:
        """Where to read on."""
        return Position(self.path, self._dataset, self.next_frame, written_at_s)

    def describe(self) -> RunInfo:
        """Look at the file again.

        Raises:
            NotReadyError: worth another try later; also after the first hang.
            RunFileError: the file is of no use.
        """
        try:
            self.info = self._look()
        except (ReadTimeoutError, ReadCrashError) as error:
            self._note_failure()
            if self._failures >= _DESCRIBE_TRIES:
                self._is_hopeless = True
                raise
            raise NotReadyError(self.path, error.reason) from error
        self._dataset = self.info.dataset
        return self.info

    def _look(self) -> RunInfo:
        if self.ahead is None:
            return self._reader.describe(self.path, self._dataset)
        if self.ahead.info is not None:
            return self.ahead.info
        ahead, self.ahead = self.ahead, None
        assert ahead.error is not None
        raise ahead.error

    def read(self, max_frames: int, crop: Crop, written_at_s: float) -> Progress:
        """Read on from `next_frame`; call `advance` with the rows that were used.

        Raises:
            NotReadyError: the file is torn just now.
            RunFileError: the rest of the file is of no use.
        """
        assert self.info is not None
        start = self.next_frame
        careful = start < self._careful_until
        stop = start + min(self.remaining, 1 if careful else max_frames)
        if (batch := self._read_ahead(stop, crop)) is not None:
            return Progress(batch, at_once=True)
        try:
            batch = self._reader.read_batch(
                self.path, self.info.dataset, start, stop, crop, written_at_s
            )
        except (ReadTimeoutError, ReadCrashError) as error:
            return self._after_failure(error, stop, careful, crop, written_at_s)
        return Progress(batch)

    def advance(self, frames: int) -> None:
        """Count frames as handed out."""
        self.next_frame += frames

    def _read_ahead(self, stop: int, crop: Crop) -> FrameBatch | None:
        """Frames that were read when the file was looked at, if they are those that are wanted."""
        ahead, self.ahead = self.ahead, None
        batch = ahead.batch if ahead is not None else None
        if batch is None or batch.crop != crop or batch.ids[0].index != self.next_frame:
            return None
        return first_rows(batch, min(len(batch), stop - self.next_frame))

    def _note_failure(self) -> None:
        self._failures += 1
        self.may_join = False

    def _after_failure(
        self, error: RunFileError, stop: int, careful: bool, crop: Crop, written_at_s: float
    ) -> Progress:
        self._note_failure()
        if self._failures > _READ_TRIES:
            self._is_hopeless = True
            reason = f"given up at frame {self.next_frame}: {error.reason}"
            raise RunFileError(self.path, reason) from error
        if not careful:
            self._careful_until = stop
            return Progress(None, failed=True)
        assert self.info is not None
        rows = unreadable_batch(self.info, self.next_frame, stop, crop, written_at_s)
        return Progress(rows, failed=True)
