"""Features of the newest frames."""

import numpy as np
import pytest

from spi_viewer.feature_memory import FeatureMemory


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
