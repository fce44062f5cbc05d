"""A run in an HDF5 file of any facility."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from spi_viewer.errors import AmbiguousDatasetError, NotReadyError, RunFileError
from spi_viewer.frames import FrameFlag, RunInfo
from spi_viewer.sources.hdf5_file import (
    H5_ERRORS,
    not_ready_on_damage,
    open_hdf5,
    shorten,
)
from spi_viewer.sources.hdf5_layouts import Candidate, Survey, candidate_at, survey
from spi_viewer.sources.hdf5_stores import FrameStore, open_store

# A file that changed within this time is taken as growing: a hole in it may still be filled.
_GROWING_S = 5.0


class Hdf5Run:
    """Frames of one HDF5 file, opened read-only; reopened when the file has changed."""

    def __init__(self, path: Path, dataset: str | None = None) -> None:
        self._path = path
        self._file: h5py.File | None = None
        self._candidates: tuple[str, ...] = ()
        self._chosen: Candidate | None = None
        self._store: FrameStore | None = None
        try:
            with not_ready_on_damage(path):
                self._open(dataset)
        except BaseException:
            self.close()
            raise

    def _open(self, dataset: str | None) -> None:
        self._seen = _signature(self._path)
        self._seen_at_s = time.monotonic()
        file = self._file = open_hdf5(self._path)
        if self._chosen is None:
            self._chosen, self._candidates = choose(file, self._path, dataset)
        chosen = self._chosen
        if chosen.path not in file:
            raise NotReadyError(self._path, f"it has no dataset {chosen.path}")
        growing = file.swmr_mode or _changed_lately(self._path)
        store = open_store(file, self._path, chosen.path, chosen.storage, growing)
        if store.frame_count == 0:
            raise NotReadyError(self._path, f"{chosen.path} holds no complete frame yet")
        self._store = store
        self.info = RunInfo(
            path=str(self._path),
            dataset=chosen.path,
            frame_count=store.frame_count,
            frame_shape=store.frame_shape,
            dtype=store.dtype.str,
            candidates=self._candidates,
        )

    def refresh(self) -> int:
        """Complete frames now; reopens the file if it has changed.

        Raises:
            NotReadyError: the file is momentarily torn; the next call may succeed.
        """
        if self._file is None or self._may_have_changed():
            self._reopen()
        return self.info.frame_count

    def _may_have_changed(self) -> bool:
        if _signature(self._path) != self._seen:
            return True
        # Time stamps are coarse: a file that changed just before it was opened may have changed
        # once more with the same stamp.
        return bool(self._file and self._file.swmr_mode) or _changed_lately(self._path)

    def _reopen(self) -> None:
        # Closed first: HDF5 shares what it has cached between handles of one file.
        self.close()
        try:
            with not_ready_on_damage(self._path):
                self._open(None)
        except BaseException:
            self.close()
            raise

    def _frame(self, index: int) -> FrameStore:
        if not 0 <= index < self.info.frame_count:
            raise IndexError(f"frame {index} of {self.info.frame_count}")
        if self._store is None:
            self._reopen()
        assert self._store is not None
        return self._store

    def read_frame(self, index: int) -> NDArray[Any]:
        """Pixels (h, w) in the file's own type.

        Raises:
            RunFileError: the frame's bytes are damaged.
        """
        try:
            return self._frame(index).read(index)
        except IndexError:
            raise
        except H5_ERRORS as error:
            reason = f"frame {index} of {self.info.dataset} cannot be read ({shorten(error)})"
            raise RunFileError(self._path, reason) from error

    def valid_pixels(self, index: int) -> NDArray[np.bool_]:
        """(h, w) False where the file's masks exclude a pixel."""
        return np.ones(self.info.frame_shape, dtype=np.bool_)

    def frame_name(self, index: int) -> str:
        """The facility's own id of a frame, '' if there is none."""
        return ""

    def frame_flags(self, index: int) -> FrameFlag:
        """SOURCE_MISSING, NOT_WRITTEN."""
        return self._frame(index).flags(index)

    def metadata(self, index: int) -> dict[str, Any]:
        """Values of a frame worth showing, units in the names."""
        return {}

    def per_frame_datasets(self) -> tuple[str, ...]:
        """Datasets in the file with one entry a frame."""
        return ()

    def close(self) -> None:
        """Let go of the file."""
        file, self._file = self._file, None
        self._store = None  # its datasets may keep files open that this one links to
        if file is not None:
            file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def choose(file: h5py.File, path: Path, dataset: str | None) -> tuple[Candidate, tuple[str, ...]]:
    """The frames that are meant, and all paths that could hold frames."""
    found = survey(file)
    paths = tuple(candidate.path for candidate in found.candidates)
    if dataset is not None:
        chosen = candidate_at(file, dataset)
        if isinstance(chosen, str):
            hint = f"; it has frames at {', '.join(paths)}" if paths else ""
            raise RunFileError(path, chosen + hint)
        return chosen, paths
    if not found.candidates:
        raise _no_frames(file, path, found)
    if found.is_ambiguous:
        raise AmbiguousDatasetError(path, paths)
    return found.candidates[0], paths


def _no_frames(file: h5py.File, path: Path, found: Survey) -> RunFileError:
    if found.problems:
        where, why = found.problems[0]
        return RunFileError(path, f"no frames can be read: {where}: {why}")
    if len(file) == 0:
        return NotReadyError(path, "there is nothing in it yet")
    return RunFileError(path, "it holds no frames: no stack of images and no single image")


def _signature(path: Path) -> tuple[int, int, int]:
    try:
        status = os.stat(path)
    except OSError as error:
        raise NotReadyError(path, f"it cannot be reached ({error.strerror})") from error
    return status.st_ino, status.st_size, status.st_mtime_ns


def _changed_lately(path: Path) -> bool:
    return abs(time.time() - os.stat(path).st_mtime) < _GROWING_S
