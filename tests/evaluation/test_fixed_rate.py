from __future__ import annotations

import numpy as np
import pytest

from spi_viewer.evaluation.fixed_rate import lost_at
from spi_viewer.networks.measurement import false_negatives_at


def test_the_threshold_admits_the_share_and_no_more(many_answers) -> None:
    every = np.ones(len(many_answers), bool)
    for rate in (0.005, 0.01, 0.05):
        found = lost_at(many_answers, rate, {"all": every})["all"]
        expected = false_negatives_at(
            many_answers.p_good.astype(np.float32), many_answers.is_good, rate
        )
        assert found.value == pytest.approx(expected)
        assert found.low <= found.value <= found.high


def test_each_part_has_its_own_rate_at_one_threshold(answers) -> None:
    frame_class = [0, 0, 0, 0, 1, 1, 1, 1]
    scores = answers([0.9, 0.8, 0.3, 0.2, 0.5, 0.1, 0.1, 0.1], frame_class)
    high = np.array([True, True] + [False] * 6)
    found = lost_at(scores, 0.0, {"high": high, "low": ~high})
    assert found["high"].value == 0
    assert found["low"].value == 1


def test_few_bad_frames_make_wide_intervals(answers) -> None:
    random = np.random.default_rng(0)
    widths = []
    for bad in (20, 2000):
        score = np.concatenate([random.uniform(0.3, 1, 1000), random.uniform(0, 0.7, bad)])
        few = answers(score, [0] * 1000 + [1] * bad)
        found = lost_at(few, 0.05, {"all": np.ones(len(few), bool)})["all"]
        widths.append(found.high - found.low)
    assert widths[0] > 3 * widths[1]


def test_without_bad_frames_nothing_is_known(answers) -> None:
    only_good = answers([0.9, 0.8], [0, 0])
    assert not lost_at(only_good, 0.01, {"all": np.ones(2, bool)})["all"].is_known


def test_a_part_without_good_frames_is_unknown(answers) -> None:
    frames = answers([0.9, 0.1], [0, 1])
    assert not lost_at(frames, 0.01, {"none": np.array([False, True])})["none"].is_known
