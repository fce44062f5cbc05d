"""The reader that works in the calling process."""

from __future__ import annotations

import logging
import os
import stat
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

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
from spi_viewer.sources.reader import CENTERING_FRAMES, Position, ReadOn
from spi_viewer.sources.run_file import Run, open_run

_log = logging.getLogger(__name__)

_CENTERING_BYTES = 256 << 20
_KEPT_RUNS = 4
_KEPT_LISTINGS = 4
_GROWING_S = 60.0  # a file that changed within this time is closed between polls


@dataclass(slots=True)
class _OpenRun:
    run: Run
    asked: str | None  # the dataset that was asked for
    signature: tuple[int, int, int]


class LocalReader:
    """Reads in the calling process; for one thread at a time.

    Keeps the last few runs. HDF5 files that changed lately are closed by `release_growing`, so
    that no writer ever finds them open for long; they are reopened without a new search.
    """

    def __init__(self, open_file: Callable[[str, str | None], Run] = open_run) -> None:
        self._open_file = open_file
        self._runs: OrderedDict[str, _OpenRun] = OrderedDict()
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
            return self._run(path, dataset, look_again=True).info

    def find_crop(self, paths: str | Sequence[str], dataset: str | None) -> Crop:
        """Crop about the beam centre; the middle of the frame where no centre shows."""
        paths = [paths] if isinstance(paths, str) else list(paths)
        with _refusing(paths[0]):
            shape = self._run(paths[0], dataset).info.frame_shape
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
            run = self._run(path, dataset)
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
            run = self._run(path, dataset)
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
        now = time.time()
        for kept in self._runs.values():
            if now - kept.signature[2] / 1e9 < _GROWING_S:
                kept.run.close()

    def close(self) -> None:
        """Close every kept run."""
        while self._runs:
            self._runs.popitem()[1].run.close()

    def _listing(self, path: str) -> DirectoryListing:
        """What is kept of the last few directories."""
        listing = self._listings.pop(path, None) or DirectoryListing(path)
        self._listings[path] = listing
        if len(self._listings) > _KEPT_LISTINGS:
            del self._listings[next(iter(self._listings))]
        return listing

    def _run(self, path: str, dataset: str | None, look_again: bool = False) -> Run:
        """The kept run of `path` if it still stands for the file, else a newly opened one."""
        dataset = dataset or None
        signature = _signature(path)
        kept = self._runs.pop(path, None)
        if kept is not None and not _is_same_run(kept, dataset, signature):
            kept.run.close()
            kept = None
        if kept is None:
            kept = _OpenRun(self._open_file(path, dataset), dataset, signature)
        elif look_again or kept.signature != signature:
            try:
                kept.run.refresh()
            except BaseException:
                kept.run.close()
                raise
            kept.signature = signature
        self._runs[path] = kept
        while len(self._runs) > _KEPT_RUNS:
            self._runs.popitem(last=False)[1].run.close()
        return kept.run

    def _usable_frames(
        self, path: str, dataset: str | None, shape: tuple[int, int], room: int
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
        """Pixels and masks of the first frames of a file that can be read and have pixels."""
        if room <= 0:
            return
        try:
            run = self._run(path, dataset)
        except RunFileError:
            return
        for index in range(min(room, run.info.frame_count)):
            try:
                pixels, valid, flags = frame_with_mask(run, index)
            except FRAME_ERRORS:
                continue
            if pixels.shape == shape and not flags & INVALID_FLAGS:
                yield np.where(valid, pixels, 0).astype(np.float32), valid


def _is_same_run(kept: _OpenRun, dataset: str | None, signature: tuple[int, int, int]) -> bool:
    is_dataset = dataset in (kept.asked, kept.run.info.dataset)
    return is_dataset and kept.signature[0] == signature[0] and signature[1] >= kept.signature[1]


def _signature(path: str) -> tuple[int, int, int]:
    """Inode, size, time of the last change; zeros for what cannot be reached."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return 0, 0, 0  # opening it says why
    return status.st_ino, status.st_size, status.st_mtime_ns


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
