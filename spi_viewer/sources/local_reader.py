"""The reader that works in the calling process."""

from __future__ import annotations

import logging
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from spi_viewer.errors import NotReadyError, RunFileError
from spi_viewer.frames import INVALID_FLAGS, Crop, FrameBatch, FrameId, FullFrame, RunInfo
from spi_viewer.preprocessing.centering import find_center
from spi_viewer.preprocessing.cropping import default_crop
from spi_viewer.sources.directory_listing import (
    DirectoryListing,
    FileStat,
    ListingChanges,
    file_stat,
)
from spi_viewer.sources.frame_preparation import FRAME_ERRORS, frame_with_mask, prepare_batch
from spi_viewer.sources.kept_runs import KeptRuns
from spi_viewer.sources.reader import CENTERING_FRAMES, Position, ReadOn
from spi_viewer.sources.run_file import Run, open_run

_log = logging.getLogger(__name__)

_CENTERING_BYTES = 256 << 20
_KEPT_LISTINGS = 4


class LocalReader:
    """Reads in the calling process; for one thread at a time.

    Keeps the last few runs and listings; see `KeptRuns` for how long a file stays open.
    """

    def __init__(self, open_file: Callable[[str, str | None], Run] = open_run) -> None:
        self._runs = KeptRuns(open_file)
        self._listings: dict[str, DirectoryListing] = {}

    def warm_up(self) -> None:
        """Nothing: it is ready."""

    def list_files(self, path: str) -> list[FileStat]:
        """Run files in a directory (known suffixes, not hidden), or the one that is named."""
        self.release_growing()
        with _reaching(path):
            status = os.stat(path)
            if not stat.S_ISDIR(status.st_mode):
                return [file_stat(os.path.abspath(path), status)]
            return DirectoryListing(path).files()

    def list_changes(self, directory: str, since: int) -> ListingChanges:
        """What changed in a directory since the listing of that state; 0: since ever."""
        self.release_growing()
        with _reaching(directory):
            return self._listing(directory).changes(since)

    def describe(self, path: str, dataset: str | None = None) -> RunInfo:
        """What is known of a run now; a growing file is looked at again."""
        with _refusing(path):
            return self._runs.get(path, dataset, look_again=True).info

    def find_crop(self, paths: str | Sequence[str], dataset: str | None) -> Crop:
        """Crop about the beam centre; the middle of the frame where no centre shows.

        The last of several files is the one that frames are read from now.
        """
        paths = [paths] if isinstance(paths, str) else list(paths)
        with _refusing(paths[-1]):
            shape = self._runs.get(paths[-1], dataset).info.frame_shape
            frames: list[NDArray[np.float32]] = []
            masks: list[NDArray[np.bool_]] = []
            room = max(1, min(CENTERING_FRAMES, _CENTERING_BYTES // (5 * shape[0] * shape[1])))
            for path in paths:
                for pixels, valid in self._usable_frames(path, dataset, shape, room - len(frames)):
                    frames.append(pixels)
                    masks.append(valid)
            center = find_center(np.stack(frames), np.stack(masks)) if frames else None
            return default_crop(shape, center)

    def read_batch(
        self,
        path: str,
        dataset: str | None,
        start: int,
        stop: int,
        crop: Crop,
        written_at_s: float,
    ) -> FrameBatch:
        """Frames [start, stop) prepared for the network; bad ones are flagged rows."""
        with _refusing(path):
            run = self._runs.get(path, dataset)
            if stop > run.info.frame_count:
                raise NotReadyError(path, f"it has lost frames: {run.info.frame_count} are left")
            return prepare_batch(run, start, stop, crop, written_at_s)

    def read_on(
        self,
        positions: Sequence[Position],
        frame_shape: tuple[int, int],
        crop: Crop,
        max_frames: int,
        patience_s: float,
    ) -> list[ReadOn]:
        """Describe several files, and read on in those whose frames have `frame_shape`."""
        ends_at = time.monotonic() + patience_s
        answers: list[ReadOn] = []
        for position in positions:
            answer = self._read_on(position, frame_shape, crop, max_frames)
            answers.append(answer)
            max_frames -= len(answer.batch) if answer.batch is not None else 0
            if max_frames <= 0 or time.monotonic() >= ends_at:
                break
        return answers

    def _read_on(
        self, position: Position, frame_shape: tuple[int, int], crop: Crop, max_frames: int
    ) -> ReadOn:
        path, dataset, start, written_at_s = position
        try:
            info = self.describe(path, dataset)
        except RunFileError as error:
            return ReadOn(None, error=error)
        stop = min(info.frame_count, start + max_frames)
        if info.frame_shape != frame_shape or stop <= start:
            return ReadOn(info)
        try:
            batch = self.read_batch(path, info.dataset, start, stop, crop, written_at_s)
        except RunFileError:
            return ReadOn(info)
        return ReadOn(info, batch)

    def read_frame(self, path: str, dataset: str | None, index: int, crop: Crop) -> FullFrame:
        """One frame as it stands on disk."""
        with _refusing(path):
            run = self._runs.get(path, dataset)
            info = run.info
            if not 0 <= index < info.frame_count:
                raise RunFileError(path, f"it has no frame {index}, only {info.frame_count}")
            pixels, valid, flags = frame_with_mask(run, index)
            return FullFrame(
                id=FrameId(info.path, info.dataset, index, run.frame_name(index)),
                pixels=pixels,
                valid=valid,
                flags=flags,
                crop=crop,
                geometry=info.geometry,
                metadata=run.metadata(index),
            )

    def release_growing(self) -> None:
        """Close the files that changed lately; their runs are kept and reopen by themselves."""
        self._runs.release_growing()

    def close(self) -> None:
        """Close every kept run."""
        self._runs.close()

    def _listing(self, path: str) -> DirectoryListing:
        """What is kept of the last few directories."""
        listing = self._listings.pop(path, None) or DirectoryListing(path)
        self._listings[path] = listing
        if len(self._listings) > _KEPT_LISTINGS:
            del self._listings[next(iter(self._listings))]
        return listing

    def _usable_frames(
        self, path: str, dataset: str | None, shape: tuple[int, int], room: int
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
        """Pixels and masks of the first frames of a file that can be read and have pixels."""
        if room <= 0:
            return
        try:
            run = self._runs.get(path, dataset)
        except RunFileError:
            return
        for index in range(min(room, run.info.frame_count)):
            try:
                pixels, valid, flags = frame_with_mask(run, index)
            except FRAME_ERRORS:
                continue
            if pixels.shape == shape and not flags & INVALID_FLAGS:
                yield np.where(valid, pixels, 0).astype(np.float32), valid


@contextmanager
def _reaching(path: str) -> Iterator[None]:
    """What the file system answers to a listing becomes a RunFileError."""
    try:
        yield
    except FileNotFoundError:
        raise RunFileError(path, "there is no such file or directory") from None
    except PermissionError:
        raise RunFileError(path, "you have no permission to read it") from None
    except (OSError, ValueError) as error:
        raise RunFileError(path, f"it cannot be reached ({error})") from error


@contextmanager
def _refusing(path: str) -> Iterator[None]:
    """Whatever a broken file provokes becomes a RunFileError that names it."""
    try:
        yield
    except RunFileError:
        raise
    except Exception as error:  # a file that crashes its reader must be refused, not the program
        _log.info("%s could not be read", path, exc_info=True)
        reason = f"it cannot be read ({type(error).__name__}: {error})"
        raise RunFileError(path, reason) from error
