"""Brightness must not tell a single hit from a multiple one, or a network learns brightness.

Judged by the area A under the ROC curve. Without any information A is 0.5 with the standard error
sqrt((n + m + 1) / (12 n m)) of the Mann-Whitney statistic; the bands below are three of them wide.
"""

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from spi_viewer.frames import FrameClass
from spi_viewer.simulation.dataset import simulate_frames
from spi_viewer.simulation.particles import FAMILIES
from spi_viewer.simulation.simulated_frames import concatenate

FRAMES = 2048  # of each seed: one set alone may look unmatched by chance
SEEDS = (21, 31, 101, 102)
SIDE = 64
BOTH = {FrameClass.SINGLE: 0.5, FrameClass.MULTI: 0.5}


@pytest.fixture(scope="module")
def frames():
    return concatenate(
        [
            simulate_frames(list(FAMILIES), FRAMES, seed=seed, weights=BOTH, side_px=SIDE)
            for seed in SEEDS
        ]
    )


@pytest.fixture(scope="module")
def is_single(frames):
    return (frames.frame_class == FrameClass.SINGLE).numpy()


@pytest.fixture(scope="module")
def amounts(frames):
    """What counting tells of each frame, by name: numbers of photons, and where there are any."""
    counts, valid = frames.counts, frames.valid
    pixels = torch.arange(SIDE) - (SIDE - 1) / 2.0
    outer = valid & (torch.hypot(pixels[:, None], pixels) > 0.4 * SIDE)  # mostly background
    total = counts.sum((1, 2))
    named = {
        "total counts": total,
        "scattered photons": frames.photons,
        "counts a valid pixel": total / valid.sum((1, 2)),
        "counts far out": (counts * outer).sum((1, 2)) / outer.sum((1, 2)),
        "median pixel": counts.flatten(1).median(1).values,
        "lit pixels": ((counts > 0.5) & valid).float().sum((1, 2)),
        "valid pixels": valid.float().sum((1, 2)),
        "particle size": frames.diameter_nm,
    }
    return {name: value.numpy() for name, value in named.items()}


def chance_band(is_single):
    """Half width of the band about 0.5, three standard errors."""
    n, m = int(is_single.sum()), int((~is_single).sum())
    return 3.0 * ((n + m + 1) / (12.0 * n * m)) ** 0.5


def learned_area(classifier, amounts, is_single):
    """A of a classifier trained on the amounts and judged on frames that it has not seen."""
    features = np.log1p(np.clip(np.stack(list(amounts), axis=1), 0.0, None))
    scores = cross_val_predict(classifier, features, is_single, cv=5, method="predict_proba")
    return roc_auc_score(is_single, scores[:, 1])


@pytest.mark.parametrize(
    "name",
    [
        "total counts",
        "scattered photons",
        "counts a valid pixel",
        "counts far out",
        "median pixel",
        "lit pixels",
        "valid pixels",
        "particle size",
    ],
)
def test_no_single_amount_tells_single_from_multi(amounts, is_single, name):
    assert abs(roc_auc_score(is_single, amounts[name]) - 0.5) < chance_band(is_single)


CLASSIFIERS = pytest.mark.parametrize(
    "classifier",
    [
        make_pipeline(StandardScaler(), LogisticRegression()),
        HistGradientBoostingClassifier(max_depth=3, max_iter=40, random_state=0),
    ],
    ids=["logistic", "boosting"],
)


@CLASSIFIERS
def test_a_classifier_that_only_counts_does_no_better_than_chance(amounts, is_single, classifier):
    counting = [amounts[name] for name in ("total counts", "counts a valid pixel")]
    assert learned_area(classifier, counting, is_single) < 0.5 + chance_band(is_single)


@CLASSIFIERS
def test_how_far_the_light_spreads_hardly_gives_the_class_away(amounts, is_single, classifier):
    """Second particles are often smaller and scatter farther: physics allows a little."""
    spread = [amounts[name] for name in ("total counts", "counts far out", "median pixel")]
    assert learned_area(classifier, spread, is_single) < 0.55


def test_multis_half_as_bright_would_be_noticed(amounts, is_single):
    dimmed = np.where(is_single, amounts["total counts"], amounts["total counts"] / 2.0)
    classifier = make_pipeline(StandardScaler(), LogisticRegression())
    assert learned_area(classifier, [dimmed], is_single) > 0.5 + chance_band(is_single)


def test_the_brightest_pixels_hardly_give_the_class_away(frames, is_single):
    """A coherent sum is a little more peaked than its parts; physics allows no more than little."""
    flat = frames.counts.flatten(1)
    brightest = flat.topk(40, dim=1).values.sum(1) / flat.sum(1)
    assert abs(roc_auc_score(is_single, brightest.numpy()) - 0.5) < 0.1


def test_hits_on_something_else_are_as_bright_as_single_particles():
    weights = {FrameClass.SINGLE: 0.5, FrameClass.NON_SAMPLE: 0.5}
    frames = simulate_frames(["sphere"], 1024, seed=22, weights=weights, side_px=SIDE)
    is_single = (frames.frame_class == FrameClass.SINGLE).numpy()
    for amount in (frames.counts.sum((1, 2)), frames.photons):
        assert abs(roc_auc_score(is_single, amount.numpy()) - 0.5) < chance_band(is_single)
