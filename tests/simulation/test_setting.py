"""Sizes and backgrounds that hits are drawn with."""

import pytest
import torch

from spi_viewer.simulation.detector import DETECTORS
from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.setting import draw_setting

REAL = [preset for preset in DETECTORS.values() if preset.nuisances]
FRAMES = 2000


def setting(side_px, presets=REAL, photons=1e4):
    chosen = [presets[i % len(presets)] for i in range(FRAMES)]
    return draw_setting(torch.full((FRAMES,), photons), chosen, side_px, Draw(5))


@pytest.mark.parametrize(("side_px", "finest_px"), [(128, 3.2), (256, 6.4), (65, 3.2)])
def test_the_finest_fringes_are_three_pixels_of_the_network_or_of_a_smaller_frame(
    side_px, finest_px
):
    width_px = side_px / setting(side_px).fringes
    assert width_px.min() >= finest_px * 0.999
    assert width_px.min() < finest_px * 1.05


def test_some_frames_are_without_background_and_most_have_a_fifth_of_the_photons():
    background = setting(128).background_photons
    assert 0.1 < (background == 0).float().mean() < 0.2
    assert 1500 < background[background > 0].median() < 2500


def test_the_background_does_not_follow_a_very_bright_hit():
    bright = setting(128, photons=1e8).background_photons
    assert torch.equal(bright, setting(128, photons=1e6).background_photons)


def test_a_perfect_detector_sees_no_background():
    assert not setting(128, [DETECTORS["ideal"]]).background_photons.any()
