import numpy as np
import pytest

from spi_viewer.session.scores import expected_figures, score_histogram


def test_the_histogram_takes_both_ends_and_no_nan():
    edges, counts = score_histogram(np.array([0, 0.24, 0.5, 1.0, np.nan], np.float32), 4)
    assert edges.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert counts.tolist() == [2, 0, 1, 1]


def test_expected_figures_are_means_of_the_calibrated_scores():
    precision, recall = expected_figures(np.array([0.9, 0.7, 0.4, np.nan], np.float32), 0.5)
    assert precision == pytest.approx(0.8)
    assert recall == pytest.approx(0.8)


def test_expected_figures_of_nothing_are_not_a_number():
    assert np.isnan(expected_figures(np.zeros(0, np.float32), 0.5)).all()
    assert np.isnan(expected_figures(np.array([0.2], np.float32), 0.5)[0])


def test_expected_figures_come_true_when_the_scores_are_calibrated():
    rng = np.random.default_rng(0)
    p = rng.random(200_000).astype(np.float32)
    good = rng.random(200_000) < p
    precision, recall = expected_figures(p, 0.6)
    assert precision == pytest.approx(good[p >= 0.6].mean(), abs=0.01)
    assert recall == pytest.approx((good & (p >= 0.6)).sum() / good.sum(), abs=0.01)
