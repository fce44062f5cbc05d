"""What a network gets right and wrong, in plain numbers that go into a model's card."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spi_viewer.frames import FrameClass
from spi_viewer.networks.calibration import (
    calibration_error,
    wilson_interval,
)

if TYPE_CHECKING:
    from spi_viewer.networks.frame_classifier import FrameClassifier
    from spi_viewer.networks.training import TrainingBatch

BRIGHT_PHOTONS = 3000
_FALSE_POSITIVES = 0.005
_DECILES = 10


def measure(classifier: FrameClassifier, batches: Iterable[TrainingBatch]) -> dict[str, Any]:
    """Figures of a classifier on labelled batches; see `figures`."""
    probability, frame_class, photons, family, unfamiliar = [], [], [], [], []
    for batch in batches:
        counts, valid = batch.counts.cpu().numpy(), batch.valid.cpu().numpy()
        answer = classifier.classify(counts, valid)
        probability.append(answer.probabilities)
        unfamiliar.append(answer.out_of_distribution)
        frame_class.append(batch.frame_class.cpu().numpy())
        photons.append(batch.photons.cpu().numpy())
        family += list(batch.family)
    measured = figures(
        np.concatenate(probability),
        np.concatenate(frame_class),
        np.concatenate(photons),
        family,
        classifier.rule.threshold,
    )
    measured["out_of_distribution"] = float(np.concatenate(unfamiliar).mean())
    return measured


def figures(
    probability: NDArray,
    frame_class: NDArray,
    photons: NDArray,
    family: list[str],
    threshold: float,
) -> dict[str, Any]:
    """Figures for the card: (N, 4) probabilities, (N,) classes, (N,) photons, N family names.

    False negatives: good called bad, of the good. False positives: bad called good, of the bad.
    """
    p_good = probability[:, FrameClass.SINGLE]
    is_good = frame_class == FrameClass.SINGLE
    families = np.asarray(family)
    edges = np.quantile(photons, np.linspace(0, 1, _DECILES + 1)[1:-1])
    decile = np.searchsorted(edges, photons)

    def part(selected: NDArray) -> dict[str, Any]:
        return error_rates(p_good[selected], is_good[selected], threshold)

    return {
        "frames": len(frame_class),
        "threshold": threshold,
        "all": part(np.ones(len(frame_class), bool)),
        f"above_{BRIGHT_PHOTONS}_photons": part(bright_frames(photons, frame_class)),
        "by_family": {name: part(families == name) for name in sorted(set(family))},
        "by_photon_decile": [
            {"photons_below": float(photons[decile == d].max()), **part(decile == d)}
            for d in range(_DECILES)
            if (decile == d).any()
        ],
        "average_precision": average_precision(p_good, is_good),
        "false_negatives_at_half_percent_false_positives": false_negatives_at(
            p_good, is_good, _FALSE_POSITIVES
        ),
        "class_accuracy": float((probability.argmax(1) == frame_class).mean()),
        "calibration_error": calibration_error(probability, frame_class),
        "confusion": _confusion(probability, frame_class),
    }


def error_rates(p_good: NDArray, is_good: NDArray, threshold: float) -> dict[str, Any]:
    """Accuracy, false negatives and positives at a threshold, with 95 % intervals.

    A rate without frames to judge is None.
    """
    called = p_good >= threshold
    good, bad = int(is_good.sum()), int((~is_good).sum())
    missed, taken = int((is_good & ~called).sum()), int((~is_good & called).sum())
    return {
        "good": good,
        "bad": bad,
        "accuracy": 1 - (missed + taken) / (good + bad) if good + bad else None,
        "false_negatives": missed / good if good else None,
        "false_negatives_95": list(wilson_interval(missed, good)),
        "false_positives": taken / bad if bad else None,
        "false_positives_95": list(wilson_interval(taken, bad)),
    }


def average_precision(score: NDArray, is_good: NDArray) -> float:
    """Mean precision at the rank of each good frame; ties share the worst precision among them."""
    order = np.argsort(-score, kind="stable")
    score, hits = score[order], is_good[order].astype(np.int64)
    last = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)  # end of each run of ties
    found = np.cumsum(hits)[last]
    gained = np.diff(found, prepend=0)
    return float((gained * found / (last + 1)).sum() / max(int(hits.sum()), 1))


def false_negatives_at(p_good: NDArray, is_good: NDArray, rate: float) -> float:
    """Share of good frames lost at the threshold that admits `rate` of the bad ones.

    A good frame that scores like the first bad one to be refused is lost with it.
    """
    bad = np.sort(p_good[~is_good])[::-1]
    allowed = int(rate * len(bad))
    if not is_good.any() or allowed >= len(bad):
        return 0.0
    return float((p_good[is_good] <= bad[allowed]).mean())


def false_negatives_about(p_good: NDArray, is_good: NDArray, rate: float) -> float:
    """Mean share of good frames lost at half of `rate`, at it, and at twice as much.

    At one rate alone few bad frames decide, and the better of two models is told by chance.
    """
    return float(np.mean([false_negatives_at(p_good, is_good, rate * f) for f in (0.5, 1.0, 2.0)]))


def bright_frames(photons: NDArray, frame_class: NDArray) -> NDArray[np.bool_]:
    """Frames above the photon limit; blanks have no photons and stay in, or nothing judges them."""
    return (photons > BRIGHT_PHOTONS) | (frame_class == FrameClass.BLANK)


def _confusion(probability: NDArray, frame_class: NDArray) -> list[list[int]]:
    """Rows: true class, columns: likeliest class."""
    size = len(FrameClass)
    cells = np.bincount(frame_class * size + probability.argmax(1), minlength=size * size)
    return cells.reshape(size, size).tolist()
