"""The regression folds its standardisation in, and knows what it never saw."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from spi_viewer.baselines.labelled_features import LabelledFeatures
from spi_viewer.baselines.linear_head import fit_linear_head
from spi_viewer.frames import FrameClass


def labelled(classes, seed=0, frames=120):
    """Features about a place of their own for each class; one of them never varies."""
    random = np.random.default_rng(seed)
    frame_class = np.asarray(classes)[np.arange(frames) % len(classes)]
    x = random.normal(size=(frames, 6)) * [1, 100, 1e-3, 5, 1, 0] + 3
    x[:, 0] += 2 * frame_class
    x[:, 1] += 150 * (frame_class == FrameClass.MULTI)
    return LabelledFeatures(x.astype(np.float32), frame_class, np.ones(frames), [""] * frames)


def probabilities(head, features):
    with torch.inference_mode():
        return head(torch.from_numpy(features)).softmax(1).numpy()


def test_it_is_scikit_learns_regression_on_standardised_features():
    data = labelled([0, 1, 2, 3])
    head, strength = fit_linear_head(data, labelled([0, 1, 2, 3], seed=1), strengths=(0.1,))
    standard = StandardScaler().fit_transform(data.features)
    expected = LogisticRegression(C=strength).fit(standard, data.frame_class)
    assert probabilities(head, data.features) == pytest.approx(
        expected.predict_proba(standard), abs=2e-3
    )


def test_two_classes_are_a_regression_too_and_the_others_never_win():
    data = labelled([FrameClass.SINGLE, FrameClass.NON_SAMPLE])
    head, strength = fit_linear_head(data, data, strengths=(0.1,))
    p = probabilities(head, data.features)
    standard = StandardScaler().fit_transform(data.features)
    expected = LogisticRegression(C=strength).fit(standard, data.frame_class)
    assert p[:, [0, 2]] == pytest.approx(expected.predict_proba(standard), abs=2e-3)
    assert p[:, [1, 3]].max() < 1e-4


def test_the_strength_is_the_best_of_the_validation_frames():
    training, held = labelled([0, 1, 2, 3]), labelled([0, 1, 2, 3], seed=1)
    strengths = (1e-4, 1e-1)
    losses = []
    for strength in strengths:
        head, _ = fit_linear_head(training, held, (strength,))
        p = probabilities(head, held.features)
        losses.append(-np.log(p[np.arange(len(p)), held.frame_class]).mean())
    assert fit_linear_head(training, held, strengths)[1] == strengths[int(np.argmin(losses))]
