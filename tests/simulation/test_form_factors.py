import math

import pytest
import torch
from scipy import special

from spi_viewer.simulation import form_factors


def along(direction, lengths):
    unit = torch.tensor(direction) / torch.tensor(direction).norm()
    return unit[None, :, None] * lengths[None, None, :]


def size(value):
    return torch.tensor([[value]])


def brute_force(inside, q, cells=80, half=0.5):
    """Transform of a body by summing over voxels: q (3, Q)."""
    axis = (torch.arange(cells, dtype=torch.float64) + 0.5) / cells * 2 * half - half
    grid = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    points = grid[inside(grid)]
    return torch.exp(1j * (points @ q.double())).sum(0) * (2 * half / cells) ** 3


@pytest.mark.parametrize("zero", [4.493409, 7.725252, 10.904122])
def test_a_sphere_is_dark_where_tan_u_equals_u(zero):
    dark = form_factors.ball(torch.tensor(zero))
    near = form_factors.ball(torch.tensor(zero + 0.5))
    assert dark.abs() < 1e-5 < near.abs()


def test_the_disc_table_follows_the_bessel_function():
    u = torch.linspace(0.001, 500.0, 20011, dtype=torch.float64)
    expected = 2.0 * special.j1(u.numpy()) / u.numpy()
    assert abs(form_factors.disc(u.float()).numpy() - expected).max() < 1e-5


def test_sine_ratio_is_one_at_zero_and_even():
    x = torch.tensor([0.0, 1e-6, -2.0, 2.0])
    assert torch.allclose(form_factors.sine_ratio(x), torch.sinc(x / math.pi), atol=1e-6)


@pytest.mark.parametrize(
    ("formula", "sizes", "volume"),
    [
        (form_factors.sphere, (0.5,), math.pi / 6),
        (form_factors.cylinder, (0.2, 0.9), math.pi * 0.04 * 0.9),
        (form_factors.capsule, (0.2, 0.6), math.pi * 0.04 * 0.6 + 4 / 3 * math.pi * 0.008),
        (form_factors.torus, (0.35, 0.15), 2 * math.pi**2 * 0.35 * 0.15**2),
    ],
)
def test_forward_scattering_is_the_volume(formula, sizes, volume):
    q = torch.zeros(1, 3, 1)
    assert formula(q, *map(size, sizes)).item() == pytest.approx(volume, rel=1e-4)


def test_a_torus_agrees_with_a_sum_over_voxels():
    q = torch.randn(3, 60, generator=torch.Generator().manual_seed(1)) * 14.0

    def inside(r):
        across = torch.hypot(r[:, 0], r[:, 1]) - 0.35
        return across**2 + r[:, 2] ** 2 < 0.15**2

    exact = form_factors.torus(q[None], size(0.35), size(0.15))[0]
    assert (exact - brute_force(inside, q)).abs().max() < 1.5e-3 * exact.abs().max().item() + 5e-4


def test_a_torus_seen_along_its_axis_is_a_sum_of_rings():
    """With q across the axis only the projection counts: 2 sqrt(a^2 - (r - R)^2) at radius r."""
    lengths = torch.linspace(0.5, 120.0, 40)
    ring, tube = 0.33, 0.12
    r = torch.linspace(ring - tube, ring + tube, 40001, dtype=torch.float64)
    height = 2.0 * torch.sqrt((tube**2 - (r - ring) ** 2).clamp_min(0.0))
    bessel = torch.from_numpy(special.j0((lengths[:, None].double() * r).numpy()))
    expected = torch.trapezoid(2 * math.pi * r * height * bessel, r, dim=1)
    found = form_factors.torus(along([0.6, 0.8, 0.0], lengths), size(ring), size(tube))[0]
    assert (found - expected).abs().max() < 2e-5


def test_a_capsule_agrees_with_a_sum_over_voxels():
    q = torch.randn(3, 60, generator=torch.Generator().manual_seed(2)) * 14.0

    def inside(r):
        beyond = (r[:, 2].abs() - 0.25).clamp_min(0.0)
        return r[:, 0] ** 2 + r[:, 1] ** 2 + beyond**2 < 0.2**2

    exact = form_factors.capsule(q[None], size(0.2), size(0.5))[0]
    assert (exact - brute_force(inside, q)).abs().max() < 1e-3


def test_an_ellipsoid_of_equal_axes_is_a_sphere():
    q = torch.randn(1, 3, 100) * 10.0
    axes = torch.full((1, 3, 1), 0.5)
    assert torch.allclose(
        form_factors.ellipsoid(q, axes), form_factors.sphere(q, size(0.5)), atol=1e-6
    )


def test_parseval_holds_for_a_sphere():
    """The integral of F^2 over q space, over (2 pi)^3, is the volume."""
    q = torch.linspace(1e-3, 2000.0, 2_000_001, dtype=torch.float64)
    amplitude = math.pi / 6.0 * form_factors.ball(q * 0.5)
    integral = torch.trapezoid(4.0 * math.pi * q**2 * amplitude**2, q) / (2.0 * math.pi) ** 3
    assert integral.item() == pytest.approx(math.pi / 6.0, rel=2e-3)


def test_a_capsule_without_height_is_a_sphere_however_far_out():
    q = along([0.0, 0.0, 1.0], torch.linspace(1.0, 110.0, 200))
    thick = form_factors.capsule(q, size(0.4), size(0.0))
    sphere = form_factors.sphere(q, size(0.4))
    assert (thick - sphere).abs().max() < 1e-4


def test_a_thick_torus_from_its_axis_sums_its_annuli_to_the_edge_of_a_frame():
    q = along([0.0, 0.0, 1.0], torch.linspace(1.0, 80.0, 200))
    few = form_factors.torus(q, size(0.26), size(0.24))
    many = form_factors.torus(q, size(0.26), size(0.24), nodes=64)
    assert (few - many).abs().max() < 1e-4
