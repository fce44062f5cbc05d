"""Measured frames in memory, with what people say they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spi_viewer.frames import FrameClass, FrameId
from spi_viewer.networks.training_data import TrainingBatch

FAMILY = "measured"


@dataclass(frozen=True)
class LabelledFrames:
    """N measured frames in memory.

    Attributes:
        counts: (N, 128, 128) float32. valid: (N, 128, 128) bool.
        frame_class: (N,) int64 of FrameClass; BAD_OF_SOME_KIND only where it was asked for.
        photons: (N,) float64, sum of the valid pixels of the whole frame.
        event: (N,) text; frames with the same one are views of one event.
        ids: N ids.
        source: where labels and frames come from, in words.
        notes: what was left out, a sentence each.
    """

    counts: Tensor
    valid: Tensor
    frame_class: Tensor
    photons: Tensor
    event: NDArray
    ids: tuple[FrameId, ...]
    source: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def is_good(self) -> NDArray[np.bool_]:
        """(N,) True for single particles."""
        good: NDArray[np.bool_] = (self.frame_class == FrameClass.SINGLE).numpy()
        return good

    def select(self, rows: NDArray) -> LabelledFrames:
        """Some of the frames: rows (n,) of int."""
        chosen = torch.as_tensor(np.asarray(rows, np.int64))
        return replace(
            self,
            counts=self.counts[chosen],
            valid=self.valid[chosen],
            frame_class=self.frame_class[chosen],
            photons=self.photons[chosen],
            event=self.event[chosen.numpy()],
            ids=tuple(self.ids[row] for row in chosen.tolist()),
        )

    def batch(self, rows: NDArray) -> TrainingBatch:
        """Rows (n,) as a batch for training, judging or measuring."""
        part = self.select(rows)
        family = [FAMILY] * len(part)
        return TrainingBatch(part.counts, part.valid, part.frame_class, part.photons, family)

    def batches(self, size: int = 128) -> list[TrainingBatch]:
        """All frames in order."""
        starts = range(0, len(self), size)
        return [self.batch(np.arange(start, min(start + size, len(self)))) for start in starts]
