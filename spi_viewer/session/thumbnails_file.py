"""Thumbnails on disk, 4 KiB a row: appended by one thread, read by row from another."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spi_viewer.frames import THUMBNAIL_SIDE_PX
from spi_viewer.session.database import explained

_SHAPE = (THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX)
_ROW_BYTES = THUMBNAIL_SIDE_PX**2


class ThumbnailsFile:
    """(n, 64, 64) uint8 in a file; a row that was never written reads as all 0."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()  # readers' file position
        with explained(path):
            path.touch()
            self._writer = path.open("r+b", buffering=0)
            self._reader = path.open("rb", buffering=0)

    def write(self, first_row: int, thumbnails: NDArray[np.uint8]) -> None:
        """Write thumbnails (B, 64, 64) from first_row on; SessionError if the disk refuses."""
        if thumbnails.shape[1:] != _SHAPE or thumbnails.dtype != np.uint8:
            raise ValueError(f"thumbnails are (n, 64, 64) uint8, got {thumbnails.shape}")
        unwritten = memoryview(thumbnails.tobytes())
        with explained(self._path):
            self._writer.seek(first_row * _ROW_BYTES)
            while unwritten:
                unwritten = unwritten[self._writer.write(unwritten) :]

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Thumbnails of the rows: (n, 64, 64) uint8."""
        thumbnails = np.zeros((len(rows), *_SHAPE), np.uint8)
        with self._lock:
            if self._reader.closed:
                return thumbnails
            with explained(self._path):
                for row, thumbnail in zip(rows, thumbnails, strict=True):
                    self._reader.seek(int(row) * _ROW_BYTES)
                    self._reader.readinto(thumbnail.reshape(-1).data)
        return thumbnails

    def close(self) -> None:
        """Close both ends; later reads give empty thumbnails."""
        with self._lock:
            self._reader.close()
        self._writer.close()
