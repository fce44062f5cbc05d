from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from spi_viewer.networks.curves import operating_curve, reliability


@pytest.fixture
def scored() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    truth = random.random(400) < 0.3
    return np.round(random.normal(truth.astype(float), 0.8), 1), truth  # rounded: with ties


def test_the_area_is_the_chance_that_a_good_frame_scores_above_a_bad_one(scored) -> None:
    score, truth = scored
    assert operating_curve(score, truth).area == pytest.approx(roc_auc_score(truth, score))


def test_average_precision_at_the_sets_own_prevalence(scored) -> None:
    score, truth = scored
    found = operating_curve(score, truth).average_precision(truth.mean())
    assert found == pytest.approx(average_precision_score(truth, score))


def test_precision_at_another_prevalence_is_that_of_a_set_composed_so(scored) -> None:
    score, truth = scored
    weights = np.where(truth, 0.02 / truth.mean(), 0.98 / (1 - truth.mean()))
    found = operating_curve(score, truth).average_precision(0.02)
    assert found == pytest.approx(average_precision_score(truth, score, sample_weight=weights))


def test_weights_count_frames_more_than_once(scored) -> None:
    score, truth = scored
    weights = np.arange(400) % 3
    repeated = operating_curve(np.repeat(score, weights), np.repeat(truth, weights))
    weighted = operating_curve(score, truth, weights)
    assert weighted.area == pytest.approx(repeated.area)


def test_the_place_of_a_threshold_is_what_it_calls_good(scored) -> None:
    score, truth = scored
    curve = operating_curve(score, truth)
    for threshold in (-5.0, 0.3, 0.35, 9.0):
        at = curve.place_of(threshold)
        assert curve.recall[at] == pytest.approx((score[truth] >= threshold).mean())
        assert curve.false_positives[at] == pytest.approx((score[~truth] >= threshold).mean())


def test_recall_at_a_share_of_bad_frames_let_in() -> None:
    curve = operating_curve(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False]))
    assert curve.recall_at(0.0) == 0.5
    assert curve.recall_at(0.5) == 1.0


def test_no_curve_of_one_kind() -> None:
    with pytest.raises(ValueError, match="good and bad"):
        operating_curve(np.ones(3), np.ones(3, bool))


def test_calibration_error_is_the_mean_gap() -> None:
    said = np.array([0.95] * 10 + [0.05] * 10)
    happened = np.array([True] * 8 + [False] * 2 + [False] * 10)
    diagram = reliability(said, happened)
    assert diagram.error == pytest.approx((0.15 + 0.05) / 2)
    assert diagram.frames.tolist() == [10, 10]
    assert diagram.happened.tolist() == [0.0, 0.8]


def test_what_means_what_it_says_has_hardly_an_error() -> None:
    random = np.random.default_rng(0)
    said = random.random(50_000)
    assert reliability(said, random.random(50_000) < said).error < 0.01
