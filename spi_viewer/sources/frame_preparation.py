"""From a run's raw frames to what the network and the grid need: mask, flag, bin and crop."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spi_viewer.errors import RunFileError
from spi_viewer.frames import INVALID_FLAGS, Crop, FrameBatch, FrameFlag, FrameId
from spi_viewer.preprocessing.cropping import bin_and_crop, thumbnail
from spi_viewer.sources.frame_batches import empty_batch
from spi_viewer.sources.pixel_masks import sentinel_mask
from spi_viewer.sources.run_file import Run

# What a damaged frame provokes in h5py, fabio and NumPy.
FRAME_ERRORS = (
    RunFileError,
    OSError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    ArithmeticError,
    MemoryError,
)


def prepare_batch(run: Run, start: int, stop: int, crop: Crop, written_at_s: float) -> FrameBatch:
    """Read frames [start, stop), mask, bin and crop them.

    A frame that cannot be read is a row flagged UNREADABLE with nothing valid; the rest goes on.
    Every row gets `written_at_s`, the Unix time of the last write to the file.
    """
    info = run.info
    ids = [
        FrameId(info.path, info.dataset, index, _name(run, index)) for index in range(start, stop)
    ]
    batch = empty_batch(ids, crop, written_at_s, info.geometry)
    for row, index in enumerate(range(start, stop)):
        try:
            _prepare_frame(run, index, batch, row)
        except FRAME_ERRORS:
            batch.flags[row] |= int(FrameFlag.UNREADABLE)
            batch.counts[row] = 0
            batch.valid[row] = False
            batch.thumbnails[row] = 0
            batch.photons[row] = 0
    return batch


def frame_with_mask(run: Run, index: int) -> tuple[NDArray[Any], NDArray[np.bool_], FrameFlag]:
    """Pixels, valid (both (h, w)) and flags of one frame.

    Flags: the run's own; NON_FINITE if NaN or infinity stands where the file's mask excludes
    nothing; NO_VALID_PIXELS; SATURATED if a valid pixel of an integer frame is at its type's
    largest value (in 16 bits and more that value marks gaps and is masked instead).
    """
    flags = run.frame_flags(index)
    pixels = run.read_frame(index)
    valid = run.valid_pixels(index)
    measured = sentinel_mask(pixels)
    if pixels.dtype.kind == "f" and bool((valid & ~measured & ~np.isfinite(pixels)).any()):
        flags |= FrameFlag.NON_FINITE
    valid = valid & measured
    if not valid.any():
        flags |= FrameFlag.NO_VALID_PIXELS
    elif pixels.dtype.kind in "iu" and bool((valid & _at_limit(pixels)).any()):
        flags |= FrameFlag.SATURATED
    return pixels, valid, flags


def _at_limit(pixels: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(pixels == np.iinfo(pixels.dtype).max)


def _prepare_frame(run: Run, index: int, batch: FrameBatch, row: int) -> None:
    flags = run.frame_flags(index)
    batch.flags[row] = int(flags)
    if flags & INVALID_FLAGS:  # HDF5 would answer with fill values
        return
    pixels, valid, flags = frame_with_mask(run, index)
    batch.flags[row] = int(flags)
    if flags & FrameFlag.NO_VALID_PIXELS:
        return
    counts, counted = bin_and_crop(_summable(pixels), valid, batch.crop)
    batch.counts[row] = counts
    batch.valid[row] = counted
    batch.thumbnails[row] = thumbnail(counts, counted)
    batch.photons[row] = np.where(valid, pixels, 0).sum(dtype=np.float64)


def _summable(pixels: NDArray[Any]) -> NDArray[Any]:
    """In native byte order, and wide enough not to overflow in a sum."""
    if pixels.dtype.kind == "b":
        return pixels.astype(np.uint8)
    if pixels.dtype.kind == "f" and pixels.dtype.itemsize < 4:
        return pixels.astype(np.float32)
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _name(run: Run, index: int) -> str:
    try:
        return run.frame_name(index)
    except FRAME_ERRORS:
        return ""
