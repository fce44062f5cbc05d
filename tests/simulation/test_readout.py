from dataclasses import replace

import pytest
import torch

from spi_viewer.simulation.detector import DETECTORS
from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.readout import bleed, detect

SIDE = 64
FRAMES = 60
# A detector of SIDE x SIDE pixels without spread of gain and losses, never full.
PLAIN = {
    "side_px": SIDE,
    "efficiency": (1.0, 1.0),
    "gain_sigma": (0.0, 0.0),
    "saturation_photons": (1e9, 1e9),
}


def open_shadows(frames):
    return torch.ones(frames, SIDE, SIDE)


def detected(photons, preset, seed, frames=FRAMES):
    """Frames of evenly lit detectors."""
    expected = torch.full((frames, SIDE, SIDE), float(photons))
    binning = torch.full((frames,), preset.side_px / SIDE)
    return detect(expected, open_shadows(frames), [preset] * frames, binning, Draw(seed))


def are_whole(counts):
    return (counts == counts.round()).flatten(1).all(1)


def spread(counts):
    """Standard deviation of each frame from its quantiles: hot pixels do not count."""
    marks = torch.tensor([0.1587, 0.8413])
    low, high = counts.flatten(1).quantile(marks, dim=1)
    return (high - low) / 2.0


def test_a_perfect_detector_counts_with_poisson_statistics():
    counts = detected(4.0, DETECTORS["ideal"], seed=1, frames=50)
    assert counts.mean().item() == pytest.approx(4.0, abs=0.03)
    assert counts.var().item() == pytest.approx(4.0, rel=0.03)
    zero = (counts == 0).float().mean().item()
    assert zero == pytest.approx(2.718281828**-4.0, rel=0.1)


def test_gain_steps_and_noise_make_some_frames_fractional_and_leave_others_whole():
    preset = DETECTORS["pnccd-far"]
    counts = detected(3.0, preset, seed=3)
    whole = are_whole(counts)
    assert 0.3 < whole.float().mean() < 0.9
    # Counted frames hold the detected part of the light and nothing else, save a few hot pixels.
    low, high = preset.efficiency
    usual = counts[whole].flatten(1).clamp_max(12.0).mean(1)
    assert (usual > 3.0 * low - 0.1).all()
    assert (usual < 3.0 * high + 0.1).all()


@pytest.mark.parametrize("photons", [0, 200, 1000])
def test_the_noise_of_agipd_grows_with_the_signal(photons):
    """Sigma of a pixel of n photons: 0.155 + 0.031 n, on top of the photons' own sqrt(n)."""
    counts = detected(photons, replace(DETECTORS["agipd"], **PLAIN), seed=5)
    analogue = counts[~are_whole(counts)]
    assert len(analogue) > 10
    law = 0.155 + 0.031 * photons
    expected = (photons + law**2 + 0.031**2 * photons) ** 0.5
    # Common mode adds up to 0.6 of 0.155, to lines as a whole.
    assert (spread(analogue) > 0.95 * expected).all()
    assert spread(analogue).median().item() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("photons", [0, 800])
def test_binned_pixels_sum_independent_noises(photons):
    """b x b pixels of n / b^2 photons each: sigma^2 = b^2 (s + t n / b^2)^2."""
    binned = 4
    preset = replace(
        DETECTORS["agipd"], **PLAIN | {"side_px": binned * SIDE}, read_noise_photons=(0.1, 0.1)
    )
    counts = detected(photons, preset, seed=6)
    analogue = counts[~are_whole(counts)]
    law = binned * 0.1 + 0.031 * photons / binned
    expected = (photons + law**2) ** 0.5
    assert spread(analogue).median().item() == pytest.approx(expected, rel=0.05)


def test_common_mode_shifts_lines_of_a_half_together():
    preset = replace(DETECTORS["cspad"], **PLAIN, read_noise_photons=(0.5, 0.5))
    counts = detected(0.0, preset, seed=7, frames=200)
    dark = counts[~are_whole(counts)].clamp(-3.0, 3.0)
    by_column, by_row = dark[:, : SIDE // 2].mean(1), dark[:, :, : SIDE // 2].mean(2)
    alone = 0.5 / (SIDE / 2.0) ** 0.5  # spread of the means of lines without common mode
    shifted = torch.stack([by_column.std(1), by_row.std(1)], 1) > 1.6 * alone
    assert 0.15 < shifted.any(1).float().mean() < 0.6  # half are corrected for it
    assert not shifted.all(1).any()
    assert shifted[:, 0].any()
    assert shifted[:, 1].any()
    # The other half has electronics of its own.
    rows = shifted[:, 1].nonzero()[:, 0]
    other = dark[rows][:, :, SIDE // 2 :].mean(2)
    together = torch.corrcoef(torch.stack([by_row[rows].flatten(), other.flatten()]))[0, 1]
    assert together.abs() < 0.2


def test_gain_steps_are_flat_within_blocks_and_differ_between_them():
    preset = replace(
        DETECTORS["cspad"], **PLAIN | {"gain_sigma": (0.1, 0.1)}, read_noise_photons=(0.0, 0.0)
    )
    counts = detected(1e4, preset, seed=8)
    blocks = counts[~are_whole(counts)].unflatten(2, (4, -1)).unflatten(1, (4, -1))
    gains = blocks.movedim(2, 3).flatten(3).median(3).values / 1e4
    assert len(gains) > 10
    assert gains.std().item() == pytest.approx(0.1, rel=0.3)
    joined = (gains[:, 0, 0] - gains[:, 1, 1]).abs() < 5e-3
    assert 0.2 < joined.float().mean() < 0.8  # quarters in half of the frames


def test_bright_pixels_saturate_in_part_of_the_frames():
    counts = detected(2e6, DETECTORS["pnccd-far"], seed=4)
    flat = counts.flatten(1)
    saturated = (flat == flat.median(1, keepdim=True).values).float().mean(1) > 0.9
    assert 0.2 < saturated.float().mean() < 0.8


def test_only_ccds_bleed():
    expected = torch.zeros(200, SIDE, SIDE)
    expected[:, 20, 30] = 1e5
    lengths = {}
    for name in ("pnccd-far", "jungfrau"):
        preset = replace(DETECTORS[name], **PLAIN | {"saturation_photons": (1e4, 1e4)})
        counts = detect(expected, open_shadows(200), [preset] * 200, torch.ones(200), Draw(9))
        full = counts > 9e3
        column, row = full[:, :, 30].sum(1), full[:, 20, :].sum(1)
        lengths[name] = torch.maximum(column, row)
        assert (torch.minimum(column, row) <= 1).all()
    assert lengths["jungfrau"].max() == 1
    # A quarter of the frames: half saturate at all, half of these bleed; some ten full pixels.
    assert 0.12 < (lengths["pnccd-far"] > 5).float().mean() < 0.4
    assert 8 <= lengths["pnccd-far"].max() <= 11


def bleed_pixel_by_pixel(line, limit):
    """Half of each pixel's excess handed on forward, then the other half backward."""
    filled = [min(value, limit) for value in line]
    excess = [max(value - limit, 0.0) / 2.0 for value in line]
    for order in (range(len(line)), reversed(range(len(line)))):
        carried = 0.0
        for place in order:
            carried += excess[place]
            taken = min(carried, limit - filled[place])
            filled[place] += taken
            carried -= taken
    return filled


@pytest.mark.parametrize("axis", [1, 2])
def test_bleeding_hands_charge_on_pixel_by_pixel(axis):
    random = torch.rand(2, 12, 12, generator=torch.Generator().manual_seed(3))
    counts = torch.where(random > 0.9, random * 600.0, random * 90.0)
    limit = torch.tensor([100.0, 140.0])[:, None, None]
    found = bleed(counts, limit, axis).movedim(axis, 2)
    lines = counts.movedim(axis, 2)
    for frame in range(2):
        for line in range(12):
            expected = bleed_pixel_by_pixel(lines[frame, line].tolist(), float(limit[frame]))
            assert found[frame, line].tolist() == pytest.approx(expected, abs=1e-3)


def test_bleeding_keeps_all_charge_that_does_not_run_over_an_end():
    counts = torch.zeros(1, SIDE, SIDE)
    counts[0, 30, 5], counts[0, 33, 5] = 900.0, 450.0
    inside = bleed(counts, torch.full((1, 1, 1), 100.0), 1)
    assert inside.sum().item() == pytest.approx(1350.0, abs=1e-2)
    assert inside.max() <= 100.0
    assert (inside[0, :, 6] == 0).all()  # its neighbours' lines stay clean
    counts = torch.zeros(1, SIDE, SIDE)
    counts[0, 1, 5] = 900.0
    over = bleed(counts, torch.full((1, 1, 1), 100.0), 1)
    # Half of the excess of 800 runs upwards: one pixel is there, 300 are lost.
    assert over.sum().item() == pytest.approx(600.0, abs=1e-2)


def test_bleeding_leaves_frames_below_the_limit_alone():
    counts = torch.rand(2, SIDE, SIDE, generator=torch.Generator().manual_seed(4)) * 99.0
    assert torch.allclose(bleed(counts, torch.full((2, 1, 1), 100.0), 2), counts, atol=1e-4)


def test_a_pixel_of_more_detector_pixels_holds_more_before_it_is_full():
    preset = replace(DETECTORS["jungfrau"], **PLAIN | {"saturation_photons": (100.0, 100.0)})
    expected = torch.full((100, SIDE, SIDE), 1e5)
    fullest = {}
    for binning in (1.0, 3.0):
        sides = torch.full((100,), binning)
        counts = detect(expected, open_shadows(100), [preset] * 100, sides, Draw(5))
        fullest[binning] = counts.flatten(1).median(1).values.min().item()
    assert fullest[3.0] == pytest.approx(9 * fullest[1.0], rel=0.01)
