"""Which adaptation the labels speak for, by cross-validation inside them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spi_viewer.adaptation.embedding import Embedding
from spi_viewer.adaptation.few_shot_head import FewShotHead, fit_head
from spi_viewer.frames import DecisionRule, FrameClass
from spi_viewer.labelled_frames import parts_by_event
from spi_viewer.networks.calibration import decision_rule, probabilities

RIDGES = (math.inf, 30.0, 10.0, 3.0, 1.0, 0.3)
_FOLDS = 5


@dataclass(frozen=True)
class ChosenHead:
    """A head and where it comes from.

    Attributes:
        kind: key of the embedding that it is for.
        ridge: of its fit.
        temperature: of its class scores.
        rule: threshold and unsure band.
        log_loss: of good against bad, in nat, on labels that the head was not fitted to.
    """

    head: FewShotHead
    kind: str
    ridge: float
    temperature: float
    rule: DecisionRule
    log_loss: float


def choose_head(
    embeddings: Mapping[str, Embedding],
    frame_class: NDArray,
    event: NDArray,
    spreads: Mapping[str, NDArray],
    false_positives: float,
    seed: int = 0,
) -> ChosenHead:
    """The head of least log-loss over the folds, fitted to all labels.

    Temperature and threshold are chosen on the class scores of the folds left out.

    Args:
        embeddings: of the N labelled frames, by the kind of network they come from.
        frame_class: (N,).
        event: (N,); folds are drawn by event.
        spreads: (C,) of each kind's features, from unlabelled frames.
        false_positives: rate for the threshold, if there are labels enough to say.
        seed: of the folds.
    """
    folds = parts_by_event(frame_class, event, [1 / _FOLDS] * _FOLDS, seed)
    folds = [fold for fold in folds if len(fold)]
    good = frame_class == FrameClass.SINGLE
    best: tuple[float, str, float, NDArray] | None = None
    for kind, frames in embeddings.items():
        for ridge in RIDGES:
            logits = _left_out_logits(frames, frame_class, folds, ridge, spreads[kind])
            loss = _log_loss(logits, good)
            if best is None or loss < best[0]:
                best = loss, kind, ridge, logits
    assert best is not None
    loss, kind, ridge, logits = best
    head = fit_head(embeddings[kind], frame_class, ridge, spreads[kind])
    temperature = _temperature(logits, good)
    p_good = probabilities(logits, temperature)[:, FrameClass.SINGLE]
    rule = _rule(p_good, good, false_positives)
    return ChosenHead(head, kind, ridge, temperature, rule, loss)


def _left_out_logits(
    frames: Embedding, frame_class: NDArray, folds: list[NDArray], ridge: float, spread: NDArray
) -> NDArray[np.float64]:
    """Class scores (N, K) of each frame from a head that was not fitted to its event."""
    logits = np.empty_like(frames.logits)
    for fold in folds:
        rest = np.setdiff1d(np.arange(len(frames)), fold)
        if not len(rest):
            return frames.logits
        head = fit_head(frames.select(rest), frame_class[rest], ridge, spread)
        logits[fold] = head.logits(frames.select(fold))
    return logits


def _log_loss(logits: NDArray, good: NDArray, temperature: float = 1.0) -> float:
    """Of good against bad, both weighing the same, in nat."""
    p_good = probabilities(logits, temperature)[:, FrameClass.SINGLE].astype(np.float64)
    told = np.clip(np.where(good, p_good, 1 - p_good), 1e-6, 1)
    return -float(np.mean([np.log(told[part]).mean() for part in (good, ~good) if part.any()]))


def _temperature(logits: NDArray, good: NDArray) -> float:
    """Of least log-loss; from a coarse grid, for few labels say no more."""
    grid = np.geomspace(0.5, 4.0, 13)
    # A weak preference for 1, worth about two labels.
    cost = [len(good) * _log_loss(logits, good, t) + 2 * np.log(t) ** 2 for t in grid]
    return float(grid[int(np.argmin(cost))])


def _rule(p_good: NDArray, good: NDArray, false_positives: float) -> DecisionRule:
    """At the allowed false positives where the bad labels are enough to tell, else at even odds."""
    if (~good).sum() * false_positives >= 1:
        return decision_rule(p_good, good, false_positives)
    return even_rule(p_good, good)


def even_rule(p_good: NDArray, good: NDArray) -> DecisionRule:
    """Of greatest balanced accuracy; of equals the one nearest to 0.5."""
    edges = np.unique(np.concatenate([[0.0, 1.0], p_good.astype(np.float64)]))
    middles = np.append((edges[1:] + edges[:-1]) / 2, 0.5)
    right = [((p_good >= t)[good].mean() + (p_good < t)[~good].mean()) / 2 for t in middles]
    # A threshold away from 0.5 must win more than a few labels of chance.
    gain = np.asarray(right) - 4.0 / len(good) * (np.abs(middles - 0.5) > 0.05)
    ties = np.flatnonzero(gain >= gain.max() - 1e-9)
    threshold = float(middles[ties[np.abs(middles[ties] - 0.5).argmin()]])
    threshold = min(max(threshold, 0.05), 0.95)
    return DecisionRule(threshold, 0.4 * threshold, threshold + 0.6 * (1 - threshold))
