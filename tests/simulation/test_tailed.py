"""Phages are one body each: a head and a tail that begins in it."""

import math

import torch

from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.tailed import draw_phage

COUNT = 200


def test_a_phage_scatters_as_the_density_of_head_and_tail():
    """Against a sum over small cells, each counted once where the tail reaches into the head."""
    shapes = draw_phage(4, Draw(1))
    cells = 200
    line = (torch.arange(cells) + 0.5) / cells - 0.5
    points = torch.cartesian_prod(line, line, line)
    q = Draw(2).directions(15).T * torch.linspace(0.0, 12.0, 15)
    found = shapes.amplitude(q.expand(4, 3, -1))
    body, stretch = shapes.heads.body, shapes.heads.stretch
    normals = torch.cat([body.normals[0], -body.normals[0]])  # one of each pair is kept
    reach = (body.normals[0] * body.centers[0]).sum(-1).abs().repeat(2)
    radius, height = (parameter[:, None] for parameter in shapes.tails.parameters)
    for row in range(4):
        in_head = points.clone()
        in_head[:, 2] -= shapes.places[row, 0]
        inside = ((in_head / stretch[row]) @ normals.T < reach).all(1)
        across, along = points[:, :2].norm(dim=1), points[:, 2] - shapes.places[row, 1]
        inside |= (across < radius[row]) & (along.abs() < height[row] / 2.0)
        phase = points[inside] @ q
        expected = torch.complex(torch.cos(phase), torch.sin(phase)).sum(0) / cells**3
        assert (found[row] - expected).abs().max() < 0.02 * expected[0].abs()


def test_tails_begin_in_the_head_and_heads_outweigh_most_of_them():
    shapes = draw_phage(COUNT, Draw(3))
    radius, height = shapes.tails.parameters
    bottom = shapes.places[:, 0] - shapes.heads.stretch[:, 2] / 2.0
    top = shapes.places[:, 1] + height / 2.0
    assert (top > bottom).all()
    assert (top - bottom < 2.0 * radius).all()
    tail = math.pi * radius**2 * height
    head = shapes.heads.body.volume * shapes.heads.stretch.prod(-1)
    assert (tail < head).all()
    assert (tail < 0.25 * head).float().mean() > 0.7


def test_the_centroid_is_the_origin():
    """The phase of F(q) grows with the third power of a small q, not with q."""
    q = torch.tensor([[0.0], [0.0], [0.2]])
    form = draw_phage(COUNT, Draw(4)).amplitude(q.expand(COUNT, 3, -1))[:, 0]
    assert (form.imag / form.real).abs().max() < 1e-3
