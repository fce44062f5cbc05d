from dataclasses import replace

import pytest
import torch

from spi_viewer.simulation import hits
from spi_viewer.simulation.classes import Particles
from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.hits import particle_intensities
from spi_viewer.simulation.particles import FAMILIES
from spi_viewer.simulation.scattering import Geometry
from spi_viewer.simulation.texture import draw_texture, textured_amplitude

SIDE = 96


def geometry(frames=1):
    return Geometry(
        torch.full((frames,), 0.7293),
        torch.full((frames,), 0.58),
        torch.full((frames,), 800e-6),
        torch.full((frames, 2), (SIDE - 1) / 2.0),
        SIDE,
    )


def pattern(positions, shares, fringes=10.0, families=("sphere",), seed=1):
    """Pattern of particles at positions (in diameters) with the given photon shares."""
    where = geometry()
    diameter = torch.full((1, 5), fringes) / where.field_per_nm
    position, share = torch.zeros(1, 5, 3), torch.zeros(1, 5)
    position[0, : len(positions)] = torch.tensor(positions) * diameter[0, 0]
    share[0, : len(shares)] = torch.tensor(shares)
    particles = Particles(
        count=torch.tensor([len(shares)]),
        diameter_nm=diameter,
        position_nm=position,
        share=share,
        rotation=torch.eye(3).expand(1, 5, 3, 3),
        species=torch.zeros((1, 5), dtype=torch.int64),
    )
    visible = torch.ones(1, SIDE, SIDE)
    image, fluence = particle_intensities(
        particles, list(families), torch.tensor([fringes]), where, visible, Draw(seed)
    )
    return image[0], fluence[0]


@pytest.fixture
def uniform_inside(monkeypatch):
    """Particles without layers, grains and soft surfaces, which no symmetry survives."""

    def draw_bare(inner_radius, diameter_nm, draw):
        drawn = draw_texture(inner_radius, diameter_nm, draw)
        plain = {
            name: torch.zeros_like(getattr(drawn, name))
            for name in ("softness", "layer_contrast", "grain_weights")
        }
        return replace(drawn, **plain)

    monkeypatch.setattr(hits, "draw_texture", draw_bare)


def test_a_pattern_has_unit_sum():
    for positions, shares in (([(0, 0, 0)], [1.0]), ([(0, 0, 0), (1.5, 0, 0)], [0.7, 0.3])):
        image, fluence = pattern([tuple(map(float, p)) for p in positions], shares)
        assert image.sum().item() == pytest.approx(1.0, abs=1e-4)
        assert (image >= 0).all()
        assert fluence > 0


def test_a_single_sphere_is_round(uniform_inside):
    image, _ = pattern([(0.0, 0.0, 0.0)], [1.0])
    assert torch.allclose(image, image.T, rtol=5e-3, atol=1e-8)
    assert torch.allclose(image, image.flip(0), rtol=1e-3, atol=1e-8)


def test_a_pair_shows_the_fringes_of_its_separation():
    """Two equal spheres: the single pattern times 1 + c cos(q.r), dark where q.r = pi."""
    alone, _ = pattern([(0.0, 0.0, 0.0)], [1.0])
    pair, _ = pattern([(0.0, 0.0, 0.0), (2.0, 0.0, 0.0)], [0.5, 0.5])
    middle = SIDE // 2
    ratio = pair[middle] / alone[middle]
    # Fringes of two diameters: SIDE / (10 * 2) = 4.8 px, dark at 2.4 px from the centre.
    assert ratio[middle + 2] < 0.2 * ratio[middle]
    # Across the separation there are none.
    column = (pair[:, middle] / alone[:, middle])[middle - 6 : middle + 6]
    assert column.std() / column.mean() < 0.02


def test_a_particle_of_no_share_changes_nothing():
    alone, _ = pattern([(0.0, 0.0, 0.0)], [1.0])
    pair, _ = pattern([(0.0, 0.0, 0.0), (1.2, 0.4, 0.0)], [1.0 - 1e-9, 1e-9])
    assert torch.allclose(pair, alone, atol=1e-3 * alone.max().item())


def test_distant_pairs_look_like_a_smooth_sum():
    alone, _ = pattern([(0.0, 0.0, 0.0)], [1.0])
    # 9.6 diameters: one fringe a pixel, which the pixel averages away.
    pair, _ = pattern([(0.0, 0.0, 0.0), (9.6, 0.0, 0.0)], [0.5, 0.5])
    assert (pair - alone).abs().sum() < 0.03


@pytest.mark.parametrize("family", ["icosahedron", "sphere", "rough"])
def test_texture_keeps_forward_scattering_near_the_volume(family):
    draw = Draw(6)
    count = 40
    shapes = FAMILIES[family].draw(count, draw)
    inner = torch.full((count,), FAMILIES[family].inner_radius)
    texture = draw_texture(inner, torch.full((count,), 70.0), draw)
    zero = torch.zeros(count, 3, 1)
    plain = shapes.amplitude(zero).real
    textured = textured_amplitude(shapes, texture, zero).real
    bare = texture.layer_contrast == 0
    assert bare.any()
    assert (~bare).any()
    assert torch.allclose(textured[bare], plain[bare], rtol=1e-3)
    expected = plain * (1 + texture.layer_contrast * texture.layer_scale**3)[:, None]
    assert torch.allclose(textured, expected, rtol=1e-3)
