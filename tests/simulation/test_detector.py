import pytest

from spi_viewer.errors import SpiViewerError
from spi_viewer.simulation.detector import DETECTORS, find_detector


def test_every_preset_is_an_instrument_that_could_exist():
    for preset in DETECTORS.values():
        low, high = preset.photon_energy_ev
        assert 200.0 < low <= high < 30000.0
        assert 10e-6 < preset.pixel_size_m < 1e-3
        assert preset.distance_m[0] <= preset.distance_m[1]


def test_an_unknown_detector_is_answered_with_the_known_ones():
    with pytest.raises(SpiViewerError, match=r"eye.*pnccd-far.*ideal"):
        find_detector("eye")
