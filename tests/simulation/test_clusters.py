"""Bodies put together from many are one body each, and scatter as their density does."""

import pytest
import torch

from spi_viewer.simulation.clusters import draw_branched, draw_coil, draw_cross, draw_ring
from spi_viewer.simulation.draws import Draw

COUNT = 40


def balls_of(shapes):
    """Places (P, J, 3), whether used (P, J), and radius (P,)."""
    places, weights, radius, _ = shapes.parameters
    return places.unflatten(1, (-1, 3)), weights > 0, radius


def reached_from_the_first(places, used, touching):
    """Which balls hang together with the first one through balls that are no further apart."""
    near = (places[:, None] - places[None]).norm(dim=-1) <= touching
    near &= used[:, None] & used[None]
    reached = torch.zeros(len(places), dtype=torch.bool)
    reached[0] = True
    for _ in range(len(places)):
        reached = reached | near[reached].any(0)
    return reached


@pytest.mark.parametrize("draw_bodies", [draw_branched, draw_ring, draw_coil])
def test_all_balls_hang_together(draw_bodies):
    places, used, radius = balls_of(draw_bodies(COUNT, Draw(1)))
    for place, one_used, one_radius in zip(places, used, radius, strict=True):
        reached = reached_from_the_first(place, one_used, 2.0 * one_radius)
        assert (reached == one_used).all()


def test_branched_bodies_range_from_threads_to_clumps():
    places, used, radius = balls_of(draw_branched(400, Draw(2)))
    spread = (places * used[..., None]).flatten(1).norm(dim=1) / used.sum(1).sqrt()
    slimness = spread / (radius * used.sum(1) ** (1.0 / 3.0))  # of a clump it does not grow
    assert slimness.quantile(0.9) > 2.0 * slimness.quantile(0.1)


def test_coils_range_from_hooks_to_springs_and_none_bites_its_own_tail():
    places, used, radius = balls_of(draw_coil(400, Draw(6)))
    places = places / radius[:, None, None]
    ends = []
    for place, one_used in zip(places, used, strict=True):
        kept = place[one_used]
        assert len(kept) >= 4
        ends.append((kept[0] - kept[-1]).norm())
        length = 1.2 * (len(kept) - 1)
        assert ends[-1] <= length * 1.0001
    flat = places[..., 2].masked_fill(~used, 0.0).abs().amax(1) < 4.0
    assert flat.any()
    assert (torch.stack(ends)[flat] > 1.5).all()  # two ends, not a ring
    assert (torch.stack(ends) > 25.0).any()  # a long, straight one


def test_rings_have_a_hole_in_the_middle():
    places, used, radius = balls_of(draw_ring(COUNT, Draw(3)))
    middle = (places * used[..., None]).sum(1, keepdim=True) / used.sum(1)[:, None, None]
    across = (places - middle)[..., :2].norm(dim=-1)
    assert (across > radius[:, None])[used].all()  # no lobe reaches the axis
    for one, one_used in zip(across, used, strict=True):
        assert one[one_used].std() < 1e-3 * one[one_used].mean()  # all in one circle


def test_rings_of_one_storey_scatter_most_along_their_axis():
    shapes = draw_ring(COUNT, Draw(3))
    flat = ~shapes.parameters[1][:, 12:].any(1)
    assert flat.any()
    axes = 8.0 * torch.eye(3).expand(COUNT, -1, -1)
    across_x, across_y, along = shapes.amplitude(axes)[flat].abs().unbind(1)
    assert (along > across_x).all()
    assert (along > across_y).all()


def test_a_cross_scatters_as_the_union_of_its_bars():
    """Against a sum over small cells, each counted once wherever bars overlap."""
    shapes = draw_cross(3, Draw(4))
    middles, halves, weights = shapes.parameters
    assert weights.sum(1).eq(1.0).all()
    cells = 200
    line = (torch.arange(cells) + 0.5) / cells - 0.5
    points = torch.cartesian_prod(line, line, line)
    q = Draw(5).directions(15).T * torch.linspace(0.0, 12.0, 15)
    for row in range(3):
        inside = torch.zeros(len(points), dtype=torch.bool)
        for middle, half in zip(middles[row].view(4, 3)[:3], halves[row].view(4, 3), strict=False):
            inside |= ((points - middle).abs() < half).all(-1)
        phase = points[inside] @ q
        expected = torch.complex(torch.cos(phase), torch.sin(phase)).sum(0) / cells**3
        found = shapes.select(torch.tensor([row])).amplitude(q[None])[0]
        assert (found - expected).abs().max() < 0.04 * expected[0].abs()  # 5 cells to an arm


def test_crosses_come_with_and_without_a_centre_of_symmetry():
    q = Draw(6).directions(30).T * 8.0
    form = draw_cross(COUNT, Draw(7)).amplitude(q.expand(COUNT, 3, -1))
    skew = (form.imag.abs().amax(1) / form.abs().amax(1)).sort().values
    assert skew[0] < 0.5 * skew[-1]
