import pytest
import torch

from spi_viewer.simulation.detector import DETECTORS, detect
from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.shadows import draw_shadows

SIDE = 64
REAL = [preset for preset in DETECTORS.values() if preset.nuisances]


def open_shadows(frames):
    return torch.ones(frames, SIDE, SIDE)


def test_a_perfect_detector_counts_with_poisson_statistics():
    expected = torch.full((50, SIDE, SIDE), 4.0)
    counts = detect(expected, open_shadows(50), [DETECTORS["ideal"]] * 50, Draw(1))
    assert counts.mean().item() == pytest.approx(4.0, abs=0.03)
    assert counts.var().item() == pytest.approx(4.0, rel=0.03)
    zero = (counts == 0).float().mean().item()
    assert zero == pytest.approx(2.718281828**-4.0, rel=0.1)


def test_nothing_arrives_behind_the_stop_and_the_mask_may_not_know_it():
    frames = 80
    presets = [REAL[i % len(REAL)] for i in range(frames)]
    center = torch.full((frames, 2), (SIDE - 1) / 2.0)
    shadows = draw_shadows(presets, center, torch.full((frames,), 8.0), SIDE, Draw(2))
    hidden = shadows.transmission == 0
    middle = hidden[:, SIDE // 2 - 1 : SIDE // 2 + 1, SIDE // 2 - 1 : SIDE // 2 + 1]
    assert middle.any(-1).any(-1).float().mean() > 0.9
    assert (~shadows.valid).any()
    # Whatever is masked is hidden; part of what is hidden is not masked.
    assert hidden[~shadows.valid].all()
    assert (hidden & shadows.valid).any()
    assert hidden.float().mean() < 0.35


def test_gain_steps_and_noise_make_some_frames_fractional_and_leave_others_whole():
    frames = 60
    presets = [DETECTORS["pnccd-far"]] * frames
    counts = detect(torch.full((frames, SIDE, SIDE), 3.0), open_shadows(frames), presets, Draw(3))
    whole = (counts == counts.round()).flatten(1).all(1)
    assert 0.3 < whole.float().mean() < 0.9
    assert abs(counts.flatten(1).median(1).values.mean() - 3.0) < 0.3


def test_bright_pixels_saturate_in_part_of_the_frames():
    frames = 60
    presets = [DETECTORS["pnccd-far"]] * frames
    counts = detect(torch.full((frames, SIDE, SIDE), 2e6), open_shadows(frames), presets, Draw(4))
    flat = counts.flatten(1)
    saturated = (flat == flat.median(1, keepdim=True).values).float().mean(1) > 0.9
    assert 0.2 < saturated.float().mean() < 0.8


def test_every_preset_is_an_instrument_that_could_exist():
    for preset in DETECTORS.values():
        low, high = preset.photon_energy_ev
        assert 200.0 < low <= high < 30000.0
        assert 10e-6 < preset.pixel_size_m < 1e-3
        assert preset.distance_m[0] <= preset.distance_m[1]
