"""Probabilities, thresholds and intervals against cases that can be worked out by hand."""

import numpy as np
import pytest
from scipy.special import log_softmax

from spi_viewer.networks.calibration import (
    calibration_error,
    decision_rule,
    fit_temperature,
    probabilities,
    threshold_at_false_positives,
    wilson_interval,
)


def overconfident(temperature: float):
    """Scores `temperature` times too large for the classes drawn from them."""
    generator = np.random.default_rng(0)
    honest = generator.normal(0, 2, (20000, 4))
    p = np.exp(log_softmax(honest, 1))
    frame_class = (generator.random((20000, 1)) > p.cumsum(1)).sum(1).clip(0, 3)
    return honest * temperature, frame_class


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found(temperature):
    logits, frame_class = overconfident(temperature)
    assert fit_temperature(logits, frame_class) == pytest.approx(temperature, rel=0.05)


def test_a_few_frames_that_are_all_told_right_make_nothing_certain():
    logits = np.eye(4)[[0, 1, 2, 3, 0, 1, 0, 2]] * 3.0
    temperature = fit_temperature(logits, logits.argmax(1))
    assert 0.3 < temperature < 1.0
    assert probabilities(logits, temperature).max() < 0.9999


def test_calibration_brings_the_calibration_error_down():
    logits, frame_class = overconfident(3.0)
    before = calibration_error(probabilities(logits, 1.0), frame_class)
    after = calibration_error(
        probabilities(logits, fit_temperature(logits, frame_class)), frame_class
    )
    assert before > 0.1
    assert after < 0.015


def test_scores_of_any_size_give_finite_probabilities():
    p = probabilities(np.array([[1e6, -1e6, 0, 0]]), 0.05)
    assert p.tolist() == [[1, 0, 0, 0]]


def test_the_threshold_admits_no_more_bad_frames_than_allowed():
    generator = np.random.default_rng(1)
    p_good = (0.99 * generator.random(5000)).astype(np.float32).round(2)  # with ties
    is_good = generator.random(5000) < 0.5
    for rate in (0.0, 0.005, 0.1):
        threshold = threshold_at_false_positives(p_good, is_good, rate)
        assert (p_good[~is_good] >= threshold).mean() <= rate
    lower = threshold - 0.011
    assert (p_good[~is_good] >= lower).mean() > 0.1  # no stricter than needed


def test_a_threshold_stays_within_what_a_card_may_hold():
    p_good, is_good = np.array([1, 1, 0.1], np.float32), np.array([False, True, True])
    assert decision_rule(p_good, is_good, 0.0).threshold == 1.0
    easy = decision_rule(np.array([0.9, 0.01], np.float32), np.array([True, False]), 0.005)
    assert (easy.threshold, easy.unsure_low, easy.unsure_high) == pytest.approx((0.5, 0.2, 0.8))


def test_wilson_intervals_are_those_of_the_textbook():
    assert wilson_interval(0, 0) == (0, 1)
    assert wilson_interval(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson_interval(0, 100) == pytest.approx((0, 0.0370), abs=1e-4)
    assert wilson_interval(100, 100)[1] == 1
