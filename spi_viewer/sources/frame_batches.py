"""Cutting, joining and making frame batches; all from NumPy, nothing is read here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import numpy as np

from spi_viewer.frames import (
    NETWORK_SIDE_PX,
    THUMBNAIL_SIDE_PX,
    Crop,
    DetectorGeometry,
    FrameBatch,
    FrameFlag,
    FrameId,
    RunInfo,
)

# Photon energy jitters from shot to shot; rings move by less than a line's width.
_SAME_GEOMETRY = 0.01


def empty_batch(
    ids: Sequence[FrameId],
    crop: Crop,
    written_at_s: float,
    geometry: DetectorGeometry,
    flags: FrameFlag = FrameFlag.NONE,
) -> FrameBatch:
    """Rows for `ids` with nothing valid in them yet."""
    count = len(ids)
    side, small = NETWORK_SIDE_PX, THUMBNAIL_SIDE_PX
    return FrameBatch(
        ids=list(ids),
        counts=np.zeros((count, side, side), np.float32),
        valid=np.zeros((count, side, side), np.bool_),
        thumbnails=np.zeros((count, small, small), np.uint8),
        flags=np.full(count, int(flags), np.uint32),
        photons=np.zeros(count, np.float64),
        written_at_s=np.full(count, written_at_s, np.float64),
        crop=crop,
        geometry=geometry,
    )


def unreadable_batch(
    info: RunInfo, start: int, stop: int, crop: Crop, written_at_s: float
) -> FrameBatch:
    """Rows for frames whose read was given up."""
    ids = [FrameId(info.path, info.dataset, index) for index in range(start, stop)]
    return empty_batch(ids, crop, written_at_s, info.geometry, FrameFlag.UNREADABLE)


def first_rows(batch: FrameBatch, count: int) -> FrameBatch:
    """The first `count` rows of a batch."""
    return FrameBatch(
        ids=batch.ids[:count],
        counts=batch.counts[:count],
        valid=batch.valid[:count],
        thumbnails=batch.thumbnails[:count],
        flags=batch.flags[:count],
        photons=batch.photons[:count],
        written_at_s=batch.written_at_s[:count],
        crop=batch.crop,
        geometry=batch.geometry,
    )


def joined(batches: Sequence[FrameBatch]) -> FrameBatch:
    """Batches of one crop as one, rows in order; the geometry is the first one's."""
    if len(batches) == 1:
        return batches[0]
    return FrameBatch(
        ids=[frame_id for batch in batches for frame_id in batch.ids],
        counts=np.concatenate([batch.counts for batch in batches]),
        valid=np.concatenate([batch.valid for batch in batches]),
        thumbnails=np.concatenate([batch.thumbnails for batch in batches]),
        flags=np.concatenate([batch.flags for batch in batches]),
        photons=np.concatenate([batch.photons for batch in batches]),
        written_at_s=np.concatenate([batch.written_at_s for batch in batches]),
        crop=batches[0].crop,
        geometry=batches[0].geometry,
    )


class BatchGatherer:
    """Joins frames of several small files into one batch, within a limit of frames and time.

    With one file a frame, a batch a file would keep the network from ever working on more than
    one frame at once.
    """

    def __init__(
        self, max_frames: int, patience_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.room = max_frames
        self._parts: list[FrameBatch] = []
        self._clock = clock
        self._ends_at = clock() + patience_s

    def has_room(self, is_at_hand: bool = False) -> bool:
        """True while more frames may be added; those at hand, read already, need no time."""
        return self.room > 0 and (is_at_hand or self._clock() < self._ends_at)

    @property
    def seconds_left(self) -> float:
        """Time left to join more files."""
        return max(0.0, self._ends_at - self._clock())

    def accepts(self, crop: Crop, geometry: DetectorGeometry) -> bool:
        """True if such frames fit into one batch with those gathered so far."""
        if not self._parts:
            return True
        first = self._parts[0]
        return first.crop == crop and _same_geometry(first.geometry, geometry)

    def add(self, batch: FrameBatch) -> None:
        """Append a batch; empty ones are left out."""
        if len(batch):
            self._parts.append(batch)
            self.room -= len(batch)

    def batch(self) -> FrameBatch | None:
        """Everything gathered; None if nothing was."""
        return joined(self._parts) if self._parts else None


def _same_geometry(one: DetectorGeometry, other: DetectorGeometry) -> bool:
    pairs = (
        (one.photon_energy_ev, other.photon_energy_ev),
        (one.distance_m, other.distance_m),
        (one.pixel_size_m, other.pixel_size_m),
    )
    return all(
        a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=_SAME_GEOMETRY))
        for a, b in pairs
    )
