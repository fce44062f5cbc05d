"""What feeds and the inspector ask of a reader, in this process or in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from spi_viewer.errors import RunFileError
from spi_viewer.frames import Crop, FrameBatch, FullFrame, RunInfo
from spi_viewer.sources.directory_listing import FileStat, ListingChanges

CENTERING_FRAMES = 32  # that the automatic crop is found from, if there are so many


class Position(NamedTuple):
    """How far a file was read; `dataset` is None before the first look."""

    path: str
    dataset: str | None
    start: int
    written_at_s: float


@dataclass(frozen=True, slots=True)
class ReadOn:
    """What came of reading on in one of several files.

    Attributes:
        info: as `Reader.describe`; None when that failed.
        batch: frames from the position on; None without any, or where they must be asked for alone.
        error: why there is no `info`.
    """

    info: RunInfo | None
    batch: FrameBatch | None = None
    error: RunFileError | None = None


class Reader(Protocol):
    """Reads run files; every call may raise RunFileError and its kinds, naming the file."""

    def warm_up(self) -> None:
        """Get ready now, so that the first question need not wait; raises nothing."""

    def list_files(self, path: str) -> list[FileStat]:
        """Run files in a directory, oldest first; or the one file that `path` names."""

    def list_changes(self, directory: str, since: int) -> ListingChanges:
        """What changed in a directory since the listing of that state; 0: since ever."""

    def describe(self, path: str, dataset: str | None = None) -> RunInfo:
        """What is known of a run now; a growing file is looked at again."""

    def find_crop(self, paths: str | Sequence[str], dataset: str | None) -> Crop:
        """Crop about the beam centre, from the first frames of one or several files."""

    def read_batch(
        self,
        path: str,
        dataset: str | None,
        start: int,
        stop: int,
        crop: Crop,
        written_at_s: float,
    ) -> FrameBatch:
        """Frames [start, stop) prepared for the network; see `prepare_batch`."""

    def read_on(
        self,
        positions: Sequence[Position],
        frame_shape: tuple[int, int],
        crop: Crop,
        max_frames: int,
        patience_s: float,
    ) -> list[ReadOn]:
        """Describe several files, and read on in those whose frames have `frame_shape`.

        Answers in the same order; fewer when `max_frames` are read or `patience_s` is over. What
        is wrong with a file is in its answer.
        """

    def read_frame(self, path: str, dataset: str | None, index: int, crop: Crop) -> FullFrame:
        """One frame as it stands on disk."""

    def close(self) -> None:
        """Let go of everything; may be called again."""
