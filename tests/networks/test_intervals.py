from __future__ import annotations

import math

import numpy as np
import pytest

from spi_viewer.networks.intervals import (
    area_under_curve,
    balanced_accuracy,
    bootstrap,
    rate,
    share,
)


def test_a_rate_has_wilsons_interval() -> None:
    # E. B. Wilson, JASA 22, 209 (1927), as tabulated by any statistics package for 1 of 10.
    estimate = rate(1, 10)
    assert estimate.value == 0.1
    assert estimate.low == pytest.approx(0.0179, abs=1e-4)
    assert estimate.high == pytest.approx(0.4042, abs=1e-4)


def test_a_rate_without_trials_is_unknown() -> None:
    assert not rate(0, 0).is_known
    assert not share(np.array([True]), np.array([False]), np.array([0])).is_known


def test_views_of_one_event_count_as_one() -> None:
    selected, of = np.array([True] * 30 + [False] * 10), np.ones(40, bool)
    apart = share(selected, of, np.arange(40))
    together = share(selected, of, np.repeat(np.arange(10), 4))
    assert apart == share(selected, of)
    assert together.value == apart.value == 0.75
    assert (together.low, together.high) == pytest.approx(
        (rate(7.5, 10).low, rate(7.5, 10).high), abs=1e-12
    )


def test_one_large_event_says_less_than_even_ones() -> None:
    selected, of = np.arange(40) % 2 == 0, np.ones(40, bool)
    even = share(selected, of, np.repeat(np.arange(10), 4))
    uneven = share(selected, of, np.array([0] * 31 + list(range(1, 10))))
    assert uneven.high - uneven.low > even.high - even.low


def test_a_bootstrap_by_group_is_wider_than_by_frame() -> None:
    random = np.random.default_rng(0)
    truth = np.repeat(random.random(30) < 0.5, 20)
    score = truth + np.repeat(random.normal(0, 1, 30), 20)
    by_frame = area_under_curve(score, truth)
    by_group = area_under_curve(score, truth, np.repeat(np.arange(30), 20))
    assert by_group.value == by_frame.value
    assert by_group.high - by_group.low > 2 * (by_frame.high - by_frame.low)


def test_a_bootstrap_covers_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(3)
    covered = 0
    for number in range(60):
        good = random.random(80) < 0.5
        called = np.where(random.random(80) < 0.8, good, ~good)
        estimate = balanced_accuracy(called, good, seed=number)
        covered += estimate.low <= 0.8 <= estimate.high
    assert covered >= 54


def test_a_faultless_handful_is_not_certain() -> None:
    good = np.array([True] * 4 + [False] * 4)
    estimate = balanced_accuracy(good, good)
    assert estimate.value == estimate.high == 1
    assert estimate.low < 0.8


def test_balanced_accuracy_does_not_care_how_many_are_good() -> None:
    good = np.array([True] * 10 + [False] * 90)
    called = np.array([True] * 5 + [False] * 95)
    assert balanced_accuracy(called, good).value == 0.75
    assert not balanced_accuracy(called, np.ones(100, bool)).is_known


def test_the_same_seed_gives_the_same_interval() -> None:
    score, truth = np.random.default_rng(2).random(50), np.arange(50) % 3 == 0
    assert area_under_curve(score, truth, seed=4) == area_under_curve(score, truth, seed=4)


def test_a_statistic_that_needs_both_kinds_is_unknown_without() -> None:
    assert math.isnan(area_under_curve(np.ones(5), np.ones(5, bool)).value)
    mean = bootstrap(
        lambda s, _, w: float((s * w).sum() / w.sum()),
        np.ones(5),
        np.ones(5, bool),
        needs_both=False,
    )
    assert mean.value == 1
