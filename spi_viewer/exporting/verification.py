"""Reads an export back and compares it with what the sources held."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import h5py

from spi_viewer.errors import ExportError
from spi_viewer.exporting.frame_stack import DATA_PATH, MASK_PATH, FrameStack, fingerprint


def verify_frames(file: h5py.File, stack: FrameStack, step: Callable[[int], None]) -> None:
    """Compare every frame and mask; ExportError names the first that differs."""
    data, masks = file[DATA_PATH], file[MASK_PATH]
    shared_mask = fingerprint(masks[()]) if masks.ndim == 2 else None
    written = zip(stack.fingerprints, stack.mask_fingerprints, strict=True)
    for position, (pixels, mask) in enumerate(written):
        mask_on_disk = shared_mask or fingerprint(masks[position])
        if fingerprint(data[position]) != pixels or mask_on_disk != mask:
            raise ExportError(
                f"frame {position} reads differently from how it was written; "
                "the disk may be failing: export to another one"
            )
        step(1)


def verify_columns(file: h5py.File, blocks: Mapping[str, Sequence[tuple[int, int, bytes]]]) -> None:
    """Compare every copied block of every per-frame dataset."""
    for path, written in blocks.items():
        for start, stop, expected in written:
            if fingerprint(file[path][start:stop]) != expected:
                raise ExportError(
                    f"{path} reads differently from how it was written; "
                    "the disk may be failing: export to another one"
                )
