"""The classical hit finder: a frame with many lit pixels is a hit, and a hit is called good.

It tells hits from blanks and **says nothing about what was hit**: single particles, multiple ones
and droplets light pixels alike. Of a hit it only knows how frequent each class was among the hits
that it was fitted to, so that its P(single) is a probability, but never exceeds that share.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_curve
from torch import Tensor

from spi_viewer.baselines.baseline_classifier import BaselineClassifier
from spi_viewer.baselines.baseline_folder import load_baseline, save_baseline
from spi_viewer.baselines.fit_settings import FitSettings
from spi_viewer.baselines.labelled_features import LabelledFeatures, labelled_features
from spi_viewer.errors import ModelError
from spi_viewer.frames import NETWORK_SIDE_PX, DecisionRule, FrameClass
from spi_viewer.networks.classifier import find_model
from spi_viewer.networks.devices import choose_device
from spi_viewer.networks.frame_classifier import Classification
from spi_viewer.networks.measurement import measure
from spi_viewer.networks.model_card import CARD_NAME, ModelCard
from spi_viewer.networks.training_data import TrainingBatch

KIND = "lit_pixels"
FRAMES = 4096
_HITS = (FrameClass.SINGLE, FrameClass.MULTI, FrameClass.NON_SAMPLE)
_SHAPES = {"slope": (), "offset": (), "shares": (len(_HITS),)}
# From a fraction of a photon to the largest pixels in detector units, four to a factor of ten.
_THRESHOLDS = (0.25 * 10 ** (np.arange(24) / 4)).astype(np.float32)


@dataclass(frozen=True)
class LitPixelsConfig:
    """What the finder counts.

    Attributes:
        threshold_counts: a pixel above it is lit; in the counts of the frames, photons or
            detector units.
    """

    threshold_counts: float

    def check(self) -> None:
        """Raise ValueError for a threshold that is no number."""
        if not math.isfinite(self.threshold_counts):
            raise ValueError("threshold_counts must be a finite number")


class LitPixelsClassifier(BaselineClassifier):
    """P(hit) = sigmoid(offset + slope ln(1 + lit pixels)), shared out among the classes of hits."""

    def __init__(self, card: ModelCard, tensors: dict[str, Tensor]) -> None:
        super().__init__(card)
        self._threshold = float(card.config.threshold_counts)
        self._slope, self._offset = float(tensors["slope"]), float(tensors["offset"])
        self._shares = tensors["shares"].numpy()

    @classmethod
    def load(cls, name_or_folder: str | Path, device: str = "auto") -> LitPixelsClassifier:
        """Load a model folder; raises ModelError. It computes on the CPU whatever the device."""
        choose_device(device)
        folder = find_model(name_or_folder)
        card, tensors = load_baseline(folder, KIND, LitPixelsConfig, lambda _: _SHAPES)
        shares = tensors["shares"]
        if (shares < 0).any() or abs(float(shares.sum()) - 1) > 1e-4:
            raise ModelError(f"{folder}: {CARD_NAME} does not fit: shares must add up to 1")
        return cls(card, tensors)

    def _judge(self, counts: Tensor, valid: Tensor) -> Classification:
        x = log_lit_pixels(counts, valid, np.array([self._threshold], np.float32))[:, 0].numpy()
        p_hit = _sigmoid(self._offset + self._slope * x.astype(np.float64))
        probabilities = np.zeros((len(x), len(self.classes)), np.float32)
        probabilities[:, FrameClass.BLANK] = 1 - p_hit
        for frame_class, share in zip(_HITS, self._shares, strict=True):
            probabilities[:, frame_class] = p_hit * share
        return Classification(probabilities, np.zeros(len(x), bool))


def log_lit_pixels(counts: Tensor, valid: Tensor, thresholds: NDArray[np.float32]) -> Tensor:
    """ln(1 + lit pixels) at T thresholds: counts and valid (B, 128, 128) -> (B, T) float32.

    The number is scaled to a frame without a mask.
    """
    usable = valid & torch.isfinite(counts)
    scale = NETWORK_SIDE_PX**2 / usable.sum((1, 2)).clamp_min(1)
    values = torch.where(usable, counts, -torch.inf)
    lit = [(values > float(threshold)).sum((1, 2)) * scale for threshold in thresholds]
    return torch.log1p(torch.stack(lit, 1).float())


def fit_lit_pixels(
    training: Iterable[TrainingBatch],
    validation: Sequence[TrainingBatch],
    folder: Path,
    settings: FitSettings,
) -> ModelCard:
    """Fit pixel threshold and P(hit) to labelled frames, and write the model folder.

    Of the pixel thresholds that is taken which tells hits from blanks best. A frame is called a
    hit, and good, from that number of lit pixels on at which the sum of missed hits and blanks
    that pass, each as a rate, is least, so that the cut does not depend on how rare hits are; a
    rate of false positives cannot be asked for.

    Args:
        training: batches, may be endless.
        validation: for figures only; there is nothing to choose.
        folder: to write.
        settings: name and number of frames.

    Raises:
        ModelError: frames without blanks, hits or single hits, or a folder that cannot be written.
    """

    def compute(counts: Tensor, valid: Tensor) -> Tensor:
        return log_lit_pixels(counts, valid, _THRESHOLDS)

    data = labelled_features(training, compute, settings.frames or FRAMES, settings.report)
    is_hit = data.frame_class != FrameClass.BLANK
    if is_hit.all():
        raise ModelError(
            "a lit-pixel hit finder tells hits from blanks, and none of the labelled frames is "
            "blank; add some blank ones"
        )
    number, slope, offset = _best_threshold(data, is_hit)
    cut = float(_sigmoid(offset + slope * _best_cut(data.features[:, number], is_hit)))
    hits = data.frame_class[is_hit]
    shares = np.array([(hits == one).mean() for one in _HITS], np.float32)
    share = float(shares[_HITS.index(FrameClass.SINGLE)])
    card = ModelCard(
        name=settings.name,
        config=LitPixelsConfig(float(_THRESHOLDS[number])),
        rule=DecisionRule(cut * share, 0.5 * cut * share, 0.5 * (cut + 1) * share),
        training={**settings.description, "frames": len(data)},
    )
    tensors = {"slope": torch.tensor(slope), "offset": torch.tensor(offset)}
    tensors["shares"] = torch.from_numpy(shares)
    if validation:
        card.figures = {"validation": measure(LitPixelsClassifier(card, tensors), validation)}
    save_baseline(folder, KIND, card, tensors)
    return card


def _best_threshold(data: LabelledFeatures, is_hit: NDArray) -> tuple[int, float, float]:
    """Number of the threshold that tells hits from blanks best; slope and offset of P(hit)."""
    best = (math.inf, 0, 0.0, 0.0)
    for number, x in enumerate(data.features.T):
        model = LogisticRegression(C=10.0).fit(x[:, None], is_hit)
        loss = log_loss(is_hit, model.predict_proba(x[:, None])[:, 1])
        slope, offset = float(model.coef_[0, 0]), float(model.intercept_[0])
        if slope > 0 and loss < best[0]:
            best = (loss, number, slope, offset)
    if not math.isfinite(best[0]):
        raise ModelError(
            "the blank frames have no fewer lit pixels than the hits; the labels may be mixed up"
        )
    return best[1:]


def _best_cut(x: NDArray, is_hit: NDArray) -> float:
    """Where the rates of missed hits and of passing blanks have the least sum (Youden 1950)."""
    passing, found, values = roc_curve(is_hit, x)
    lowest_hit = values[np.argmax(found - passing)]
    below = x[x < lowest_hit]
    return float((lowest_hit + below.max()) / 2) if len(below) else float(lowest_hit)


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-np.clip(x, -60, 60)))
