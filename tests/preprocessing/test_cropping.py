from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_viewer.frames import Crop
from spi_viewer.preprocessing.cropping import bin_and_crop, default_crop, thumbnail


def everything_valid(shape):
    return np.ones(shape, bool)


@pytest.mark.parametrize("shape", [(64, 64), (65, 65), (128, 128), (260, 257), (516, 1554)])
def test_the_default_crop_covers_the_shorter_side(shape):
    crop = default_crop(shape)
    assert 0.5 * min(shape) < crop.side_px <= min(shape)


@pytest.mark.parametrize("side", [64, 65, 100, 128, 200, 256, 1024])
def test_a_flat_frame_stays_flat(side):
    crop = default_crop((side, side))
    counts, valid = bin_and_crop(np.full((side, side), 3), everything_valid((side, side)), crop)
    assert valid[2:-2, 2:-2].all()
    np.testing.assert_allclose(counts[valid], 3 * crop.scale**2, rtol=1e-5)


def test_binning_keeps_every_photon():
    rng = np.random.default_rng(1)
    pixels = rng.poisson(2.0, (1024, 1024)).astype(np.uint16)
    counts, _ = bin_and_crop(pixels, everything_valid(pixels.shape), default_crop(pixels.shape))
    assert counts.sum() == pixels.sum()


def test_one_pixel_lands_in_its_bin():
    pixels = np.zeros((256, 256), np.int32)
    pixels[20, 31] = 5
    counts, _ = bin_and_crop(pixels, everything_valid(pixels.shape), default_crop(pixels.shape))
    assert counts[10, 15] == 5
    assert counts.sum() == 5


def test_missing_pixels_are_made_up_for_and_mostly_missing_bins_are_not_valid():
    pixels = np.full((256, 256), 2.0)
    valid = everything_valid(pixels.shape)
    valid[0, 0] = False
    valid[10:12, 10] = valid[10, 11] = False
    pixels[~valid] = np.nan
    counts, seen = bin_and_crop(pixels, valid, default_crop(pixels.shape))
    assert counts[0, 0] == pytest.approx(8)
    assert not seen[5, 5]
    assert counts[5, 5] == 0
    assert np.isfinite(counts).all()


def test_outside_of_the_frame_nothing_is_valid():
    pixels = np.ones((128, 128), np.uint8)
    counts, valid = bin_and_crop(pixels, everything_valid(pixels.shape), Crop(0.0, 0.0, 1.0))
    assert not valid[:63].any()
    assert valid[64:, 64:].all()
    assert counts[~valid].sum() == 0


@settings(max_examples=40, deadline=None)
@given(
    side=st.integers(64, 300),
    y=st.floats(-400, 700),
    x=st.floats(-400, 700),
    scale=st.sampled_from([0.5, 0.77, 1.0, 2.0, 3.0, 9.0]),
    dtype=st.sampled_from([np.uint8, np.int16, np.uint32, np.float16, np.float64, ">i4"]),
)
def test_any_crop_of_any_type_gives_finite_network_sized_counts(side, y, x, scale, dtype):
    pixels = (np.arange(side * side) % 1000).reshape(side, side).astype(dtype)
    valid = np.isfinite(pixels.astype(np.float64))
    counts, seen = bin_and_crop(pixels, valid, Crop(y, x, scale))
    assert counts.shape == seen.shape == (128, 128)
    assert counts.dtype == np.float32
    assert np.isfinite(counts).all()
    assert (counts[~seen] == 0).all()


@pytest.mark.parametrize("fill", [np.inf, np.nan, 1e300, -3.4e38])
def test_fill_values_are_never_intensity(fill):
    pixels = np.ones((256, 256))
    pixels[:2, :2] = fill
    counts, valid = bin_and_crop(pixels, everything_valid(pixels.shape), default_crop((256, 256)))
    assert not valid[0, 0]
    assert (counts[valid] == 4).all()


def test_a_thumbnail_is_zero_only_where_nothing_is_valid():
    counts = np.random.default_rng(0).poisson(5, (128, 128)).astype(np.float32)
    valid = everything_valid(counts.shape)
    valid[:20] = False
    picture = thumbnail(np.where(valid, counts, 0).astype(np.float32), valid)
    assert (picture[:10] == 0).all()
    assert (picture[10:] > 0).all()


def test_a_thumbnail_of_nothing_is_dark():
    nothing = np.zeros((128, 128), np.float32)
    assert not thumbnail(nothing, np.zeros((128, 128), bool)).any()
