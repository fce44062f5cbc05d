import math

import pytest
import torch

from spi_viewer.simulation import solids
from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.form_factors import ball
from spi_viewer.simulation.particles import FAMILIES
from spi_viewer.simulation.polyhedra import polyhedron_amplitude
from spi_viewer.simulation.scattering import (
    Geometry,
    averaged_over_pixels,
    coarse_grid,
    flat_detector,
    momentum_grid,
    photons_per_pixel,
    pixel_contrast,
    solid_angle_and_polarisation,
)

CPU = torch.device("cpu")
SIDE = 128


def geometry(distance_m=0.58, wavelength_nm=0.7293, frames=1):
    return Geometry(
        torch.full((frames,), wavelength_nm),
        torch.full((frames,), distance_m),
        torch.full((frames,), 600e-6),
        torch.full((frames, 2), (SIDE - 1) / 2.0),
        SIDE,
    )


def pixels(side=SIDE):
    return torch.arange(side, dtype=torch.float32)


def test_every_q_lies_on_the_ewald_sphere():
    where = geometry(0.13)
    q = momentum_grid(where, pixels()).points()[0]
    k = where.wavenumber[0]
    from_centre = q + torch.tensor([0.0, 0.0, k])[:, None]
    assert torch.allclose(from_centre.norm(dim=0), k, rtol=1e-5)


def test_the_scattering_angle_is_that_of_the_flat_detector():
    """|q| = 2 k sin(theta / 2), theta = atan(r / D), at the pixel to which the cap is mapped."""
    where = geometry(0.13)
    grid = momentum_grid(where, pixels())
    size = grid.points()[0].norm(dim=0).view(1, 1, SIDE, SIDE)
    mapped = flat_detector(size, where)[0, 0]
    offset = (pixels() - (SIDE - 1) / 2.0) * where.pixel_angle
    theta = torch.atan(torch.hypot(offset[:, None], offset[None]))
    expected = 2.0 * where.wavenumber * torch.sin(theta / 2.0)
    inner = slice(4, -4)
    assert torch.allclose(mapped[inner, inner], expected[inner, inner], rtol=3e-3, atol=2e-3)


def test_far_detectors_are_left_alone():
    image = torch.rand(1, 2, SIDE, SIDE)
    assert flat_detector(image, geometry(5.0)) is image


def icosahedron_pattern(where, curved=True):
    """|F|^2 of a 70 nm icosahedron in an odd orientation."""
    q = momentum_grid(where, pixels()).points()
    if not curved:
        q[:, 2] = 0.0
    turn = Draw(5).rotations(1)
    body = solids.body(solids.octahedron).to(CPU)
    # Without the centre of symmetry of the whole pair of solids the body is a general one.
    shift = torch.tensor([0.11, -0.07, 0.05])[None, :, None]
    scaled = turn.transpose(1, 2) @ q * 70.0
    form = polyhedron_amplitude(body, scaled) + 0.3 * polyhedron_amplitude(
        body, 0.5 * scaled
    ) * torch.exp(1j * (scaled * shift).sum(1))
    return form.abs().square().view(SIDE, SIDE)


def asymmetry(image):
    turned = torch.flip(image, (0, 1))
    return (torch.log(image + 1e-12) - torch.log(turned + 1e-12)).square().mean().sqrt().item()


def test_friedel_symmetry_holds_on_a_flat_ewald_sphere_and_breaks_on_the_curved_one():
    assert asymmetry(icosahedron_pattern(geometry(0.58), curved=False)) < 0.05
    far = asymmetry(icosahedron_pattern(geometry(0.58)))
    near = asymmetry(icosahedron_pattern(geometry(0.13)))
    assert 0.2 < far < near


@pytest.mark.parametrize("family", list(FAMILIES))
def test_the_coarse_grid_gives_the_same_pattern_as_every_pixel(family):
    where = geometry()
    fringes = 20.0
    diameter = fringes / where.field_per_nm
    shape = FAMILIES[family].draw(1, Draw(3))
    grid = coarse_grid(fringes, SIDE, CPU)
    turn = Draw(4).rotations(1)

    def amplitude(positions):
        q = momentum_grid(where, positions).points() * diameter
        form = shape.amplitude(turn.transpose(1, 2) @ q)
        return torch.view_as_real(form.to(torch.complex64)).movedim(-1, 1)

    size = len(grid.positions)
    coarse = grid.at_pixels(amplitude(grid.positions).view(1, 2, size, size))
    fine = amplitude(pixels()).view(1, 2, SIDE, SIDE)
    intensity, expected = coarse.square().sum(1), fine.square().sum(1)
    error = (intensity - expected).abs().sum() / expected.sum()
    assert error < 2e-3
    outer = expected[0, :32].sum()
    assert abs(intensity[0, :32].sum() - outer) < 0.02 * outer


def test_sphere_rings_appear_where_lambda_d_over_diameter_puts_them():
    where = geometry()
    fringes = 12.0
    diameter = fringes / where.field_per_nm
    q = momentum_grid(where, pixels()).points().norm(dim=1)
    row = ball(q * diameter[:, None] / 2.0).square().view(SIDE, SIDE)[SIDE // 2]
    minimum = int(row[SIDE // 2 : SIDE // 2 + 20].argmin())
    expected = 4.4934 / math.pi * SIDE / fringes
    assert abs(minimum + 0.5 - expected) < 1.0


def test_photons_grow_with_fluence_and_with_the_square_of_density():
    one = torch.ones(1)
    base = photons_per_pixel(one * 1e9, one * 1e12, one * 430.0, one * 1e-6)
    assert photons_per_pixel(one * 1e9, one * 3e12, one * 430.0, one * 1e-6) == pytest.approx(
        3.0 * base
    )
    assert photons_per_pixel(one * 1e9, one * 1e12, one * 860.0, one * 1e-6) == pytest.approx(
        4.0 * base
    )


def test_photons_agree_with_the_optical_form_of_the_cross_section():
    """|2 pi dn F / lambda^2|^2 with dn = lambda^2 r_e rho / (2 pi), in other units."""
    wavelength, density, squared, fluence, solid = 0.7293e-9, 430e27, 1e10 * 1e-54, 1e24, 2e-6
    refraction = wavelength**2 * 2.8179403e-15 * density / (2 * math.pi)
    expected = fluence * (2 * math.pi * refraction / wavelength**2) ** 2 * squared * solid
    found = photons_per_pixel(
        torch.tensor(1e10), torch.tensor(1e12), torch.tensor(430.0), torch.tensor(solid)
    )
    assert found.item() == pytest.approx(expected, rel=1e-4)


def test_solid_angles_add_up_to_that_of_the_detector():
    where = geometry(0.13)
    fine = solid_angle_and_polarisation(where, pixels())
    half = (SIDE / 2.0 * where.pixel_angle).item()
    # A square of half-angle a seen from its axis: 4 asin(a^2 / (1 + a^2)); polarised slightly less.
    whole = 4.0 * math.asin(half**2 / (1.0 + half**2))
    assert 0.93 * whole < fine.sum().item() < whole


def test_a_polarised_beam_scatters_less_along_its_polarisation():
    image = solid_angle_and_polarisation(geometry(0.13), pixels())[0]
    middle = SIDE // 2
    assert image[middle, 0] < image[0, middle]


@pytest.mark.parametrize(("separation_nm", "contrast"), [(500.0, 0.81), (1000.0, 0.36)])
def test_pixels_wash_out_the_fringes_of_distant_pairs(separation_nm, contrast):
    """300 um pixels at 0.58 m and 1.7 keV, as measured by others."""
    where = Geometry(
        torch.tensor([0.7293]),
        torch.tensor([0.58]),
        torch.tensor([300e-6]),
        torch.zeros(1, 2),
        SIDE,
    )
    separation = torch.tensor([[separation_nm, 0.0, 0.0]])
    found = pixel_contrast(separation, where, torch.zeros(1)).prod(1)
    # The published figures are of one axis: with lambda D / w = 1.41 um, sinc(s / 1.41 um).
    assert found.item() == pytest.approx(
        math.sin(x := math.pi * separation_nm / 1410.0) / x, abs=0.01
    )
    assert found.item() == pytest.approx(contrast, abs=0.03)


@pytest.mark.parametrize("separation", [(400.0, 250.0, 0.0), (300.0, -100.0, 8000.0)])
def test_pixel_contrast_agrees_with_oversampling(separation):
    where, fine = geometry(), 9
    distance = torch.tensor([separation])
    contrast = pixel_contrast(distance, where, pixels())
    centre = momentum_grid(where, pixels())

    def cross(positions):
        q = momentum_grid(where, positions).points()
        return torch.cos((q * distance[0][:, None]).sum(1))

    exact_centre = cross(pixels()).view(SIDE, SIDE)
    modelled = exact_centre * contrast[0, 0, :, None] * contrast[0, 1, None, :]
    sub = (torch.arange(SIDE * fine) + 0.5) / fine - 0.5
    expected = cross(sub).view(SIDE, fine, SIDE, fine).mean((1, 3))
    assert centre.qx.shape == (1, SIDE)
    assert (modelled - expected).abs().max() < 0.03


def test_a_pixel_holds_the_mean_of_the_fringes_in_it():
    period_px = 4.9
    pixels = torch.arange(64.0)
    rows = (1 + torch.cos(2 * math.pi * pixels / period_px)).expand(64, 64)
    averaged = averaged_over_pixels(rows)[1:-1, 1:-1]
    left = math.sin(math.pi / period_px) / (math.pi / period_px)  # of the contrast
    expected = 1 + left * (rows[1:-1, 1:-1] - 1)
    torch.testing.assert_close(averaged, expected, atol=0.01, rtol=0)
    assert (averaged - rows[1:-1, 1:-1]).abs().max() > 0.05
