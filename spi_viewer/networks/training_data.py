"""Labelled frames on their way to a training: batches, endless streams, and what is refused."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from spi_viewer.errors import ModelError
from spi_viewer.frames import FrameClass

_BATCHES_UNTIL_BOTH_CLASSES = 20


@dataclass
class TrainingBatch:
    """Labelled frames; anything with these attributes will do.

    Attributes:
        counts: (B, 128, 128) float32.
        valid: (B, 128, 128) bool.
        frame_class: (B,) int64 of FrameClass.
        photons: (B,) scattered by the sample.
        family: B names of particle families.
    """

    counts: Tensor
    valid: Tensor
    frame_class: Tensor
    photons: Tensor
    family: Sequence[str]


class ClassCheck:
    """Refuses a stream in which, after some batches, all is good or all bad."""

    def __init__(self) -> None:
        self._good_seen = self._bad_seen = False
        self._batches = 0

    def look(self, batch: TrainingBatch) -> None:
        """Note the classes of the next batch; raises ModelError."""
        if self._good_seen and self._bad_seen:
            return
        is_good = batch.frame_class == FrameClass.SINGLE
        self._good_seen |= bool(is_good.any())
        self._bad_seen |= bool((~is_good).any())
        self._batches += 1
        both = self._good_seen and self._bad_seen
        if not both and self._batches >= _BATCHES_UNTIL_BOTH_CLASSES:
            _refuse_one_class("training", self._good_seen)


def check_validation(validation: Sequence[TrainingBatch]) -> None:
    """Raise ModelError for a validation set without both good and bad frames."""
    good = [batch.frame_class == FrameClass.SINGLE for batch in validation]
    if not good:
        raise ModelError("training needs validation frames, and got none")
    is_good = torch.cat(good)
    if is_good.all() or not is_good.any():
        _refuse_one_class("validation", bool(is_good.all()))


def _refuse_one_class(name: str, good: bool) -> None:
    kind, lacking = ("good", "bad") if good else ("bad", "good")
    raise ModelError(
        f"the {name} frames are all {kind}; a network learns only from {kind} and {lacking} ones"
    )


def endless(stream: Iterable[TrainingBatch]) -> Iterator[TrainingBatch]:
    """Begin a finite stream again whenever it ends; ModelError if it cannot be begun again."""
    while True:
        empty = True
        for batch in stream:
            empty = False
            yield batch
        if empty:
            raise ModelError("the stream of training frames ended before the training did")


def replayed(
    stream: Iterable[TrainingBatch], reuse: int, pool_batches: int = 64, seed: int = 0
) -> Iterator[TrainingBatch]:
    """Each frame about `reuse` times, in ever new company, for a simulator slower than training.

    The pool is always renewed: a fixed set would be learned by heart, fingerprints included.
    """
    generator = torch.Generator().manual_seed(seed)
    pool: deque[TrainingBatch] = deque(maxlen=pool_batches)
    for fresh in stream:
        pool.append(fresh)
        yield fresh
        for _ in range(reuse - 1):
            yield _mixed(pool, len(fresh.frame_class), generator)


def _mixed(pool: Sequence[TrainingBatch], frames: int, generator: torch.Generator) -> TrainingBatch:
    """Frames from anywhere in the pool."""
    chosen = torch.randint(len(pool), (frames,), generator=generator).tolist()
    places = torch.rand(frames, generator=generator).tolist()
    picks = [
        (pool[i], int(place * len(pool[i].frame_class)))
        for i, place in zip(chosen, places, strict=True)
    ]
    return TrainingBatch(
        counts=torch.stack([batch.counts[row] for batch, row in picks]),
        valid=torch.stack([batch.valid[row] for batch, row in picks]),
        frame_class=torch.stack([batch.frame_class[row] for batch, row in picks]),
        photons=torch.stack([batch.photons[row] for batch, row in picks]),
        family=[batch.family[row] for batch, row in picks],
    )
