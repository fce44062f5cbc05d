"""A batch of frames judged by a classifier, with the frames that have no pattern left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spi_viewer.frames import INVALID_FLAGS, FrameBatch, FrameFlag

if TYPE_CHECKING:
    from spi_viewer.classifiers import FrameClassifier


def judge_batch(
    classifier: FrameClassifier, batch: FrameBatch
) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    """Class probabilities (B, 4) and flags (B,) of a batch; frames without a pattern get NaN."""
    probabilities, flags, _, _ = judge_with_features(classifier, batch)
    return probabilities, flags


def judge_with_features(
    classifier: FrameClassifier, batch: FrameBatch
) -> tuple[NDArray[np.float32], NDArray[np.uint32], NDArray[np.int64], NDArray[np.float32] | None]:
    """The same, with the places (n,) of frames with a pattern and their features (n, C), if any."""
    features = None
    probabilities = np.full((len(batch), 4), np.nan, np.float32)
    flags = batch.flags.astype(np.uint32)
    judged = np.flatnonzero((flags & int(INVALID_FLAGS)) == 0)
    if len(judged):
        answer = classifier.classify(batch.counts[judged], batch.valid[judged])
        probabilities[judged] = answer.probabilities
        flags[judged[answer.out_of_distribution]] |= np.uint32(FrameFlag.OUT_OF_DISTRIBUTION)
        features = answer.features
    return probabilities, flags, judged, features
