import itertools
import math

import numpy as np
import pytest
import torch
from scipy.spatial import ConvexHull

from spi_viewer.simulation import meshes, solids
from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.hulls import convex_polyhedron
from spi_viewer.simulation.polyhedra import polyhedron_amplitude, stack

SOLIDS = [
    solids.icosahedron,
    solids.soccer,
    solids.dodecahedron,
    solids.octahedron,
    solids.truncated_octahedron,
    solids.cuboctahedron,
    solids.decahedron,
    solids.hexagonal_prism,
]
CPU = torch.device("cpu")


def random_q(count=80, spread=15.0, seed=1):
    return torch.randn(1, 3, count, generator=torch.Generator().manual_seed(seed)) * spread


def tetrahedra_sum(corners, q):
    """Independent formula in float64: divided differences of exp over tetrahedra, q (Q, 3)."""
    hull = ConvexHull(corners)
    middle = corners.mean(0)
    total = np.zeros(len(q), complex)
    for triangle in hull.simplices:
        points = np.concatenate([[middle], corners[triangle]])
        volume = abs(np.linalg.det(points[1:] - points[0])) / 6.0
        f = 1j * (q @ points.T)
        term = np.zeros(len(q), complex)
        for k in range(4):
            others = [f[:, k] - f[:, j] for j in range(4) if j != k]
            term += np.exp(f[:, k]) / np.prod(others, axis=0)
        total += 6.0 * volume * term
    return total


def scaled(corners):
    """Corners as convex_polyhedron scales symmetric solids: unit diameter about the middle."""
    centred = corners - corners.mean(0)
    return centred / (2.0 * np.linalg.norm(centred, axis=1).max())


@pytest.mark.parametrize("solid", SOLIDS, ids=lambda f: f.__name__)
def test_the_sum_over_edges_agrees_with_a_sum_over_tetrahedra(solid):
    q = random_q()
    found = polyhedron_amplitude(solids.body(solid).to(CPU), q)[0].numpy()
    expected = tetrahedra_sum(scaled(solid()), q[0].T.double().numpy())
    assert abs(found - expected).max() < 1e-5


def test_a_body_without_symmetry_agrees_too():
    corners = np.random.default_rng(3).normal(size=(11, 3))
    corners /= np.linalg.norm(corners, axis=1, keepdims=True)
    body = convex_polyhedron(corners)
    # The body is centred on its own centroid: compare intensities, which do not care.
    hull = ConvexHull(corners)
    assert body.weight == 1.0
    q = random_q()
    found = polyhedron_amplitude(body.to(CPU), q)[0].abs().numpy()
    scale = (float(body.volume) / hull.volume) ** (1.0 / 3.0)
    expected = abs(tetrahedra_sum(corners * scale, q[0].T.double().numpy()))
    assert abs(found - expected).max() < 1e-5


@pytest.mark.parametrize("solid", SOLIDS, ids=lambda f: f.__name__)
def test_forward_scattering_is_the_volume_and_small_q_joins_it(solid):
    body = solids.body(solid).to(CPU)
    volume = ConvexHull(scaled(solid())).volume
    q = torch.tensor([[0.0, 1e-4, 0.019, 0.021, 0.1], [0.0] * 5, [0.0] * 5])[None]
    found = polyhedron_amplitude(body, q)[0].real
    assert torch.allclose(found, torch.tensor(volume, dtype=torch.float32), rtol=1e-3)


@pytest.mark.parametrize("solid", SOLIDS, ids=lambda f: f.__name__)
def test_degenerate_directions_are_finite_and_continuous(solid):
    """Upright on a face, along an edge, through a corner: the places where the sums cancel."""
    body = solids.body(solid).to(CPU)
    special = torch.cat([body.normals[0], body.vectors[0], body.middles[0]])
    special = special / special.norm(dim=1, keepdim=True)
    nudge = torch.randn(special.shape, generator=torch.Generator().manual_seed(5)) * 1e-3
    for length in (0.5, 5.0, 40.0, 90.0):
        exact = polyhedron_amplitude(body, (special * length).T[None])[0]
        beside = polyhedron_amplitude(body, (special * length + nudge).T[None])[0]
        assert torch.isfinite(exact.abs()).all()
        assert (exact - beside).abs().max() < 2e-4


def test_single_precision_is_enough_out_to_the_finest_fringes():
    q = random_q(400, spread=60.0)
    for solid in SOLIDS:
        body = solids.body(solid)
        single = polyhedron_amplitude(body.to(CPU), q)
        double = polyhedron_amplitude(body.to(CPU, torch.float64), q.double())
        assert (single - double).abs().max() < 1e-5 * float(body.volume)


def test_an_icosahedron_looks_the_same_after_a_fifth_of_a_turn():
    axis = torch.tensor(solids.icosahedron()[0], dtype=torch.float32)
    axis = axis / axis.norm()
    x, y, z = axis.tolist()
    cross = torch.tensor([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = 2.0 * math.pi / 5.0
    turn = torch.eye(3) + math.sin(angle) * cross + (1.0 - math.cos(angle)) * cross @ cross
    body, q = solids.body(solids.icosahedron).to(CPU), random_q()
    assert torch.allclose(
        polyhedron_amplitude(body, q), polyhedron_amplitude(body, turn @ q), atol=1e-6
    )
    odd = torch.linalg.matrix_exp(0.3 * cross)
    assert not torch.allclose(
        polyhedron_amplitude(body, q), polyhedron_amplitude(body, odd @ q), atol=1e-4
    )


def test_bodies_with_a_centre_are_real_and_others_obey_friedel():
    q = random_q()
    assert not polyhedron_amplitude(solids.body(solids.soccer).to(CPU), q).is_complex()
    odd = solids.body(solids.decahedron).to(CPU)
    assert torch.allclose(
        polyhedron_amplitude(odd, q), polyhedron_amplitude(odd, -q).conj(), atol=1e-6
    )


def test_stacked_bodies_are_each_their_own():
    points = np.random.default_rng(4).normal(size=(2, 10, 3))
    points /= np.linalg.norm(points, axis=2, keepdims=True)
    bodies = [convex_polyhedron(p) for p in points]
    q = random_q().expand(2, -1, -1)
    together = polyhedron_amplitude(stack(bodies).to(CPU), q)
    for row, body in enumerate(bodies):
        alone = polyhedron_amplitude(body.to(CPU), q[:1])
        assert torch.allclose(together[row], alone[0], atol=1e-6)


def test_a_net_over_the_ball_scatters_nearly_like_the_ball():
    net = meshes.ball_net(400)
    mesh = meshes.mesh_polyhedron(net, 0.5 * net.directions[None])
    lengths = torch.linspace(0.5, 10.0, 30)
    q = Draw(1).directions(30).T[None] * lengths
    found = polyhedron_amplitude(mesh, q)[0].real
    ball = 3.0 * (torch.sin(lengths / 2) - lengths / 2 * torch.cos(lengths / 2))
    ball = ball / (lengths / 2) ** 3 * math.pi / 6.0
    assert float(mesh.volume) == pytest.approx(math.pi / 6.0, rel=0.03)
    assert (found - ball).abs().max() < 0.03 * math.pi / 6.0


def test_a_mesh_of_a_hull_is_the_hull():
    net = meshes.ball_net(24)
    hull = convex_polyhedron(net.directions.double().numpy())
    mesh = meshes.mesh_polyhedron(net, 0.5 * net.directions[None])
    q = random_q(spread=8.0)
    found = polyhedron_amplitude(mesh, q).abs()
    scale = (float(hull.volume) / float(mesh.volume)) ** (1.0 / 3.0)
    expected = polyhedron_amplitude(hull.to(CPU), q / scale).abs() / scale**3
    assert torch.allclose(found, expected, atol=1e-5)


def test_a_cube_is_a_product_of_three_slits():
    corners = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
    side = 1.0 / math.sqrt(3.0)  # of the cube in a ball of unit diameter
    q = random_q()
    found = polyhedron_amplitude(convex_polyhedron(corners).to(CPU), q)[0]
    expected = side**3 * torch.sinc(q[0] * side / (2.0 * math.pi)).prod(0)
    assert torch.allclose(found, expected, atol=1e-6)


def test_a_soccer_ball_agrees_with_a_sum_over_voxels():
    cells = 48
    corners = scaled(solids.soccer())
    hull = ConvexHull(corners)
    axis = (np.arange(cells) + 0.5) / cells - 0.5
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    inside = (points @ hull.equations[:, :3].T + hull.equations[:, 3] <= 0).all(1)
    q = random_q(30, spread=12.0)
    expected = np.cos(points[inside] @ q[0].double().numpy()).mean(0) * hull.volume
    found = polyhedron_amplitude(solids.body(solids.soccer).to(CPU), q)[0].numpy()
    assert abs(found - expected).max() < 3e-3 * hull.volume


@pytest.mark.parametrize("solid", [solids.icosahedron, solids.octahedron, solids.decahedron])
def test_parseval_holds_with_the_tail_that_the_surface_gives(solid):
    """Integral of |F|^2 d3q / (2 pi)^3 = V; beyond Q its mean is 2 pi S / q^4: S / (pi Q) (Porod).

    Directions spread evenly over the ball (golden spiral): flat faces shine in single directions.
    """
    hull = ConvexHull(scaled(solid()))
    end, steps, count = 60.0, 600, 1500
    directions = meshes.ball_net(count).directions
    q = (torch.arange(steps) + 0.5) * (end / steps)
    points = (directions[:, :, None] * q).movedim(0, 1).flatten(1)
    squared = polyhedron_amplitude(solids.body(solid).to(CPU), points[None])[0].abs().square()
    mean = squared.view(count, steps).double().mean(0)
    inner = (4.0 * math.pi * q.double() ** 2 * mean).sum() * (end / steps) / (2.0 * math.pi) ** 3
    total = float(inner) + hull.area / (math.pi * end)
    assert total == pytest.approx(hull.volume, rel=0.02)


def test_a_moved_body_scatters_with_another_phase_and_nothing_else():
    """F of a body moved by d is F exp(i q.d): the transform knows where its corners are."""
    net = meshes.ball_net(24)
    corners = 0.5 * net.directions[None] * torch.tensor([1.0, 0.7, 0.5])
    place = torch.tensor([0.3, -0.2, 0.4])
    q = random_q(spread=8.0)
    here = polyhedron_amplitude(meshes.mesh_polyhedron(net, corners), q)
    there = polyhedron_amplitude(meshes.mesh_polyhedron(net, corners + place), q)
    phase = torch.exp(1j * (place @ q[0]))
    assert torch.allclose(there, here * phase, atol=2e-5)
    assert not torch.allclose(there, here * phase.conj(), atol=1e-2)
