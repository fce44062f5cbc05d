import numpy as np
import pytest

from spi_viewer.sources.pixel_masks import MaskConvention, sentinel_mask, valid_from_bits


@pytest.mark.parametrize("bit", [0, 2048, 8192, 16384, 2048 | 8192 | 16384])
def test_information_bits_of_cxi_exclude_nothing(bit):
    mask = np.full((2, 2), bit, dtype=np.uint16)
    assert valid_from_bits(mask, MaskConvention.CXI).all()


@pytest.mark.parametrize("bit", [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 32768])
@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.int32, np.int64])
def test_problem_bits_of_cxi_exclude_the_pixel(bit, dtype):
    mask = np.array([[0, bit | 2048]], dtype=dtype)
    assert valid_from_bits(mask, MaskConvention.CXI).tolist() == [[True, False]]


def test_any_bit_excludes_a_pixel_of_the_european_xfel():
    mask = np.array([[0, 1 << 11, 1 << 16, 0xFFFFFFFF]], dtype=np.uint32)
    assert valid_from_bits(mask, MaskConvention.ANY_BIT).tolist() == [[True, False, False, False]]


def test_high_bits_of_a_nexus_mask_exclude_nothing():
    mask = np.array([[0, 1, 16, 128, 256, 1 << 31, (1 << 31) | 4]], dtype=np.uint32)
    expected = [[True, False, False, False, True, True, False]]
    assert valid_from_bits(mask, MaskConvention.NEXUS).tolist() == expected


def test_negative_fill_value_excludes_the_pixel():
    mask = np.array([[0, -1]], dtype=np.int32)
    for convention in (MaskConvention.CXI, MaskConvention.NEXUS, MaskConvention.ANY_BIT):
        assert valid_from_bits(mask, convention).tolist() == [[True, False]]


def test_mask_of_unknown_sense_marks_the_minority():
    mostly_ones = np.ones((4, 4), dtype=np.uint8)
    mostly_ones[0, 0] = 0
    for mask in (mostly_ones, mostly_ones.astype(bool), 1 - mostly_ones):
        valid = valid_from_bits(mask, MaskConvention.POLARITY_BY_MAJORITY)
        assert valid.sum() == 15
        assert not valid[0, 0]


def test_nan_and_infinity_are_no_measurements():
    pixels = np.array([[0.0, np.nan, np.inf, -np.inf, -1.0, 65535.0]], dtype=np.float32)
    assert sentinel_mask(pixels).tolist() == [[True, False, False, False, True, True]]


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.uint64])
def test_largest_unsigned_value_is_a_gap(dtype):
    pixels = np.array([[0, 7, np.iinfo(dtype).max]], dtype=dtype)
    assert sentinel_mask(pixels).tolist() == [[True, True, False]]


def test_largest_value_of_eight_bits_is_an_ordinary_pixel():
    assert sentinel_mask(np.array([[0, 255]], dtype=np.uint8)).all()


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
def test_gaps_of_a_photon_counting_detector_are_no_measurements(dtype):
    pixels = np.random.default_rng(0).poisson(0.3, (64, 64)).astype(dtype)
    pixels[20:24] = -1
    pixels[40, 10] = -2
    valid = sentinel_mask(pixels)
    assert not valid[20:24].any()
    assert not valid[40, 10]
    assert valid.sum() == 64 * 64 - 4 * 64 - 1


@pytest.mark.parametrize("sigma", [0.6, 1.0, 5.0])
@pytest.mark.parametrize("dtype", [np.int16, np.int32])
def test_negative_noise_of_a_corrected_detector_is_a_measurement(sigma, dtype):
    noise = np.random.default_rng(1).normal(0, sigma, (128, 128))
    pixels = np.rint(noise).astype(dtype)
    assert (pixels < 0).any()
    assert sentinel_mask(pixels).all()


def test_frame_of_nothing_but_gaps_has_no_valid_pixel():
    for value, dtype in ((-1, np.int16), (-1, np.int32), (65535, np.uint16), (np.nan, "f4")):
        assert not sentinel_mask(np.full((8, 8), value, dtype=dtype)).any()


def test_smallest_signed_value_is_a_gap_beside_negative_noise():
    pixels = np.array([[-40, -1, 12, np.iinfo(np.int32).min]], dtype=np.int32)
    assert sentinel_mask(pixels).tolist() == [[True, True, True, False]]
