"""Pixels and masks of an export: written frame by frame, each with a fingerprint to verify."""

from __future__ import annotations

import hashlib
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from spi_viewer.errors import ExportError
from spi_viewer.frames import FrameId

DATA_PATH = "/entry_1/data_1/data"
MASK_PATH = "/entry_1/data_1/mask"
_PIXEL_IS_INVALID = 1  # CXI mask bit
_DIGEST_BYTES = 16


def fingerprint(array: NDArray[Any]) -> bytes:
    """Hash of an array's type, shape and bytes; of the values where it holds Python objects."""
    content = repr(array.tolist()).encode() if array.dtype.hasobject else array.tobytes()
    head = f"{array.dtype.str}{array.shape}".encode()
    return hashlib.blake2b(head + content, digest_size=_DIGEST_BYTES).digest()


class FrameStack:
    """(N, h, w) pixels in the type of the first frame, and a mask for all or one for each."""

    def __init__(self, file: h5py.File, count: int) -> None:
        self._file = file
        self._count = count
        self._data: h5py.Dataset | None = None
        self._masks: h5py.Dataset | None = None
        self._first_id: FrameId | None = None
        self._first_mask: NDArray[np.uint16] | None = None
        self.fingerprints: list[bytes] = []
        self.mask_fingerprints: list[bytes] = []

    def write(self, frame: FrameId, pixels: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        """Write the next frame; ExportError if it does not fit those before."""
        if self._data is None:
            self._data = self._make(DATA_PATH, pixels)
            self._first_id = frame
        self._check_fit(frame, pixels)
        position = len(self.fingerprints)
        self._data[position] = pixels
        self.fingerprints.append(fingerprint(pixels))
        self._write_mask(position, np.where(valid, 0, _PIXEL_IS_INVALID).astype(np.uint16))

    def finish(self) -> None:
        """Write the mask that all frames share, if they do."""
        if self._masks is None and self._first_mask is not None:
            self._file.create_dataset(
                MASK_PATH, data=self._first_mask, compression="gzip", compression_opts=1
            )
        if self._data is not None:
            self._data.attrs["axes"] = "experiment_identifier:y:x"
            self._data.attrs["numEvents"] = self._count

    def _write_mask(self, position: int, mask: NDArray[np.uint16]) -> None:
        self.mask_fingerprints.append(fingerprint(mask))
        if self._first_mask is None:
            self._first_mask = mask
        if self._masks is None:
            if np.array_equal(mask, self._first_mask):
                return
            self._masks = self._make(MASK_PATH, mask)
            for earlier in range(position):
                self._masks[earlier] = self._first_mask
        self._masks[position] = mask

    def _make(self, path: str, frame: NDArray[Any]) -> h5py.Dataset:
        """A stack like the frame: a chunk a frame, in a compression that every reader knows."""
        return self._file.create_dataset(
            path,
            (self._count, *frame.shape),
            frame.dtype,
            chunks=(1, *frame.shape),
            compression="gzip",
            compression_opts=1,
            shuffle=True,
        )

    def _check_fit(self, frame: FrameId, pixels: NDArray[Any]) -> None:
        assert self._data is not None
        assert self._first_id is not None
        if pixels.shape != self._data.shape[1:] or pixels.dtype != self._data.dtype:
            raise ExportError(
                f"{frame.path}: frames of {_kind(pixels.shape, pixels.dtype)} do not fit into one "
                f"file with those of {self._first_id.path}, "
                f"{_kind(self._data.shape[1:], self._data.dtype)}; export them one by one"
            )


def _kind(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    return f"{'x'.join(map(str, shape))} {dtype.name}"
