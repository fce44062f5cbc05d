from dataclasses import replace

import pytest
import torch

from spi_viewer.simulation import hits
from spi_viewer.simulation.classes import Particles
from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.hits import particle_patterns
from spi_viewer.simulation.particles import FAMILIES
from spi_viewer.simulation.scattering import (
    Geometry,
    momentum_grid,
    solid_angle_and_polarisation,
)
from spi_viewer.simulation.texture import draw_texture, textured_amplitude

SIDE = 96


def geometry(frames=1, wavelength_nm=0.7293, distance_m=0.58):
    return Geometry(
        torch.full((frames,), wavelength_nm),
        torch.full((frames,), distance_m),
        torch.full((frames,), 800e-6),
        torch.full((frames, 2), (SIDE - 1) / 2.0),
        SIDE,
    )


def pattern(
    positions, shares, fringes=10.0, families=("sphere",), species=None, turns=None, where=None
):
    """Pattern of one hit on particles at positions (in diameters) with the given photon shares.

    species are indices into families, whose first is the frame's own.
    """
    frames = len(families)
    where = where or geometry(frames)
    diameter = torch.full((frames, 5), fringes) / where.field_per_nm[:, None]
    position, share = torch.zeros(frames, 5, 3), torch.zeros(frames, 5)
    position[0, : len(positions)] = torch.tensor(positions) * diameter[0, 0]
    share[0, : len(shares)] = torch.tensor(shares)
    kinds = torch.zeros((frames, 5), dtype=torch.int64)
    kinds[0, : len(shares)] = torch.tensor(species or [0] * len(shares))
    rotation = torch.eye(3).repeat(frames, 5, 1, 1)
    if turns is not None:
        rotation[0, : len(turns)] = turns
    particles = Particles(
        count=torch.tensor([len(shares)] + [0] * (frames - 1)),
        diameter_nm=diameter,
        position_nm=position,
        share=share,
        rotation=rotation,
        species=kinds,
    )
    found = particle_patterns(
        particles,
        list(families),
        torch.full((frames,), fringes),
        where,
        torch.ones(frames, SIDE, SIDE),
        Draw(1),
    )
    return found.intensity[0], found.fluence[0]


def unlike(first, second):
    """Part of the light that lies elsewhere: 0 for equal patterns of unit sum, 1 for disjoint."""
    return ((first - second).abs().sum() / 2.0).item()


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


def test_where_the_particles_are_as_a_whole_does_not_matter(uniform_inside):
    """A translation gives all amplitudes one phase, which no detector sees."""
    scene = torch.tensor([[0.0, 0.0, 0.0], [1.1, 0.4, -0.2], [-0.3, 1.2, 0.5]])
    shares = [0.5, 0.3, 0.2]
    here, _ = pattern(scene.tolist(), shares)
    there, _ = pattern((scene + torch.tensor([5.0, -3.0, 40.0])).tolist(), shares)
    swapped, _ = pattern((scene * torch.tensor([-1.0, 1.0, 1.0])).tolist(), shares)
    assert unlike(here, there) < 1e-3
    assert unlike(here, swapped) > 0.05


def test_amplitudes_are_added_with_the_phases_of_their_places(uniform_inside):
    """Two bodies without symmetry: |F1 + F2 exp(iq.d)|^2 straight from the bodies' transforms.

    A phase of the wrong sign would go unnoticed with bodies that have a centre of symmetry.
    """
    turns = Draw(3).rotations(2)
    place = torch.tensor([0.9, -0.5, 0.3])
    fringes = 5.0  # so few that pixels wash out nothing
    found, _ = pattern(
        [[0.0] * 3, place.tolist()], [0.6, 0.4], fringes, ("polyhedron",), turns=turns
    )
    where = geometry()
    pixels = torch.arange(SIDE, dtype=torch.float32)
    q = momentum_grid(where, pixels).points()[0] * fringes / where.field_per_nm
    shape = FAMILIES["polyhedron"].draw(1, Draw(1))
    first, second = (shape.amplitude((turn @ q)[None])[0] for turn in turns)

    def summed(sign):
        parts = [
            (share / form.abs().square().sum()).sqrt() * form
            for share, form in ((0.6, first), (0.4, second))
        ]
        image = (parts[0] + parts[1] * torch.exp(sign * 1j * (place @ q))).abs().square()
        image = image.view(SIDE, SIDE) * solid_angle_and_polarisation(where, pixels)[0]
        return image / image.sum()

    assert unlike(found, summed(+1)) < 0.01
    assert unlike(found, summed(-1)) > 0.05


def test_a_mixed_scene_shows_both_species(uniform_inside):
    families = ("sphere", "rod")
    far = [(0.0, 0.0, 0.0), (9.6, 0.0, 0.0)]  # one fringe a pixel: a plain sum
    sphere, _ = pattern(far[:1], [1.0], families=families)
    rod, _ = pattern(far[:1], [1.0], families=families, species=[1])
    mixed, _ = pattern(far, [0.5, 0.5], families=families, species=[0, 1])
    assert unlike(sphere, rod) > 0.2
    assert unlike(mixed, (sphere + rod) / 2.0) < 0.03


def test_each_particle_has_the_part_of_the_light_that_it_was_given(uniform_inside):
    families = ("sphere", "rod")
    far = [(0.0, 0.0, 0.0), (9.6, 0.0, 0.0)]
    sphere, _ = pattern(far[:1], [1.0], families=families)
    rod, _ = pattern(far[:1], [1.0], families=families, species=[1])
    mixed, _ = pattern(far, [0.8, 0.2], families=families, species=[0, 1])
    assert unlike(mixed, 0.8 * sphere + 0.2 * rod) < 0.03


def test_a_faint_companion_leaves_the_pattern_nearly_as_it_was(uniform_inside):
    """A share s modulates the pattern by 2 sqrt(s) at most: a fifth of a fringe for 1 %."""
    alone, _ = pattern([(0.0, 0.0, 0.0)], [1.0])
    for share in (5e-4, 1e-2):
        faint, _ = pattern([(0.0, 0.0, 0.0), (1.4, 0.3, 0.1)], [1.0 - share, share])
        assert 0.0 < unlike(faint, alone) < 1.1 * share**0.5


def test_only_the_curvature_of_the_ewald_sphere_breaks_friedel_symmetry(uniform_inside):
    """The same q on a flatter sphere: a tenth of the wavelength, ten times the distance."""

    def asymmetry(where):
        image, _ = pattern([(0.0, 0.0, 0.0)], [1.0], 12.0, ("polyhedron",), where=where)
        return unlike(image, image.flip(0, 1))

    flat = asymmetry(geometry(wavelength_nm=0.7293e-2, distance_m=58.0))
    far = asymmetry(geometry())
    near = asymmetry(geometry(wavelength_nm=4 * 0.7293, distance_m=0.58 / 4))
    assert flat < 1e-3
    assert 3 * flat < far < near


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
