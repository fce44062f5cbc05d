"""Small maps as pictures."""

import numpy as np
import pytest

from spi_viewer.gui.map_pictures import (
    indices_of,
    picture_of_map,
    picture_with_activation,
    tile_columns,
)


def test_each_map_is_stretched_by_itself():
    ramp = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    indices = indices_of(np.stack([ramp, 1000 * ramp - 5]))
    np.testing.assert_allclose(indices[0].astype(int), indices[1], atol=1)
    assert indices.min() == 1
    assert indices.max() == 255


def test_unknown_values_are_index_zero_and_spoil_nothing():
    values = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    values[0, 0] = np.nan
    indices = indices_of(values)
    assert indices[0, 0] == 0
    assert (indices.ravel()[1:] >= 1).all()


@pytest.mark.parametrize("constant", [0.0, -3.0, 1e30])
def test_a_constant_map_is_no_problem(constant):
    assert (indices_of(np.full((4, 4), constant)) == 1).all()


@pytest.mark.parametrize(
    ("count", "width", "height", "columns"),
    [(16, 320, 80, 8), (64, 300, 300, 8), (1, 300, 100, 1), (32, 320, 160, 8), (0, 10, 10, 1)],
)
def test_tiles_are_as_large_as_they_can_be(count, width, height, columns):
    assert tile_columns(count, width, height) == columns


def test_pictures_have_the_size_of_the_map(qapp):
    values = np.random.default_rng(0).normal(size=(128, 64)).astype(np.float32)
    for picture in (picture_of_map(values, "viridis"), picture_with_activation(values, values)):
        assert (picture.width(), picture.height()) == (64, 128)
