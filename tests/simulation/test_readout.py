import pytest
import torch

from spi_viewer.simulation.detector import DETECTORS
from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.readout import detect

SIDE = 64


def open_shadows(frames):
    return torch.ones(frames, SIDE, SIDE)


def test_a_perfect_detector_counts_with_poisson_statistics():
    expected = torch.full((50, SIDE, SIDE), 4.0)
    counts = detect(expected, open_shadows(50), [DETECTORS["ideal"]] * 50, Draw(1))
    assert counts.mean().item() == pytest.approx(4.0, abs=0.03)
    assert counts.var().item() == pytest.approx(4.0, rel=0.03)
    zero = (counts == 0).float().mean().item()
    assert zero == pytest.approx(2.718281828**-4.0, rel=0.1)


def test_gain_steps_and_noise_make_some_frames_fractional_and_leave_others_whole():
    frames = 60
    presets = [DETECTORS["pnccd-far"]] * frames
    counts = detect(torch.full((frames, SIDE, SIDE), 3.0), open_shadows(frames), presets, Draw(3))
    whole = (counts == counts.round()).flatten(1).all(1)
    assert 0.3 < whole.float().mean() < 0.9
    # Counted frames hold the detected part of the light and nothing else, save a few hot pixels.
    low, high = DETECTORS["pnccd-far"].efficiency
    usual = counts[whole].flatten(1).clamp_max(12.0).mean(1)
    assert (usual > 3.0 * low - 0.1).all()
    assert (usual < 3.0 * high + 0.1).all()


def test_bright_pixels_saturate_in_part_of_the_frames():
    frames = 60
    presets = [DETECTORS["pnccd-far"]] * frames
    counts = detect(torch.full((frames, SIDE, SIDE), 2e6), open_shadows(frames), presets, Draw(4))
    flat = counts.flatten(1)
    saturated = (flat == flat.median(1, keepdim=True).values).float().mean(1) > 0.9
    assert 0.2 < saturated.float().mean() < 0.8
