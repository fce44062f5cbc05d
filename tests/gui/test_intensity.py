"""Levels come from all valid pixels, and only from those."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from spi_viewer.gui.intensity import IntensityScale, Levels, Transform
from spi_viewer.gui.quantisation import lay_on_axis

COUNT_SCALES = (IntensityScale.LINEAR, IntensityScale.SQRT, IntensityScale.LOG)


def everywhere(pixels):
    return np.ones(pixels.shape, bool)


def photons(side=256, seed=0):
    return np.random.default_rng(seed).poisson(3.0, (side, side)).astype(np.int32)


@pytest.mark.parametrize("sentinel", [65535, 4294967295, -1, -2])
def test_masked_sentinels_leave_the_levels_alone(sentinel):
    clean = photons().astype(np.int64)
    valid = everywhere(clean)
    valid[:, 100:140] = False
    expected = lay_on_axis(clean, valid, IntensityScale.LOG).auto_levels
    dirty = clean.copy()
    dirty[~valid] = sentinel
    assert lay_on_axis(dirty, valid, IntensityScale.LOG).auto_levels == expected


def test_nan_infinity_and_fill_values_are_invalid_even_if_the_mask_forgot_them():
    pixels = photons().astype(np.float32)
    expected = lay_on_axis(pixels, everywhere(pixels), IntensityScale.LINEAR).auto_levels
    pixels[0, :5] = (np.nan, np.inf, -np.inf, 9.96921e36, -3.4028235e38)
    laid = lay_on_axis(pixels, everywhere(pixels), IntensityScale.LINEAR)
    assert laid.auto_levels == expected
    assert list(laid.copies[0][0, :5]) == [0] * 5


def test_a_single_photon_on_a_megapixel_is_bright():
    pixels = np.zeros((1024, 1024), np.uint16)
    pixels[700, 301] = 1  # between the pixels that a sampled estimate would look at
    for scale in COUNT_SCALES:
        laid = lay_on_axis(pixels, everywhere(pixels), scale)
        table = laid.level_table(laid.auto_levels)
        assert table[laid.copies[0][700, 301]] == 255
        assert table[laid.copies[0][0, 0]] == 1


def test_no_bright_pixel_is_lost_in_the_smaller_copies():
    pixels = np.zeros((1023, 517), np.float32)
    pixels[1022, 516] = 9.0
    laid = lay_on_axis(pixels, everywhere(pixels), IntensityScale.SQRT)
    assert len(laid.copies) == 3
    for copy in laid.copies:
        assert copy.max() == copy[-1, -1] == laid.copies[0].max()


def test_an_invalid_pixel_never_hides_a_valid_neighbour():
    pixels = np.full((512, 512), 5, np.uint16)
    valid = everywhere(pixels)
    valid[::2] = False
    laid = lay_on_axis(pixels, valid, IntensityScale.LINEAR)
    assert (laid.copies[1] > 0).all()


def test_a_few_hot_pixels_do_not_darken_the_pattern():
    pixels = photons(512)
    pixels[7, 7:12] = 4_000_000_000 % 2**31
    levels = lay_on_axis(pixels, everywhere(pixels), IntensityScale.LINEAR).auto_levels
    assert levels.high < 30


def test_negative_noise_is_black_on_the_log_scale_and_zeros_are_drawn():
    pixels = np.random.default_rng(0).normal(0, 1, (128, 128)).astype(np.float32)
    pixels[60:68, 60:68] = 1000
    laid = lay_on_axis(pixels, everywhere(pixels), IntensityScale.LOG)
    indices = laid.level_table(laid.auto_levels)[laid.copies[0]]
    assert laid.auto_levels.low == 0
    assert (indices[pixels < 0] == 1).all()
    assert (indices >= 1).all()


def test_locked_levels_mean_the_same_for_every_frame():
    locked = Levels(2.0, 50.0)
    for peak in (10, 1000):
        pixels = np.linspace(0, peak, 128 * 128).reshape(128, 128).astype(np.float32)
        laid = lay_on_axis(pixels, everywhere(pixels), IntensityScale.LINEAR, locked)
        indices = laid.level_table(locked)[laid.copies[0]].astype(float)
        shown = (pixels > 3) & (pixels < min(49, peak))
        expected = 1 + 254 * (pixels - 2) / 48
        assert np.abs(indices - expected)[shown].max() <= 1.01


def test_the_histogram_counts_every_valid_pixel_once():
    pixels = photons()
    valid = everywhere(pixels)
    valid[:20] = False
    laid = lay_on_axis(pixels, valid, IntensityScale.SQRT)
    assert laid.histogram.sum() == valid.sum()


def test_a_frame_without_a_valid_pixel_is_all_invalid():
    pixels = photons()
    laid = lay_on_axis(pixels, np.zeros(pixels.shape, bool), IntensityScale.LOG)
    assert not laid.copies[0].any()
    assert laid.auto_levels.high > laid.auto_levels.low


@pytest.mark.parametrize(
    "dtype", ["?", "i1", "u1", "i2", "u2", ">i2", ">f4", "i8", "u8", "f2", "f8", "c8"]
)
def test_every_numeric_type_is_laid_in_order_of_its_values(dtype):
    values = np.array([[0, 1, 1, 1], [0, 0, 1, 1]]).astype(dtype)
    laid = lay_on_axis(values, everywhere(values), IntensityScale.LINEAR)
    indices = laid.level_table(laid.auto_levels)[laid.copies[0]]
    assert set(indices[values == 0]) == {1}
    assert set(indices[values == 1]) == {255}


def test_signed_16_bit_values_keep_their_order():
    values = np.array([[-5, -1, 0, 3, 300, 4095]], np.int16)
    laid = lay_on_axis(values, everywhere(values), IntensityScale.LINEAR)
    assert (np.diff(laid.copies[0][0].astype(int)) >= 0).all()


def test_the_callers_pixels_are_not_changed():
    pixels = photons().astype(np.float32)
    before = pixels.copy()
    lay_on_axis(pixels, everywhere(pixels), IntensityScale.LINEAR)
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("scale", COUNT_SCALES)
@given(value=st.floats(-1e6, 1e6))
def test_a_transform_can_be_undone(scale, value):
    transform = Transform(scale)
    back = transform.value(transform.position(value))
    assert math.isclose(back, value, rel_tol=1e-6, abs_tol=1e-6)


@settings(max_examples=150, deadline=None)
@given(
    pixels=npst.arrays(
        st.sampled_from([np.float32, np.float64, np.int32, np.uint64, np.int16]),
        npst.array_shapes(min_dims=2, max_dims=2, max_side=12),
    ),
    scale=st.sampled_from(list(IntensityScale)),
)
def test_any_frame_can_be_shown(pixels, scale):
    laid = lay_on_axis(pixels, everywhere(pixels), scale)
    table = laid.level_table(laid.auto_levels)
    assert table[0] == 0
    measured = np.abs(pixels.astype(float)) < 1e30
    assert (table[laid.copies[0]][measured] >= 1).all()
    assert not laid.copies[0][~measured].any()


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16])
def test_levels_do_not_depend_on_the_type_that_holds_the_values(dtype):
    random = np.random.default_rng(3)
    pixels = np.clip(random.gamma(0.6, 8, (200, 300)) - 3, -3, 120).astype(dtype)
    for scale in COUNT_SCALES:
        narrow = lay_on_axis(pixels, everywhere(pixels), scale)
        wide = lay_on_axis(pixels.astype(np.int64), everywhere(pixels), scale)
        assert narrow.auto_levels == wide.auto_levels
        assert narrow.axis == wide.axis
