"""What the pipeline pulls frames from, and the feed of files that are complete."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from spi_viewer.errors import AmbiguousDatasetError, NotReadyError, RunFileError
from spi_viewer.frames import Crop, FrameBatch
from spi_viewer.sources.crop_choice import CropChoice
from spi_viewer.sources.directory_listing import FileStat
from spi_viewer.sources.frame_batches import BatchGatherer
from spi_viewer.sources.look_ahead import LookAhead
from spi_viewer.sources.reader import Position, Reader
from spi_viewer.sources.run_cursor import RunCursor

GATHERING_S = 0.25  # how long one call may go on joining small files
_RETRY_S = 0.25


class RunFeed(Protocol):
    """Frames in order, each once; pulled by one thread, looked at by others.

    Attributes:
        name: for the list of runs: 'r0173.cxi', or the directory's name.
        waiting: (path, why) of what is half-written or away, tried again quietly.
        refused: (path, reason) of what was given up.
    """

    name: str
    path: str
    waiting: list[tuple[str, str]]
    refused: list[tuple[str, str]]

    def next_batch(self, max_frames: int) -> FrameBatch | None:
        """Next frames; None when there are none just now. Blocks for one read at most."""

    @property
    def finished(self) -> bool:
        """True when no more will ever come; never for a watched directory."""

    @property
    def frames_behind(self) -> int:
        """Frames known to be complete on disk and not handed out."""

    @property
    def newest_written_at_s(self) -> float | None:
        """Unix time at which the newest frame handed out was written; None before the first."""

    @property
    def waited_s(self) -> float:
        """How long what comes next in a live run has waited for its turn; 0 if nothing does."""

    @property
    def newest(self) -> Position | None:
        """How far the newest file of a live run was read; None if nothing has come lately."""

    def set_crop(self, crop: Crop | None) -> None:
        """Use the operator's crop for frames from now on; None is the automatic one."""

    @property
    def crop(self) -> Crop | None:
        """The crop in use; None before the first frame."""


class _File(NamedTuple):
    stat: FileStat
    cursor: RunCursor


class FileFeed:
    """A run file, or all run files in a directory, oldest first, once.

    A half-written file is waited for while it goes on changing, and refused when it has been as
    it is for `patience_s`.

    Args:
        dataset: where the frames are in the file; None looks for them.
        crop: the operator's crop; None is the automatic one.
        clock: Unix time, replaced in tests.
    """

    def __init__(
        self,
        reader: Reader,
        path: str,
        dataset: str | None = None,
        crop: Crop | None = None,
        *,
        patience_s: float = 5.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = os.path.abspath(path)
        self.name = os.path.basename(self.path)
        self.waiting: list[tuple[str, str]] = []
        self.refused: list[tuple[str, str]] = []
        self._reader = reader
        self._dataset = dataset
        self._crops = CropChoice(reader, crop)
        self._look_ahead = LookAhead(reader, self._crops)
        self._patience_s = patience_s
        self._clock = clock
        self._listed = False
        self._files: deque[_File] = deque()
        self._retry_at = 0.0
        self._unchanged: tuple[float, float] | None = None  # time of the last change, since when
        self._newest: float | None = None

    waited_s, newest = 0.0, None  # files are read from front to back

    @property
    def finished(self) -> bool:
        """True after the last frame of the last file."""
        return self._listed and not self._files

    @property
    def frames_behind(self) -> int:
        """Frames left in the file at hand; files not opened yet count as one each."""
        try:
            at_hand = self._files[0].cursor
        except IndexError:
            return 0
        return len(self._files) - 1 + (at_hand.remaining if at_hand.info is not None else 1)

    @property
    def newest_written_at_s(self) -> float | None:
        """Unix time of the last change of the newest file handed out."""
        return self._newest

    @property
    def crop(self) -> Crop | None:
        """The crop in use; None before the first frame."""
        return self._crops.in_use

    def set_crop(self, crop: Crop | None) -> None:
        """Use the operator's crop for frames from now on; None is the automatic one."""
        self._crops.operator_crop = crop

    def next_batch(self, max_frames: int) -> FrameBatch | None:
        """Next frames, joined over small files; None at the end, or while a file is waited for.

        Raises:
            AmbiguousDatasetError: a single file was opened and the caller must choose a dataset.
        """
        if not self._listed:
            self._list_files()
        gathered = BatchGatherer(max_frames, GATHERING_S, self._clock)
        while self._files and self._clock() >= self._retry_at:
            file = self._files[0]
            if not gathered.has_room(file.cursor.ahead is not None):
                break
            try:
                if not self._read_on(file, gathered):
                    break
            except NotReadyError as error:
                self._wait(file.stat, error.reason)
            except AmbiguousDatasetError as error:
                if file.stat.path == self.path:
                    raise
                self._refuse(file.stat, error.reason)
            except RunFileError as error:
                self._refuse(file.stat, error.reason)
        self._look_ahead.end()
        return gathered.batch()

    def _list_files(self) -> None:
        self._listed = True
        try:
            listing = self._reader.list_files(self.path)
        except RunFileError as error:
            self.refused.append((self.path, error.reason))
            return
        self._files.extend(
            _File(stat, RunCursor(self._reader, stat.path, self._dataset)) for stat in listing
        )
        if not self._files:
            self.refused.append((self.path, "there are no run files in this directory"))

    def _read_on(self, file: _File, gathered: BatchGatherer) -> bool:
        """Read a part of a file; False to end the batch."""
        stat, cursor = file
        if cursor.info is None and cursor.ahead is None and not self.waiting:
            files = ((one.cursor, one.stat.mtime_s) for one in self._files)
            if not self._look_ahead.ask(files, gathered.room, gathered.seconds_left):
                return False
        if not cursor.remaining:
            cursor.describe()  # at the end once more: it may have grown
            self.waiting = []
            if not cursor.remaining:
                self._next_file()
                return True
        assert cursor.info is not None
        info = cursor.info
        crop = self._crops.crop_for(info)
        if not gathered.accepts(crop, info.geometry):
            return False
        progress = cursor.read(gathered.room, crop, stat.mtime_s)
        if progress.batch is not None:
            gathered.add(progress.batch)
            cursor.advance(len(progress.batch))
            self._newest = max(self._newest or 0.0, stat.mtime_s)
        if progress.at_once and not cursor.remaining:
            self._next_file()
        return not progress.failed  # one hang is enough for one call

    def _next_file(self) -> None:
        self._files.popleft()
        self._unchanged = None
        self.waiting = []

    def _refuse(self, file: FileStat, reason: str) -> None:
        self.refused.append((file.path, reason))
        self._next_file()

    def _wait(self, file: FileStat, reason: str) -> None:
        try:
            changed_at = self._reader.list_files(file.path)[0].mtime_s
        except RunFileError as error:
            self._refuse(file, error.reason)
            return
        now = self._clock()
        if self._unchanged is None or self._unchanged[0] != changed_at:
            # A file server's clock may run ahead: a change in the future counts from now.
            self._unchanged = changed_at, min(changed_at, now)
        if now - self._unchanged[1] > self._patience_s:
            self._refuse(file, reason)
            return
        self.waiting = [(file.path, reason)]
        self._retry_at = now + _RETRY_S
