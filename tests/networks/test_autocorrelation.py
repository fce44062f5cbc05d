"""Two particles lie apart in a pattern's autocorrelation, however fine their fringes."""

import copy
import math

import pytest
import torch

from spi_viewer.networks.autocorrelation import AutocorrelationBranch, autocorrelation
from spi_viewer.preprocessing.network_input import InputKind, network_input

SIDE = 128


def axes() -> tuple[torch.Tensor, torch.Tensor]:
    axis = torch.arange(SIDE) - (SIDE - 1) / 2
    return axis[None, :], axis[:, None]


def from_middle() -> torch.Tensor:
    """Distance of each pixel of the autocorrelation from its middle, (128, 64)."""
    return torch.hypot(torch.arange(64.0)[None, :], torch.arange(-64.0, 64.0)[:, None])


def fringed(period_px: float, angle_deg: float, photons: float = 2e4) -> torch.Tensor:
    """A pair of equal Gaussian particles: counts (1, 128, 128) with straight fringes."""
    x, y = axes()
    angle = math.radians(angle_deg)
    along = x * math.cos(angle) + y * math.sin(angle)
    light = torch.exp(-(x**2 + y**2) / 40.0**2) * (1 + torch.cos(2 * math.pi * along / period_px))
    generator = torch.Generator().manual_seed(1)
    return torch.poisson(light / light.sum() * photons, generator=generator)[None]


def shown(counts: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
    valid = torch.ones_like(counts, dtype=torch.bool) if valid is None else valid
    return autocorrelation(network_input(counts, valid, InputKind.PER_IMAGE))


@pytest.mark.parametrize("angle_deg", [0.0, 37.0, -60.0])
@pytest.mark.parametrize("period_px", [2.5, 4.0, 9.0])
@pytest.mark.parametrize("kind", [0, 1])
def test_a_pair_makes_a_blob_at_its_separation(period_px, angle_deg, kind):
    picture = shown(fringed(period_px, angle_deg))[0, kind]
    apart = SIDE / period_px
    picture = picture * (from_middle() > 0.6 * apart)  # without what each particle is alone
    row, column = divmod(int(picture.argmax()), SIDE // 2)
    angle = math.radians(angle_deg)
    assert column == pytest.approx(apart * math.cos(angle), abs=2.0)
    assert row - SIDE // 2 == pytest.approx(apart * math.sin(angle), abs=2.0)


def test_a_single_particle_ends_at_its_diameter():
    x, y = axes()
    u = 0.3 * torch.hypot(x, y)  # a sphere of 12 px in the autocorrelation's pixels
    sphere = (3 * (torch.sin(u) - u * torch.cos(u)) / u**3) ** 2
    counts = torch.poisson(1e3 * sphere, generator=torch.Generator().manual_seed(1))[None]
    standardised, whitened = shown(counts)[0].expm1()
    far = from_middle()
    diameter = 2 * 0.3 * SIDE / (2 * math.pi)
    outside = standardised[far > 1.3 * diameter].mean()
    assert standardised[far < diameter].mean() > 50 * outside
    # A sphere's rings are all that it shows: without them there is noise.
    assert whitened[far < diameter].mean() == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("masked_px", [0, 60])
def test_white_noise_has_a_mean_power_of_one_whatever_is_masked(masked_px):
    counts = torch.full((4, SIDE, SIDE), 20.0)
    counts = torch.poisson(counts, generator=torch.Generator().manual_seed(2))
    valid = torch.ones_like(counts, dtype=torch.bool)
    valid[:, :, :masked_px] = False
    power = shown(counts, valid).expm1()
    assert power[:, 0, :, 4:].mean() == pytest.approx(1.0, abs=0.1)


def test_half_a_turn_of_the_pattern_changes_nothing():
    counts = fringed(3.0, 20.0)
    torch.testing.assert_close(shown(counts.flip(1, 2)), shown(counts), rtol=1e-3, atol=1e-3)


def test_an_empty_frame_is_dark():
    assert not shown(torch.zeros(1, SIDE, SIDE)).any()


def test_the_branchs_maps_fit_those_of_the_pattern_and_survive_fusing(use_norms):
    frames = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    branch = AutocorrelationBranch((16, 32, 64), (1, 2), 4, 0.2)
    use_norms(branch)
    branch.eval()
    assert branch(frames).shape == (2, 64, 8, 8)
    assert branch.scores_alone(branch(frames)).shape == (2, 4)
    fused = copy.deepcopy(branch)
    fused.fuse_batch_norm()
    torch.testing.assert_close(fused(frames), branch(frames), rtol=1e-4, atol=1e-4)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in fused.modules())


def test_maps_to_look_at_show_both_half_planes():
    """Two particles: a blob on either side of the middle."""
    counts = fringed(4.0, 0.0)
    x = network_input(counts, torch.ones_like(counts, dtype=torch.bool), InputKind.PER_IMAGE)
    named = AutocorrelationBranch((16, 32, 64), (2, 2), 4, 0.2).eval().feature_maps(x)
    sizes = [(2, 128, 128), (16, 64, 64), (32, 32, 32), (64, 16, 16)]
    assert [tuple(maps.shape[1:]) for _, maps in named] == sizes
    assert len({name for name, _ in named}) == 4
    whole = named[0][1][0, 1]
    assert whole[60:69, 92:101].mean() > 3 * whole.mean()
    torch.testing.assert_close(whole.flip(0, 1), whole)
