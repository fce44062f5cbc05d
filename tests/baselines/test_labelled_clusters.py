"""A few labels name whole clusters, and a cluster without any is not named."""

import numpy as np
import pytest

from spi_viewer.baselines.labelled_clusters import UNLABELLED, few_labels, fit_labelled_clusters
from spi_viewer.frames import FrameClass


@pytest.fixture
def two_groups():
    """Features (200, 6) of two groups, and where the second begins."""
    points = np.random.default_rng(1).normal(size=(200, 6)).astype(np.float32)
    points[100:] += 30
    return points


def test_two_groups_are_told_apart_and_named_by_five_labels(two_groups):
    labels = np.full(200, UNLABELLED)
    labels[[3, 40]] = FrameClass.SINGLE
    labels[[110, 150, 199]] = FrameClass.MULTI
    clusters = fit_labelled_clusters(two_groups, labels, clusters=2)
    likeliest = clusters.judge(two_groups).probabilities.argmax(1)
    assert (likeliest[:100] == FrameClass.SINGLE).all()
    assert (likeliest[100:] == FrameClass.MULTI).all()


def test_the_majority_names_a_cluster_and_the_minority_is_its_doubt(two_groups):
    labels = np.where(np.arange(200) < 100, FrameClass.SINGLE, FrameClass.BLANK)
    labels[:20] = FrameClass.MULTI
    clusters = fit_labelled_clusters(two_groups, labels, clusters=2)
    single, multi = clusters.judge(two_groups[50:51]).probabilities[0, :2]
    assert single == pytest.approx(0.8, abs=0.02)
    assert multi == pytest.approx(0.2, abs=0.02)


def test_one_vote_is_not_a_certainty(two_groups):
    labels = np.full(200, UNLABELLED)
    labels[0], labels[100] = FrameClass.SINGLE, FrameClass.MULTI
    clusters = fit_labelled_clusters(two_groups, labels, clusters=2)
    likeliest = clusters.judge(two_groups).probabilities
    assert 0.5 < likeliest[0, FrameClass.SINGLE] < 0.8


def test_a_cluster_without_labels_has_the_proportions_of_all(two_groups):
    labels = np.full(200, UNLABELLED)
    labels[:30], labels[30:40] = FrameClass.SINGLE, FrameClass.MULTI
    clusters = fit_labelled_clusters(two_groups, labels, clusters=2)
    single, multi = clusters.judge(two_groups[150:]).probabilities[:, :2].T
    assert single == pytest.approx(0.75, abs=0.02)
    assert multi == pytest.approx(0.25, abs=0.02)


def test_probabilities_add_up_to_one(two_groups):
    labels = np.arange(200) % 4
    judged = fit_labelled_clusters(two_groups, labels).judge(two_groups * 1.1)
    assert judged.probabilities.sum(1) == pytest.approx(1, abs=1e-5)
    assert (judged.probabilities > 0).all()


def test_few_frames_make_few_clusters():
    points = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    assert len(fit_labelled_clusters(points, np.zeros(9, int), clusters=32).centres) == 2


def test_copies_of_one_frame_are_one_cluster_and_no_error():
    clusters = fit_labelled_clusters(np.ones((40, 3), np.float32), np.zeros(40, int))
    judged = clusters.judge(np.ones((2, 3), np.float32))
    assert np.isfinite(judged.probabilities).all()


def test_only_so_many_labels_of_each_class_are_kept():
    frame_class = np.repeat([0, 1, 3, UNLABELLED], [50, 3, 20, 10])
    kept = few_labels(frame_class, per_class=5)
    assert [int((kept == one).sum()) for one in (0, 1, 3)] == [5, 3, 5]
    assert (kept[kept != UNLABELLED] == frame_class[kept != UNLABELLED]).all()
    assert not np.array_equal(kept, few_labels(frame_class, per_class=5, seed=1))
