from __future__ import annotations

import numpy as np
import pytest

from spi_viewer.preprocessing.centering import find_center


def fringes(shape, center, photons=4e4, seed=0, frames=4):
    """Poisson patterns of an ellipsoidal particle about `center`."""
    y, x = np.indices(shape, dtype=float)
    r = np.hypot((y - center[0]) * 1.2, x - center[1]) * 60 / min(shape) + 1e-6
    pattern = (3 * (np.sin(r) - r * np.cos(r)) / r**3) ** 2 + 1e-4
    rng = np.random.default_rng(seed)
    return rng.poisson(pattern / pattern.sum() * photons, (frames, *shape))


@pytest.mark.parametrize("center", [(127.5, 127.5), (110.0, 140.0), (150.3, 99.8)])
def test_the_centre_of_fringes_is_found_within_a_network_pixel(center):
    frames = fringes((256, 256), center)
    found = find_center(frames, np.ones((256, 256), bool)) or (127.5, 127.5)
    assert found == pytest.approx(center, abs=2)


def test_a_beam_stop_with_its_arm_and_a_gap_do_not_mislead():
    center = (118.0, 136.0)
    frames = fringes((256, 256), center, photons=4e5)
    y, x = np.indices((256, 256))
    valid = np.hypot(y - center[0], x - center[1]) > 14
    valid[120:, 130:140] = False
    valid[96:104] = False
    frames[:, ~valid] = 65535
    assert find_center(frames, valid) == pytest.approx(center, abs=2)


def test_large_frames_are_found_as_well():
    frames = fringes((1024, 1024), (540.0, 480.0), photons=1e6, frames=2)
    assert find_center(frames, np.ones((1024, 1024), bool)) == pytest.approx((540, 480), abs=8)


@pytest.mark.parametrize("value", [3000.0, 16383.0, 1e20])
def test_a_hot_pixel_that_no_mask_names_is_not_the_centre(value):
    frames = fringes((256, 256), (134.0, 122.0), photons=2e3, frames=16).astype(np.float32)
    frames[:, 100, 150] = value
    found = find_center(frames, np.ones((256, 256), bool))
    assert found == pytest.approx((134.0, 122.0), abs=2)


def test_a_hot_pixel_alone_is_no_centre():
    frames = np.random.default_rng(3).poisson(3, (4, 200, 200))
    frames[:, 80, 120] = 3000
    assert find_center(frames, np.ones((200, 200), bool)) is None


@pytest.mark.parametrize("level", [0, 3])
def test_frames_without_a_pattern_have_no_centre(level):
    frames = np.random.default_rng(3).poisson(level, (4, 200, 200))
    assert find_center(frames, np.ones((200, 200), bool)) is None


def test_frames_without_valid_pixels_have_no_centre():
    assert find_center(np.full((2, 90, 90), np.nan), np.zeros((90, 90), bool)) is None
