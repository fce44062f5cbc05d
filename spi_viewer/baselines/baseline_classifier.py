"""What the baselines that are no networks share: counts in, probabilities out, on the CPU."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spi_viewer.networks.activation_maps import Explanation
from spi_viewer.networks.classifier import checked_frames
from spi_viewer.networks.frame_classifier import Classification
from spi_viewer.networks.model_card import ModelCard
from spi_viewer.preprocessing.network_input import InputKind, network_input

_FRAMES = 256  # judged at a time


class BaselineClassifier(ABC):
    """Judges frames without a network; may be called from several threads.

    Attributes:
        name: of the model.
        rule: threshold and unsure band, from the model's card until set otherwise.
        model_hash: SHA-256 of the weights.
        classes: names of the columns of the probabilities.
        device_name: where it computes, as users read it.
    """

    def __init__(self, card: ModelCard) -> None:
        self.name = card.name
        self.rule = card.rule
        self.model_hash = card.weights_sha256
        self.classes = card.classes
        self.device_name = "CPU"

    def set_threshold(self, threshold: float) -> None:
        """Call good from another P(single) on; the unsure band is widened to contain it."""
        self.rule = self.rule.moved_to(threshold)

    def classify(self, counts: NDArray[np.float32], valid: NDArray[np.bool_]) -> Classification:
        """Judge counts (B, 128, 128) and valid (B, 128, 128) bool, B of any size."""
        counts_t, valid_t = checked_frames(counts, valid)
        starts = range(0, max(len(counts_t), 1), _FRAMES)
        with torch.inference_mode():
            parts = [
                self._judge(counts_t[s : s + _FRAMES], valid_t[s : s + _FRAMES]) for s in starts
            ]
        features = [part.features for part in parts if part.features is not None]
        return Classification(
            np.concatenate([part.probabilities for part in parts]),
            np.concatenate([part.out_of_distribution for part in parts]),
            np.concatenate(features) if features else None,
        )

    def explain(self, counts: NDArray[np.float32], valid: NDArray[np.bool_]) -> Explanation:
        """The probabilities of counts (128, 128) and valid (128, 128); there are no maps."""
        answer = self.classify(counts[None], valid[None])
        counts_t, valid_t = checked_frames(counts[None], valid[None])
        seen = network_input(counts_t, valid_t, InputKind.PER_IMAGE)[0].numpy()
        return Explanation(answer.probabilities[0], seen, class_maps=None, layers=[])

    @abstractmethod
    def _judge(self, counts: Tensor, valid: Tensor) -> Classification:
        """Judge a few frames, or none: counts (B, 128, 128) float32, valid bool."""
