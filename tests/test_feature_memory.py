"""Features of the newest frames, and their plane."""

import numpy as np
import pytest

from spi_viewer.feature_memory import FeatureMemory, principal_plane


def features(count, seed=0, width=8):
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


def test_the_newest_frames_are_remembered_with_their_rows():
    memory = FeatureMemory(most_frames=10)
    values = features(16)
    memory.add("a", np.arange(8), values[:8])
    memory.add("a", np.arange(8, 16), values[8:])
    rows, kept = memory.snapshot()
    assert sorted(rows) == list(range(6, 16))
    np.testing.assert_allclose(kept[np.argsort(rows)], values[6:], atol=2e-3)
    assert memory.added == 16


@pytest.mark.parametrize(("model", "width"), [("b", 8), ("a", 5)])
def test_features_of_another_model_are_not_mixed_in(model, width):
    memory = FeatureMemory()
    memory.add("a", np.arange(4), features(4))
    memory.add(model, np.arange(4, 6), features(2, width=width))
    rows, kept = memory.snapshot()
    assert rows.tolist() == [4, 5]
    assert kept.shape == (2, width)


def test_a_batch_larger_than_the_memory_leaves_its_end():
    memory = FeatureMemory(most_frames=4)
    memory.add("a", np.arange(9), features(9))
    assert sorted(memory.snapshot()[0]) == [5, 6, 7, 8]


def test_clusters_stay_apart_in_the_plane():
    values = features(300, width=64)
    values[:100, :20] += 6
    values[100:200, 20:40] += 6
    plane = principal_plane(values)
    centres = np.array([plane[n : n + 100].mean(axis=0) for n in (0, 100, 200)])
    spread = max(plane[n : n + 100].std(axis=0).max() for n in (0, 100, 200))
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.linalg.norm(centres[one] - centres[other]) > 3 * spread


def test_the_plane_does_not_flip_while_a_run_grows():
    values = features(400, seed=3)
    values[:, 1:4] += 3 * features(400, seed=4, width=1)
    values[:, 4:6] += 2 * features(400, seed=5, width=1)
    early, late = principal_plane(values[:300]), principal_plane(values)[:300]
    for axis in (0, 1):
        assert np.corrcoef(early[:, axis], late[:, axis])[0, 1] > 0.9


@pytest.mark.parametrize("shape", [(0, 8), (1, 8), (5, 8), (5, 1), (3, 0)])
@pytest.mark.parametrize("value", [1, np.nan, np.inf])
def test_a_plane_of_nothing_in_particular_is_finite(shape, value):
    plane = principal_plane(np.full(shape, value, np.float32))
    assert plane.shape == (shape[0], 2)
    assert np.isfinite(plane).all()
