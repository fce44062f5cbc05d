"""Probabilities that mean what they say, and the threshold that keeps bad frames out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from spi_viewer.frames import DecisionRule

_ECE_BINS = 15
_TEMPERATURE_RANGE = (0.05, 20.0)


def fit_temperature(logits: NDArray, frame_class: NDArray) -> float:
    """Temperature of least negative log-likelihood (Guo et al. 2017): logits (N, K), class (N,).

    With a weak preference for 1, worth about two frames: of a few frames that are all told right
    the likeliest temperature is 0, and every answer would be certain.
    """
    rows = np.arange(len(logits))
    logits = np.asarray(logits, np.float64)

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
        likelihood = float(scaled[rows, frame_class].mean())
        return 2 * log_temperature**2 / len(rows) - likelihood

    low, high = np.log(_TEMPERATURE_RANGE)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded")
    return float(np.exp(found.x))


def probabilities(logits: NDArray, temperature: float) -> NDArray[np.float32]:
    """Calibrated class probabilities, (N, K) -> (N, K) float32."""
    return softmax(np.asarray(logits, np.float64) / temperature, axis=1).astype(np.float32)


def threshold_at_false_positives(p_good: NDArray, is_good: NDArray, rate: float) -> float:
    """Lowest threshold at which at most `rate` of the bad frames are called good."""
    bad = np.sort(p_good[~is_good])[::-1]
    allowed = int(rate * len(bad))
    if allowed >= len(bad):
        return 0.0
    return float(min(1.0, np.nextafter(np.float32(bad[allowed]), np.float32(2))))


def decision_rule(p_good: NDArray, is_good: NDArray, false_positives: float) -> DecisionRule:
    """Rule for a false-positive rate; never below 0.5, which held-out frames alone may suggest.

    The unsure band covers 60 % of the way from the threshold to either certainty.
    """
    threshold = max(0.5, threshold_at_false_positives(p_good, is_good, false_positives))
    return DecisionRule(threshold, 0.4 * threshold, threshold + 0.6 * (1 - threshold))


def calibration_error(probability: NDArray, frame_class: NDArray) -> float:
    """Expected calibration error of the top class in 15 bins: (N, K), (N,) -> [0, 1]."""
    confidence = probability.max(1)
    correct = probability.argmax(1) == frame_class
    edges = np.linspace(0, 1, _ECE_BINS + 1)[1:-1]
    bins = np.digitize(confidence, edges)
    gap = np.bincount(bins, confidence - correct, _ECE_BINS)
    return float(np.abs(gap).sum() / max(len(confidence), 1))


def wilson_interval(hits: float, trials: float, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a rate (Wilson 1927); (0, 1) without trials. Effective numbers will do."""
    if trials == 0:
        return 0.0, 1.0
    rate, share = hits / trials, z * z / trials
    centre = (rate + share / 2) / (1 + share)
    half = z * np.sqrt(rate * (1 - rate) / trials + share / (4 * trials)) / (1 + share)
    # The ends are exact in theory; rounding would leave a perfect rate outside of its interval.
    low = 0.0 if hits == 0 else float(centre - half)
    return low, 1.0 if hits == trials else float(centre + half)
