"""One way to open a run, whatever its format."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from spi_viewer.errors import NotReadyError, RunFileError
from spi_viewer.frames import FrameFlag, RunInfo
from spi_viewer.sources.hdf5_run import Hdf5Run
from spi_viewer.sources.image_files import ImageFileRun, is_image_file

HDF5_SUFFIXES = frozenset({".h5", ".hdf5", ".hdf", ".cxi", ".nxs", ".he5"})
IMAGE_SUFFIXES = frozenset({".tif", ".tiff", ".cbf", ".edf"})
RUN_SUFFIXES = HDF5_SUFFIXES | IMAGE_SUFFIXES

_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_HEAD_BYTES = 4096


class Run(Protocol):
    """Frames of one file, read one at a time."""

    @property
    def info(self) -> RunInfo:
        """What is known of the run now."""

    def refresh(self) -> int:
        """Look at a growing file again; complete frames now.

        Raises NotReadyError while the file is torn, or frames stand behind a gap in it that may
        still be filled; what `info` says stays readable.
        """

    def read_frame(self, index: int) -> NDArray[Any]:
        """Pixels (h, w) in the file's own type; RunFileError if they cannot be read."""

    def valid_pixels(self, index: int) -> NDArray[np.bool_]:
        """(h, w) False where the file's masks exclude a pixel; gap values are not looked at."""

    def frame_name(self, index: int) -> str:
        """The facility's own id of a frame, '' if there is none."""

    def frame_flags(self, index: int) -> FrameFlag:
        """What is known of a frame without reading its pixels."""

    def metadata(self, index: int) -> dict[str, Any]:
        """Values of a frame worth showing, units in the names."""

    def per_frame_datasets(self) -> tuple[str, ...]:
        """Datasets in the file with one entry a frame."""

    def close(self) -> None:
        """Let go of the file; may be called again."""

    def __enter__(self) -> Self:
        """Itself."""

    def __exit__(self, *_: object) -> None:
        """Close."""


def open_run(path: str | Path, dataset: str | None = None) -> Run:
    """Open a run file.

    Args:
        path: an HDF5 or CXI file, or a TIFF, CBF or EDF image.
        dataset: path of the frames inside the file; None looks for them.

    Raises:
        NotReadyError: empty, truncated, or without a complete frame: may be readable later.
        AmbiguousDatasetError: several datasets could hold frames and none is clearly first.
        RunFileError: the file cannot be used; says why.
    """
    path = Path(os.path.abspath(path))
    size = _size_of_regular_file(path)
    head = _read_head(path)
    if _has_hdf5_signature(path, head, size):
        return Hdf5Run(path, dataset)
    if is_image_file(head):
        return ImageFileRun(path)
    raise _refusal(path, head)


def _size_of_regular_file(path: Path) -> int:
    """Size in bytes; opening anything but a regular file could block for ever."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise RunFileError(path, "there is no such file") from None
    except PermissionError:
        raise RunFileError(path, "you have no permission to reach it") from None
    except (OSError, ValueError) as error:
        raise RunFileError(path, f"it cannot be reached ({error})") from error
    if stat.S_ISDIR(status.st_mode):
        raise RunFileError(path, "it is a directory; watch it, or open one of its files")
    if not stat.S_ISREG(status.st_mode):
        raise RunFileError(path, "it is a pipe, socket or device, not a file")
    if status.st_size == 0:
        raise NotReadyError(path, "it is empty: nothing has been written to it yet")
    return status.st_size


def _read_head(path: Path) -> bytes:
    try:
        # O_NONBLOCK: should the file have become a pipe meanwhile, opening it must not block.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except PermissionError:
        raise RunFileError(path, "you have no permission to read it") from None
    except OSError as error:
        raise RunFileError(path, f"it cannot be opened ({error.strerror})") from error
    with os.fdopen(descriptor, "rb") as file:
        try:
            return file.read(_HEAD_BYTES)
        except OSError as error:
            raise NotReadyError(path, f"it cannot be read ({error.strerror})") from error


def _has_hdf5_signature(path: Path, head: bytes, size: int) -> bool:
    """The signature stands at 0, or after a user block of 512, 1024, 2048 ... bytes."""
    if head.startswith(_HDF5_SIGNATURE):
        return True
    offset = 512
    with path.open("rb") as file:
        while offset + len(_HDF5_SIGNATURE) <= size:
            file.seek(offset)
            if file.read(len(_HDF5_SIGNATURE)) == _HDF5_SIGNATURE:
                return True
            offset *= 2
    return False


def _refusal(path: Path, head: bytes) -> RunFileError:
    """Why a file that is neither HDF5 nor an image is refused."""
    if not head.strip(b"\0") or _HDF5_SIGNATURE.startswith(head):
        return NotReadyError(path, "its beginning has not been written yet")
    readable = "run files are HDF5, CXI, NeXus, TIFF, CBF and EDF"
    if _is_text(head):
        if path.suffix.lower() in {".csv", ".tsv"} or b"label" in head.split(b"\n", 1)[0]:
            return RunFileError(
                path, f"it is not a run file but a table or label file (text); {readable}"
            )
        return RunFileError(path, f"it is a text file, not a run file; {readable}")
    if head.startswith(b"\x93NUMPY") or head.startswith(b"\x80"):
        return RunFileError(path, f"NumPy and pickle files are not read; {readable}")
    return RunFileError(path, f"its format is not known; {readable}")


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4 and len(head) == _HEAD_BYTES
    return True
