"""Figures against frames counted by hand."""

import json

import numpy as np
import pytest
import torch

from spi_viewer.frames import FrameClass
from spi_viewer.networks.classifier import Classifier
from spi_viewer.networks.measurement import (
    average_precision,
    error_rates,
    false_negatives_about,
    false_negatives_at,
    figures,
    measure,
)


def test_error_rates_count_good_called_bad_and_bad_called_good():
    p_good = np.array([0.9, 0.8, 0.2, 0.6, 0.1, 0.5])
    is_good = np.array([True, True, True, False, False, False])
    rates = error_rates(p_good, is_good, 0.5)
    assert rates["false_negatives"] == pytest.approx(1 / 3)
    assert rates["false_positives"] == pytest.approx(2 / 3)
    assert rates["accuracy"] == pytest.approx(0.5)
    low, high = rates["false_negatives_95"]
    assert low < 1 / 3 < high


def test_rates_of_no_frames_are_unknown_rather_than_zero():
    rates = error_rates(np.array([0.9]), np.array([True]), 0.5)
    assert rates["false_positives"] is None
    assert rates["false_negatives"] == 0


def test_average_precision_of_a_ranking_worked_out_by_hand():
    score = np.array([0.9, 0.8, 0.7, 0.6])
    assert average_precision(score, np.array([True, False, True, False])) == pytest.approx(5 / 6)
    assert average_precision(score, np.array([True, True, False, False])) == 1
    assert average_precision(np.zeros(4), np.array([True, False, False, False])) == 0.25


def test_false_negatives_are_taken_at_the_allowed_false_positives():
    p_good = np.concatenate([np.linspace(0.9, 1, 100), np.linspace(0, 0.95, 200)])
    is_good = np.arange(300) < 100
    strict, loose = (false_negatives_at(p_good, is_good, rate) for rate in (0.0, 0.05))
    assert strict == pytest.approx(0.5, abs=0.01)
    assert loose <= 0.03


def test_models_are_compared_at_more_than_one_rate_of_false_positives():
    is_good = np.arange(1200) < 200
    random = np.random.default_rng(0)
    better = random.normal(np.where(is_good, 3.0, 0.0), 1.0)
    worse = random.normal(np.where(is_good, 2.5, 0.0), 1.0)
    rate = 0.005
    assert false_negatives_about(better, is_good, rate) < false_negatives_about(
        worse, is_good, rate
    )
    at = [false_negatives_at(better, is_good, factor * rate) for factor in (0.5, 1.0, 2.0)]
    assert false_negatives_about(better, is_good, rate) == pytest.approx(sum(at) / 3)
    assert at[0] > at[1] > at[2]


def test_good_frames_that_no_threshold_tells_from_bad_ones_are_lost():
    is_good = np.arange(20) < 10
    assert false_negatives_at(np.ones(20, np.float32), is_good, 0.005) == 1.0
    assert false_negatives_at(np.ones(20, np.float32), is_good, 1.0) == 0.0


def test_figures_keep_families_and_photon_ranges_apart():
    frame_class = np.array([FrameClass.SINGLE, FrameClass.SINGLE, FrameClass.MULTI] * 20)
    probability = np.zeros((60, 4))
    probability[:, FrameClass.SINGLE] = np.tile([0.9, 0.1, 0.2], 20)
    probability[:, FrameClass.MULTI] = 1 - probability[:, 0]
    photons = np.tile([5000.0, 100.0, 5000.0], 20)
    family = ["torus" if p < 1000 else "sphere" for p in photons]
    result = figures(probability, frame_class, photons, family, 0.5)
    assert result["all"]["false_negatives"] == 0.5
    assert result["above_3000_photons"]["false_negatives"] == 0
    assert result["by_family"]["torus"]["false_negatives"] == 1
    assert result["by_family"]["sphere"]["accuracy"] == 1
    assert sum(part["good"] + part["bad"] for part in result["by_photon_decile"]) == 60
    assert result["confusion"][FrameClass.SINGLE][FrameClass.MULTI] == 20
    json.dumps(result, allow_nan=False)


def test_a_classifier_is_measured_on_batches_of_any_sort(untrained, toy_batch):
    classifier = Classifier(untrained, torch.device("cpu"))
    batches = [toy_batch(seed, 8) for seed in range(3)]
    result = measure(classifier, iter(batches))
    assert result["frames"] == 24
    assert result["threshold"] == classifier.rule.threshold
    json.dumps(result, allow_nan=False)
