"""Which frames of a stack are really on disk: over-allocated tails, holes, missing sources."""

from __future__ import annotations

import math
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from spi_viewer.frames import FrameFlag
from spi_viewer.sources.hdf5_file import H5_ERRORS, linked_file

# Looking a chunk up takes HDF5 as long as going past fifty of them in the index.
_MAX_SINGLE_LOOKS = 100


def declared_count(dataset: h5py.Dataset) -> int | None:
    """Valid length by the writer's own attribute `numEvents` (Cheetah, psocake), if sensible."""
    value = dataset.attrs.get("numEvents")
    if value is None:
        return None
    try:
        count = float(np.ravel(value)[0])
    except (ValueError, TypeError, IndexError):
        return None
    if not math.isfinite(count) or count < 0 or count != int(count):
        return None
    return min(int(count), dataset.shape[0])


def written_frames(dataset: h5py.Dataset, known: int = 0) -> NDArray[np.bool_] | None:
    """(N,) True where all chunks of a frame are allocated; None when every frame is there.

    HDF5 fills chunks that were never written with zeros, without an error.

    `known` frames from the front were found written before.
    """
    count = dataset.shape[0]
    if dataset.is_virtual:
        return None
    if dataset.chunks is None:
        # Contiguous storage is allocated as a whole, with the first write.
        is_allocated = dataset.external or dataset.id.get_storage_size() > 0
        return None if is_allocated or count == 0 else np.zeros(count, dtype=np.bool_)
    depth = dataset.chunks[0]
    rows = math.ceil(count / depth)
    per_row = math.prod(
        math.ceil(side / chunk)
        for side, chunk in zip(dataset.shape[1:], dataset.chunks[1:], strict=True)
    )
    total = dataset.id.get_num_chunks()
    if total >= rows * per_row:
        return None
    row_is_written = _front_rows(dataset, rows, per_row, total, known // depth)
    if row_is_written is None:
        row_is_written = _all_rows(dataset, rows, per_row)
    return np.repeat(row_is_written, depth)[:count]


def _front_rows(
    dataset: h5py.Dataset, rows: int, per_row: int, total: int, known: int
) -> NDArray[np.bool_] | None:
    """Rows of chunks that are written, if they are the first ones without a gap; else None.

    Looks only at the rows that were not known before: a growing run is looked at often.
    """
    filled, rest = divmod(total, per_row)
    if per_row != 1 or rest or not 0 <= filled - known <= _MAX_SINGLE_LOOKS:
        return None
    depth = dataset.chunks[0]
    for row in range(known, filled):
        chunk = dataset.id.get_chunk_info_by_coord((row * depth, *(0,) * (dataset.ndim - 1)))
        if chunk.byte_offset is None:
            return None
    return np.arange(rows) < filled


def _all_rows(dataset: h5py.Dataset, rows: int, per_row: int) -> NDArray[np.bool_]:
    """Rows of chunks that are written, by the whole chunk index."""
    seen = np.zeros(rows, dtype=np.int64)
    depth = dataset.chunks[0]

    def note(chunk: h5py.h5d.StoreInfo) -> None:
        row = chunk.chunk_offset[0] // depth
        if row < rows:
            seen[row] += 1

    dataset.id.chunk_iter(note)
    return seen >= per_row


def complete_count(written: NDArray[np.bool_], is_growing: bool) -> int:
    """Frames to hand out: up to the first hole in a growing file, else up to the last frame."""
    if is_growing:
        holes = np.flatnonzero(~written)
        return int(holes[0]) if holes.size else len(written)
    present = np.flatnonzero(written)
    return int(present[-1]) + 1 if present.size else 0


def virtual_flags(dataset: h5py.Dataset) -> tuple[NDArray[np.uint32], tuple[str, ...]]:
    """(N,) FrameFlag of each frame of a virtual dataset, and the sources that are missing.

    A frame is SOURCE_MISSING when any part of it has no source: HDF5 shows fill values there.
    """
    count = dataset.shape[0] if dataset.ndim == 3 else 1
    flags = np.full(count, int(FrameFlag.SOURCE_MISSING), dtype=np.uint32)
    covered = np.zeros(count, dtype=np.bool_)
    lost = np.zeros(count, dtype=np.bool_)
    missing: list[str] = []
    lengths: dict[tuple[str, str], int | None] = {}
    folder = Path(dataset.file.filename).resolve().parent
    for source in dataset.virtual_sources():
        frames = _rows(source.vspace, dataset.ndim, count)
        frames = frames[frames < count]
        key = (source.file_name, source.dset_name)
        if key not in lengths:
            lengths[key] = _source_length(dataset.file, folder, *key)
        length = lengths[key]
        if length is None:
            lost[frames] = True
            missing.append(f"{source.file_name}:{source.dset_name}")
            continue
        covered[frames] = True
        rows = _rows(source.src_space, dataset.ndim, len(frames))
        beyond = rows[: len(frames)] >= length
        lost[frames[: len(beyond)][beyond]] = True
    flags[covered & ~lost] = 0
    return flags, tuple(dict.fromkeys(missing))


def virtual_problem(dataset: h5py.Dataset) -> str | None:
    """Why a virtual dataset cannot be read, as the end of a sentence; None if some of it can."""
    if not dataset.is_virtual:
        return None
    flags, missing = virtual_flags(dataset)
    if not missing or not flags.all():
        return None
    names = ", ".join(missing[:3]) + (" ..." if len(missing) > 3 else "")
    return f"is virtual and its source files are missing: {names}; copy them beside this file"


def _rows(space: h5py.h5s.SpaceID, ndim: int, count: int) -> NDArray[np.int64]:
    """Up to `count` frames that one side of a mapping selects, in order."""
    if ndim != 3:
        return np.zeros(1, dtype=np.int64)
    every = np.arange(count)
    if space.get_select_type() == h5py.h5s.SEL_HYPERSLABS and space.is_regular_hyperslab():
        # Several writers take turns: every other frame, or a block of them, is of one source.
        # An unlimited selection goes on for ever.
        slab = space.get_regular_hyperslab()
        first, stride, blocks, length = (int(axis[0]) for axis in slab)
        every = every[: min(count, blocks * length)]
        return first + stride * (every // length) + every % length
    try:
        low, high = space.get_select_bounds()
    except H5_ERRORS:
        return every
    return np.arange(int(low[0]), int(high[0]) + 1)


def _source_length(file: h5py.File, folder: Path, file_name: str, dataset: str) -> int | None:
    """Frames in a source dataset, None if it is not there or cannot be opened."""
    if "%" in file_name or "%" in dataset:  # a printf pattern: HDF5 itself counts the blocks
        return np.iinfo(np.int64).max
    try:
        if file_name == ".":
            return _stack_length(file[dataset])
        path = linked_file(folder, file_name)
        if path is None:
            return None
        with h5py.File(path, "r", locking=False) as source:
            return _stack_length(source[dataset])
    except H5_ERRORS:
        return None


def _stack_length(dataset: h5py.Dataset) -> int:
    if dataset.ndim != 3:  # a single image as a source of one frame never runs out
        return np.iinfo(np.int64).max
    written = written_frames(dataset)
    return dataset.shape[0] if written is None else complete_count(written, is_growing=False)
