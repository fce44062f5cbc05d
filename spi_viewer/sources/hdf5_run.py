"""A run in an HDF5 file of any facility."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from spi_viewer.errors import NotReadyError, RunFileError, SpiViewerError
from spi_viewer.frames import FrameFlag, RunInfo
from spi_viewer.sources.hdf5_file import H5_ERRORS, not_ready_on_damage, open_hdf5, shorten
from spi_viewer.sources.hdf5_layouts import Candidate
from spi_viewer.sources.hdf5_opening import Opening, choose
from spi_viewer.sources.hdf5_tree import Hdf5Tree

# A file that changed within this time may be growing: holes in it may still be filled, and a
# further change may have left the same time stamp.
_GROWING_S = 4.0

# (inode, size, time of change) of the file, and of those it links to; None: not there.
_State = tuple[int, int, int]
_Signature = tuple[_State, tuple[_State | None, ...]]
_Value = TypeVar("_Value")


class Hdf5Run:
    """Frames of one HDF5 file, opened read-only; reopened when the file has changed.

    Attributes:
        info: what is known of the run; `refresh` replaces it.
    """

    info: RunInfo

    def __init__(self, path: Path, dataset: str | None = None) -> None:
        self._path = path
        self._file: h5py.File | None = None
        self._opening: Opening | None = None
        self._candidates: tuple[str, ...] = ()
        self._chosen: Candidate | None = None
        self._signature: _Signature | None = None
        self._changed_at_s = -np.inf  # monotonic
        self._was_growing = False
        self._known_written = 0
        self._linked_files: tuple[Path, ...] = ()
        self._per_frame: tuple[str, ...] | None = None
        self._open(dataset)

    def _open(self, dataset: str | None = None) -> Opening:
        """(Re)open the file. Closed first: HDF5 shares what it cached between handles."""
        self.close()
        try:
            with not_ready_on_damage(self._path):
                self._was_growing = self._is_growing()
                self._file = open_hdf5(self._path)
                tree = Hdf5Tree(self._file)
                if self._chosen is None:
                    self._chosen, self._candidates = choose(tree, self._path, dataset)
                self._was_growing = self._was_growing or self._file.swmr_mode
                known = self._known_written
                opening = Opening(tree, self._path, self._chosen, self._was_growing, known)
                self._known_written = opening.store.written_from_front
                if opening.store.linked_files != self._linked_files:
                    self._linked_files = opening.store.linked_files
                    self._signature = self._look()[0]
                self._describe(opening, self._chosen)
        except BaseException:
            self.close()
            raise
        self._opening = opening
        return opening

    def _describe(self, opening: Opening, chosen: Candidate) -> None:
        store = opening.store
        known = getattr(self, "info", None)
        if known is not None and known.frame_shape != store.frame_shape:
            reason = f"its frames changed from {known.frame_shape} to {store.frame_shape} pixels"
            raise RunFileError(self._path, f"{reason} while it was open; open it again")
        self.info = RunInfo(
            path=str(self._path),
            dataset=chosen.path,
            frame_count=opening.frame_count,
            frame_shape=store.frame_shape,
            dtype=store.dtype.str,
            geometry=opening.geometry(),
            candidates=self._candidates,
            is_export=opening.is_export,
        )

    def _look(self) -> tuple[_Signature, float]:
        """Signature of the files now, and Unix time of the last change to any of them."""
        own = _stat(self._path)
        linked = [_stat_if_there(path) for path in self._linked_files]
        changed_at_s = max(state.st_mtime for state in (own, *linked) if state is not None)
        states = tuple(None if state is None else _state(state) for state in linked)
        return (_state(own), states), changed_at_s

    def _is_growing(self) -> bool:
        """True if a file has changed a short time ago, by its clock or by ours."""
        signature, changed_at_s = self._look()
        if self._signature is not None and signature != self._signature:
            self._changed_at_s = time.monotonic()
            if signature[0][0] != self._signature[0][0]:  # another file of the same name
                self._known_written = 0
        self._signature = signature
        seen_changing = time.monotonic() - self._changed_at_s < _GROWING_S
        return seen_changing or abs(time.time() - changed_at_s) < _GROWING_S

    def refresh(self) -> int:
        """Complete frames now; reopens the file if it may have changed.

        Raises:
            NotReadyError: the file is momentarily torn, or frames stand behind one that is not
                written yet, or has no mask yet; the next call may succeed.
        """
        if self._opening and not self._was_growing and self._look()[0] == self._signature:
            return self.info.frame_count
        known = self.info.frame_count
        opening = self._open()
        if opening.missing and self.info.frame_count <= known:
            raise NotReadyError(self._path, opening.missing)
        return self.info.frame_count

    def _ask(self, index: int, question: Callable[[Opening], _Value]) -> _Value:
        """Answer a question about one frame; a file that changed is reopened and asked again."""
        if not 0 <= index < self.info.frame_count:
            reason = f"it has no frame {index}: {self.info.dataset} holds {self.info.frame_count}"
            raise RunFileError(self._path, reason)
        opening = self._opening or self._open()
        try:
            return question(opening)
        except SpiViewerError:
            raise
        except H5_ERRORS as error:
            first = error
        try:
            if self._was_growing:
                return question(self._open())
        except H5_ERRORS as error:
            first = error
        reason = f"frame {index} of {self.info.dataset} cannot be read ({shorten(first)})"
        raise RunFileError(self._path, reason) from first

    def read_frame(self, index: int) -> NDArray[Any]:
        """Pixels (h, w) in the file's own type.

        Raises:
            RunFileError: the frame's bytes are damaged, or there is no such frame.
        """
        return self._ask(index, lambda opening: opening.store.read(index))

    def valid_pixels(self, index: int) -> NDArray[np.bool_]:
        """(h, w) False where the file's masks exclude a pixel; gap values are not looked at."""
        return self._ask(index, lambda opening: opening.valid_pixels(index))

    def frame_name(self, index: int) -> str:
        """The facility's own id of a frame, '' if there is none."""
        return self._ask(index, lambda opening: opening.frame_name(index))

    def frame_flags(self, index: int) -> FrameFlag:
        """SOURCE_MISSING, NOT_WRITTEN."""
        return self._ask(index, lambda opening: opening.frame_flags(index))

    def metadata(self, index: int) -> dict[str, Any]:
        """Values of a frame worth showing, units in the names."""
        paths = self.per_frame_datasets()
        return self._ask(index, lambda opening: opening.metadata(paths, index))

    def per_frame_datasets(self) -> tuple[str, ...]:
        """Datasets in the file with one entry a frame, the frames themselves left out."""
        if self._per_frame is None:
            self._per_frame = self._ask(0, lambda opening: opening.per_frame_datasets())
        return self._per_frame

    def close(self) -> None:
        """Let go of the file; a later call opens it again."""
        file, self._file = self._file, None
        self._opening = None  # its datasets may keep files open that this one links to
        self._per_frame = None
        if file is not None:
            file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _stat(path: Path) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise NotReadyError(path, f"it cannot be reached ({error.strerror})") from error


def _state(status: os.stat_result) -> _State:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _stat_if_there(path: Path) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (OSError, ValueError):
        return None
