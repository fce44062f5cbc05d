"""A run in one dataset: a stack of frames, or one image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from spi_viewer.frames import FrameFlag
from spi_viewer.sources.hdf5_file import expected_file
from spi_viewer.sources.hdf5_written_frames import (
    complete_count,
    declared_count,
    virtual_flags,
    written_frames,
)

_CACHED_CHUNK_BYTES = 256 << 20


class StackStore:
    """One dataset (frame, y, x), or one image (y, x) as a run of one frame."""

    def __init__(self, dataset: h5py.Dataset, growing: bool, known: int = 0) -> None:
        self._dataset = _with_chunk_cache(dataset)
        self.is_image = dataset.ndim == 2
        self.frame_shape: tuple[int, int] = dataset.shape[-2:]
        self.dtype = dataset.dtype
        self.allocated_count = 1 if self.is_image else dataset.shape[0]
        self._flags = _known_flags(dataset, known)
        folder = Path(dataset.file.filename).resolve().parent
        names = {source.file_name for source in _virtual_sources(dataset)} - {"."}
        self.linked_files = tuple(expected_file(folder, name) for name in sorted(names))
        self.written_from_front = self._written_from_front()
        self.frame_count = self._count_frames(growing)
        self.is_settled = not growing or self._count_frames(False) == self.frame_count

    def _written_from_front(self) -> int:
        if self._flags is None:
            return self.allocated_count
        return complete_count(self._flags == 0, is_growing=True)

    def _count_frames(self, growing: bool) -> int:
        dataset = self._dataset
        if self.is_image:
            return 1
        declared = declared_count(dataset)
        if declared is not None:
            return declared
        if self._flags is None:
            return self.allocated_count
        if dataset.is_virtual and not growing:
            return self.allocated_count
        return complete_count(self._flags == 0, growing)

    def read(self, index: int) -> NDArray[Any]:
        """Pixels (h, w) of one frame; only its chunks are decompressed."""
        return np.asarray(self._dataset[()] if self.is_image else self._dataset[index])

    def flags(self, index: int) -> FrameFlag:
        """SOURCE_MISSING or NOT_WRITTEN."""
        return FrameFlag(int(self._flags[index])) if self._flags is not None else FrameFlag.NONE


def _known_flags(dataset: h5py.Dataset, known: int) -> NDArray[np.uint32] | None:
    """(N,) flags of the frames, None when nothing speaks against any of them."""
    if dataset.is_virtual:
        flags, _ = virtual_flags(dataset)
        return flags
    written = written_frames(dataset, known) if dataset.ndim == 3 else None
    if written is None:
        return None
    return np.where(written, 0, int(FrameFlag.NOT_WRITTEN)).astype(np.uint32)


def _virtual_sources(dataset: h5py.Dataset) -> list[Any]:
    return dataset.virtual_sources() if dataset.is_virtual else []


def _with_chunk_cache(dataset: h5py.Dataset) -> h5py.Dataset:
    """The dataset with room for one whole chunk, where chunks hold several frames.

    Without it, HDF5 decompresses a chunk of many frames again for every frame.
    """
    if not dataset.chunks or dataset.ndim != 3 or dataset.chunks[0] == 1:
        return dataset
    nbytes = int(np.prod(dataset.chunks)) * dataset.dtype.itemsize
    if nbytes > _CACHED_CHUNK_BYTES:
        return dataset
    access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
    access.set_chunk_cache(521, max(nbytes, 1 << 20), 1.0)
    return h5py.Dataset(h5py.h5d.open(dataset.file.id, dataset.name.encode(), access))
