"""Colour maps: dark to bright, and a mask that can be told from every intensity."""

import numpy as np
import pytest

from spi_viewer.gui.colour_maps import (
    COLOUR_MAP_NAMES,
    activation_table,
    colour_table,
    lookup_table,
)


@pytest.mark.parametrize("name", COLOUR_MAP_NAMES)
def test_the_mask_colour_differs_from_every_intensity(name):
    table = lookup_table(name).astype(int)
    distance = np.sqrt(((table[1:] - table[0]) ** 2).sum(axis=1))
    assert distance.min() > 30


@pytest.mark.parametrize("name", COLOUR_MAP_NAMES)
def test_without_the_mask_overlay_invalid_looks_dark(name):
    table = lookup_table(name, show_invalid=False)
    assert tuple(table[0]) == tuple(table[1])


@pytest.mark.parametrize("name", ["viridis", "inferno", "magma", "cividis", "grey"])
def test_brighter_means_more(name):
    red, green, blue = lookup_table(name)[1:].astype(float).T
    brightness = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    assert (np.diff(brightness) > -2).all()
    assert brightness[-1] - brightness[0] > 120


def test_an_unknown_name_gives_the_default():
    np.testing.assert_array_equal(lookup_table("no such map"), lookup_table("viridis"))
    assert len(colour_table("viridis")) == 256


def test_no_activation_is_transparent_and_the_strongest_is_opaque():
    table = activation_table()
    assert table[0] >> 24 == 0
    assert table[255] >> 24 == 255
