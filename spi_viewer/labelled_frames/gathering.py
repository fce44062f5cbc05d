"""Chosen frames out of run files, as they come from the reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from spi_viewer.errors import LabelError
from spi_viewer.frames import INVALID_FLAGS, Crop, FrameBatch, FrameId, RunInfo
from spi_viewer.labelled_frames.label_tables import LabelTable
from spi_viewer.labelled_frames.labelled import LabelledFrames
from spi_viewer.labelled_frames.places import spans
from spi_viewer.sources.crop_choice import CropChoice
from spi_viewer.sources.reader import CENTERING_FRAMES, Reader


def crops_of(reader: Reader, infos: Sequence[RunInfo], crop: Crop | None) -> list[Crop]:
    """The crop of each file: its own, or that of all where each holds too few frames to find it."""
    shared = CropChoice(reader, crop)
    few = [info for info in infos if info.frame_count < CENTERING_FRAMES]
    for info in few:
        shared.crop_for(info)
    return [
        (shared if info.frame_count < CENTERING_FRAMES else CropChoice(reader, crop)).crop_for(info)
        for info in infos
    ]


class PassedBy(NamedTuple):
    """Labelled frames that were not kept: without a pattern, and beyond the limit."""

    invalid: int
    too_many: int


class Gathered:
    """Frames as they come from the reader."""

    def __init__(self) -> None:
        self._parts: list[tuple[FrameBatch, list[int], list[int]]] = []

    def __len__(self) -> int:
        return sum(len(rows) for _, rows, _ in self._parts)

    def read(
        self,
        reader: Reader,
        info: RunInfo,
        table: LabelTable,
        places: dict[int, int],
        square: Crop,
        limit: int,
    ) -> PassedBy:
        """Read what is labelled in a run, at most `limit` frames."""
        written_at_s = 0.0  # nobody asks how old these frames are
        invalid, taken, too_many = 0, 0, 0
        every = range(info.frame_count)
        for start, stop in spans(sorted(places) if not table.by_event else every):
            batch = reader.read_batch(info.path, info.dataset, start, stop, square, written_at_s)
            rows: list[int] = []
            codes: list[int] = []
            for row, one in enumerate(batch.ids):
                code = places.get(one.index)
                code = table.of_event(one.name) if code is None and table.by_event else code
                if code is None:
                    continue
                if taken + len(rows) >= limit:
                    too_many += 1
                    continue
                if int(batch.flags[row]) & int(INVALID_FLAGS):
                    invalid += 1
                    continue
                rows.append(row)
                codes.append(code)
            if rows:
                taken += len(rows)
                self._parts.append((_copied(batch, rows), rows, codes))
        return PassedBy(invalid, too_many)

    def frames(self, source: str, notes: Sequence[str]) -> LabelledFrames:
        """All that was read."""
        batches = [batch for batch, _, _ in self._parts]
        if not batches:
            raise LabelError(f"{source}: fit none of the frames, or none that holds a pattern")
        ids = tuple(one for batch in batches for one in batch.ids)
        return LabelledFrames(
            counts=torch.from_numpy(np.concatenate([batch.counts for batch in batches])),
            valid=torch.from_numpy(np.concatenate([batch.valid for batch in batches])),
            frame_class=torch.tensor([code for _, _, codes in self._parts for code in codes]),
            photons=torch.from_numpy(np.concatenate([batch.photons for batch in batches])),
            event=np.array(_events(ids)),
            ids=ids,
            source=source,
            notes=tuple(notes),
        )


def _events(ids: Sequence[FrameId]) -> list[str]:
    """The event of each frame; each its own where the facility names none, or all alike."""
    names = {one.name for one in ids}
    are_told = len(names) > 1
    return [one.name if are_told and one.name else f"{one.path}#{one.index}" for one in ids]


def _copied(batch: FrameBatch, rows: list[int]) -> FrameBatch:
    """The chosen rows alone: the batch itself may be in memory that the reader uses again."""
    return replace(
        batch,
        ids=[batch.ids[row] for row in rows],
        counts=batch.counts[rows],
        valid=batch.valid[rows],
        thumbnails=batch.thumbnails[:0].copy(),
        flags=batch.flags[rows],
        photons=batch.photons[rows],
        written_at_s=batch.written_at_s[rows],
    )
