import math

import pytest
import torch

from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.particles import FAMILIES

COUNT = 12


@pytest.fixture(params=list(FAMILIES))
def family(request):
    return FAMILIES[request.param]


def amplitudes(family, q):
    """The same shapes at q (3, Q) -> (COUNT, Q)."""
    shapes = family.draw(COUNT, Draw(8))
    return shapes.amplitude(q.expand(COUNT, 3, -1)).to(torch.complex64)


def test_bodies_fit_into_the_ball_that_their_diameter_names(family):
    """The autocorrelation along any direction, from |F|^2, ends at the diameter."""
    step, count, directions = 0.5, 300, 10
    size = torch.arange(count) * step
    window = torch.cos(torch.arange(count) * math.pi / (2 * count)).square()
    window[0] = 0.5
    points = (Draw(9).directions(directions).T[:, :, None] * size).flatten(1)
    squared = amplitudes(family, points).abs().square().view(COUNT, directions, count)
    reach = torch.linspace(0.0, 3.0, 121)
    correlation = (squared * window) @ torch.cos(size[:, None] * reach)
    beyond = correlation[..., reach > 1.08].abs().amax(-1)
    assert (beyond < 0.004 * correlation[..., 0]).all()


def test_forward_scattering_is_the_content_of_the_body(family):
    forward = amplitudes(family, torch.zeros(3, 1)).real
    directions = Draw(9).directions(30).T
    assert (amplitudes(family, directions).abs() < forward.abs()).all()
    if family.name not in (
        "core_shell",
        "lumpy",
        "spiked",
        "branched",
        "ring",
        "coil",
    ):  # not of density one throughout
        assert (forward > 0).all()
        assert (forward <= math.pi / 6.0 * 1.0001).all()  # no more than the ball round it


def test_transforms_are_those_of_real_densities(family):
    q = Draw(10).directions(40).T * torch.linspace(0.5, 40.0, 40)
    there, back = amplitudes(family, q), amplitudes(family, -q)
    assert torch.allclose(there, back.conj(), atol=2e-5)


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "sphere"])
def test_particles_of_a_family_differ(name):
    q = Draw(11).directions(20).T * 12.0
    first, second = amplitudes(FAMILIES[name], q)[:2]
    assert not torch.allclose(first / first.abs().max(), second / second.abs().max(), atol=1e-3)


def test_amplitudes_stay_below_forward_scattering_and_fall_outwards(family):
    directions = Draw(12).directions(60).T
    near, far = (amplitudes(family, directions * size).abs() for size in (8.0, 80.0))
    assert torch.isfinite(far).all()
    assert (far.square().mean(1) < 0.1 * near.square().mean(1)).all()


def test_a_shell_is_the_difference_of_two_spheroids():
    """A hollow body without a wall left scatters nothing; a core adds its own volume."""
    shapes = FAMILIES["core_shell"].draw(200, Draw(13))
    half_axes, part, contrast = shapes.parameters
    volume = 4.0 / 3.0 * math.pi * half_axes.prod(-1)
    expected = volume * (1.0 + contrast * part**3)
    found = shapes.amplitude(torch.zeros(200, 3, 1))[:, 0]
    assert torch.allclose(found, expected, rtol=1e-4)
    assert (contrast < -0.9).any()  # hollow
    assert (contrast > 2.0).any()  # heavy
