"""What a baseline is fitted to: features of labelled frames, gathered without the frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spi_viewer.baselines.fit_settings import Report
from spi_viewer.errors import ModelError
from spi_viewer.frames import FrameClass
from spi_viewer.networks.measurement import figures
from spi_viewer.networks.training_data import TrainingBatch

Compute = Callable[[Tensor, Tensor], Tensor]
_BATCHES_WITHOUT_NEWS = 3


@dataclass(frozen=True)
class LabelledFeatures:
    """N labelled frames.

    Attributes:
        features: (N, D) float32.
        frame_class: (N,) int64 of FrameClass.
        photons: (N,) scattered by the sample.
        family: N names of particle families.
    """

    features: NDArray[np.float32]
    frame_class: NDArray[np.int64]
    photons: NDArray
    family: list[str]

    def __len__(self) -> int:
        return len(self.frame_class)


@torch.inference_mode()
def labelled_features(
    batches: Iterable[TrainingBatch],
    compute: Compute,
    frames: int | None = None,
    report: Report = lambda _: None,
) -> LabelledFeatures:
    """Features of the first frames of a stream.

    Args:
        batches: may be endless; if they are a set of frames over and over, they end where nothing
            new comes.
        compute: features (B, D) of counts (B, 128, 128) and valid (B, 128, 128).
        frames: to take at most; None: all that there are.
        report: called with the number of frames so far.

    Raises:
        ModelError: no frames, or all of them good, or all bad.
    """
    features, frame_class, photons, taken = [], [], [], 0
    family: list[str] = []
    for batch in until_repeated(batches):
        part = slice(0, None if frames is None else frames - taken)
        features.append(compute(batch.counts[part].cpu(), batch.valid[part].cpu()).float().cpu())
        frame_class.append(batch.frame_class[part].cpu())
        photons.append(batch.photons[part].cpu())
        family += batch.family[part]
        taken += len(features[-1])
        report(taken)
        if taken == frames:
            break
    if not taken:
        raise ModelError("a model is fitted to labelled frames, and there are none")
    found = LabelledFeatures(
        torch.cat(features).numpy(),
        torch.cat(frame_class).numpy(),
        torch.cat(photons).numpy(),
        family,
    )
    _check_classes(found.frame_class)
    return found


def card_figures(probability: NDArray, held: LabelledFeatures, threshold: float) -> dict[str, Any]:
    """The figures of validation frames, as a card has them; probability (N, 4)."""
    measured = figures(probability, held.frame_class, held.photons, held.family, threshold)
    return {"validation": measured}


def until_repeated(batches: Iterable[TrainingBatch]) -> Iterator[TrainingBatch]:
    """The batches until some in a row held no frame that had not come before."""
    seen: set[bytes] = set()
    without_news = 0
    for batch in batches:
        marks = {sha256(frame.numpy().tobytes()).digest() for frame in batch.counts.cpu()}
        without_news = 0 if marks - seen else without_news + 1
        if without_news == _BATCHES_WITHOUT_NEWS:
            return
        seen |= marks
        yield batch


def distinct(data: LabelledFeatures) -> LabelledFeatures:
    """Without frames whose features are those of an earlier one."""
    first = np.sort(np.unique(data.features, axis=0, return_index=True)[1])
    family = [data.family[row] for row in first]
    return LabelledFeatures(
        data.features[first], data.frame_class[first], data.photons[first], family
    )


def _check_classes(frame_class: NDArray) -> None:
    good = frame_class == FrameClass.SINGLE
    if good.all() or not good.any():
        kind, lacking = ("good", "bad") if good.all() else ("bad", "good")
        raise ModelError(
            f"the labelled frames are all {kind}; a model learns only from {kind} and {lacking} "
            "ones; add labels or frames of the others"
        )
