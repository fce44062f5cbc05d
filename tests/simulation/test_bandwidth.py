import math

import pytest
import torch

from spi_viewer.simulation.bandwidth import smear_by_bandwidth
from spi_viewer.simulation.form_factors import ball

SIDE = 128
INNER = (slice(4, -4), slice(4, -4))
RMS_PER_FULL_WIDTH = 1.0 / math.sqrt(8.0 * math.log(2.0))


def radius(center):
    pixels = torch.arange(SIDE, dtype=torch.float64)
    return torch.hypot(pixels[:, None] - center[0], pixels[None] - center[1])


def sphere_pattern(fringes, center, energy=1.0):
    return ball(math.pi * fringes / SIDE * energy * radius(center)).square()


def spectrum_average(fringes, center, full_width):
    """The pattern averaged over a Gaussian spectrum, energy by energy."""
    rms = full_width * RMS_PER_FULL_WIDTH
    shift = torch.linspace(-6.0, 6.0, 121, dtype=torch.float64) * rms
    weight = torch.exp(-0.5 * (shift / rms) ** 2)
    weight /= weight.sum()
    energies = (1.0 + shift).tolist()
    patterns = torch.stack([sphere_pattern(fringes, center, energy) for energy in energies])
    return (weight[:, None, None] * patterns).sum(0)


def smeared(image, center, full_width):
    return smear_by_bandwidth(
        image[None].float(), torch.tensor([center]), torch.tensor([full_width])
    )[0].double()


@pytest.mark.parametrize("center", [(63.5, 63.5), (60.0, 67.5)])
@pytest.mark.parametrize(("fringes", "part"), [(8.0, 0.02), (12.0, 0.04), (24.0, 0.12)])
def test_a_smeared_sphere_is_its_average_over_the_spectrum(fringes, part, center):
    """Compared on rings made equally strong (Porod: r^4), where only the smear's change counts."""
    even = 1.0 + (math.pi * fringes / SIDE * radius(center)) ** 4
    pattern = sphere_pattern(fringes, center)
    exact = spectrum_average(fringes, center, 0.01)
    found = smeared(pattern, center, 0.01)
    change = ((exact - pattern) * even)[INNER]
    error = ((found - exact) * even)[INNER]
    assert error.square().mean().sqrt() < part * change.square().mean().sqrt()
    assert error.abs().max() < 0.01 * (pattern * even).max()


def test_minima_fill_up_more_the_farther_out_they_lie():
    center = (63.5, 63.5)
    pattern = sphere_pattern(20.0, center)
    found = smeared(pattern, center, 0.01)
    filled = []
    for zero in (4.493409, 17.220755, 26.666054):  # tan u = u: the first, fifth and eighth
        ring = (radius(center) - zero * SIDE / (math.pi * 20.0)).abs() < 0.5
        envelope = 9.0 / zero**4  # the neighbouring maxima
        filled.append(((found - pattern)[ring].mean() / envelope).item())
    assert 0.0 < filled[0] < filled[1] < filled[2]


def test_photons_are_spread_and_not_lost():
    center = (60.0, 67.5)
    pattern = sphere_pattern(16.0, center)
    # q shrinks as the energy grows, so a spectrum of rms s shows 1 + 3 s^2 of the light.
    gained = 3.0 * (0.01 * RMS_PER_FULL_WIDTH) ** 2
    whole = smeared(pattern, center, 0.01).sum() / pattern.sum()
    assert whole.item() == pytest.approx(1.0 + gained, abs=5e-6)


def test_a_monochromatic_pulse_changes_nothing():
    image = torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    center = torch.tensor([[63.5, 63.5], [20.0, 90.0], [-5.0, 140.0]])
    assert torch.equal(smear_by_bandwidth(image, center, torch.zeros(3)), image)


def test_each_frame_is_smeared_by_its_own_width_and_never_below_zero():
    image = torch.rand(2, SIDE, SIDE, generator=torch.Generator().manual_seed(2)).pow(8)
    center = torch.full((2, 2), 63.5)
    found = smear_by_bandwidth(image, center, torch.tensor([0.0, 0.01]))
    assert torch.equal(found[0], image[0])
    assert not torch.allclose(found[1], image[1], atol=1e-3)
    assert (found >= 0).all()
