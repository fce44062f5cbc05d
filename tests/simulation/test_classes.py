import pytest
import torch

from spi_viewer.frames import FrameClass
from spi_viewer.simulation.classes import draw_classes, draw_particles, draw_photons
from spi_viewer.simulation.dataset import DEFAULT_WEIGHTS, class_weights
from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.scattering import Geometry, pixel_contrast

FRAMES = 600


@pytest.fixture(scope="module")
def scene():
    draw = Draw(11)
    side = 128
    geometry = Geometry(
        torch.full((FRAMES,), 0.7293),
        torch.full((FRAMES,), 0.58),
        torch.full((FRAMES,), 600e-6),
        torch.full((FRAMES, 2), (side - 1) / 2.0),
        side,
    )
    frame_class = torch.arange(FRAMES) % 2  # single, multi, single ...
    photons = draw_photons(FRAMES, draw)
    largest = draw.log_uniform(6.0, 32.0, FRAMES) / geometry.field_per_nm
    particles = draw_particles(frame_class, largest, photons, geometry, draw)
    return frame_class, photons, geometry, particles


@pytest.mark.parametrize("good_fraction", [0.1, 0.5, 0.9])
def test_every_stretch_of_a_stream_honours_the_good_fraction(good_fraction):
    weights = class_weights(good_fraction)
    for first, count in ((0, 500), (12345, 200)):
        classes = draw_classes(weights, first, count, seed=3)
        good = int((classes == FrameClass.SINGLE).sum())
        assert abs(good - good_fraction * count) <= 4


def test_all_weights_are_honoured():
    classes = draw_classes(DEFAULT_WEIGHTS, 0, 2000, seed=9)
    for frame_class, weight in DEFAULT_WEIGHTS.items():
        assert abs(int((classes == frame_class).sum()) - 2000 * weight) <= 6


def test_class_of_a_frame_does_not_depend_on_how_many_are_asked_for():
    long = draw_classes(DEFAULT_WEIGHTS, 0, 300, seed=1)
    assert torch.equal(long[100:150], draw_classes(DEFAULT_WEIGHTS, 100, 50, seed=1))


def test_photons_span_five_decades_and_most_are_bright_enough_to_judge():
    photons = draw_photons(20000, Draw(2))
    assert 500.0 <= photons.min() < 700.0
    assert 7e7 < photons.max() <= 1e8
    assert (photons > 1e6).float().mean() < 0.1
    assert (photons >= 2e3).float().mean() > 0.9


def test_multis_have_two_to_five_particles(scene):
    frame_class, _, _, particles = scene
    several = particles.count[frame_class == FrameClass.MULTI]
    assert set(several.tolist()) == {2, 3, 4, 5}


def test_shares_add_up_and_none_goes_to_particles_that_are_not_there(scene):
    _, _, _, particles = scene
    assert torch.allclose(particles.share.sum(1), torch.ones(FRAMES))
    absent = torch.arange(5) >= particles.count[:, None]
    assert (particles.share[absent] == 0).all()


def test_every_multi_could_be_told_from_its_smooth_sum(scene):
    frame_class, photons, geometry, particles = scene
    middle = torch.tensor([(128 - 1) / 2.0])
    modulation = torch.zeros(FRAMES)
    for first in range(5):
        for second in range(first + 1, 5):
            distance = particles.position_nm[:, second] - particles.position_nm[:, first]
            contrast = pixel_contrast(distance, geometry, middle).prod(1)[:, 0]
            shares = particles.share[:, first] * particles.share[:, second]
            modulation += 2.0 * shares * contrast**2
    multi = frame_class == FrameClass.MULTI
    assert (modulation[multi] * photons[multi]).min() > 30.0
    assert modulation[multi].min() > 0.02


def test_hardly_any_multi_hides_one_particle_behind_the_other(scene):
    frame_class, _, _, particles = scene
    pair = (frame_class == FrameClass.MULTI) & (particles.count == 2)
    across = (particles.position_nm[pair, 1] - particles.position_nm[pair, 0])[:, :2].norm(dim=1)
    assert (across / particles.diameter_nm[pair, 0]).min() > 0.2


def test_most_multis_are_near_and_some_are_far(scene):
    frame_class, _, _, particles = scene
    multi = frame_class == FrameClass.MULTI
    distance = (particles.position_nm[multi, 1] - particles.position_nm[multi, 0]).norm(dim=1)
    in_diameters = distance / particles.diameter_nm[multi, 0]
    assert (in_diameters < 3.2).float().mean() > 0.75
    assert (in_diameters > 3.5).any()
    assert (in_diameters < 1.1).float().mean() > 0.3


def test_particles_of_a_multi_are_about_as_large_as_singles(scene):
    frame_class, _, _, particles = scene
    multi, single = frame_class == FrameClass.MULTI, frame_class == FrameClass.SINGLE
    medians = [particles.diameter_nm[chosen, 0].median() for chosen in (multi, single)]
    assert 0.85 < medians[0] / medians[1] < 1.18


def test_a_few_singles_have_a_companion_too_faint_to_matter(scene):
    frame_class, _, _, particles = scene
    single = frame_class == FrameClass.SINGLE
    faint = single & (particles.count == 2)
    assert (particles.count[single] <= 2).all()
    assert 0.03 < faint.sum() / single.sum() < 0.10
    assert particles.share[faint, 1].min() >= 5e-4
    assert particles.share[faint, 1].max() <= 1e-2
    alone = single & (particles.count == 1)
    assert (particles.share[alone, 0] == 1.0).all()
    distance = (particles.position_nm[faint, 1] - particles.position_nm[faint, 0]).norm(dim=1)
    assert (distance / particles.diameter_nm[faint, 0] > 0.5).all()


def test_nothing_lies_between_faint_companions_and_multis_that_can_be_seen(scene):
    """People disagree on a second particle with 1 to 11 % of the photons; nothing is drawn."""
    frame_class, _, _, particles = scene
    pair = (frame_class == FrameClass.MULTI) & (particles.count == 2)
    assert particles.share[pair, :2].amin(1).min() > 0.11


def test_part_of_the_scenes_mix_species_and_the_first_is_the_frames_own(scene):
    _, _, _, particles = scene
    own = torch.arange(FRAMES)
    assert torch.equal(particles.species[:, 0], own)
    others = particles.species[:, 1:] != own[:, None]
    mixed = others.any(1)
    assert 0.25 < mixed.float().mean() < 0.35
    assert others[mixed].float().mean() > 0.95  # from any frame of the block
    assert particles.species.min() >= 0
    assert particles.species.max() < FRAMES


def test_no_particle_is_larger_than_its_frame_resolves(scene):
    _, _, _, particles = scene
    assert (particles.diameter_nm[:, 1:] <= particles.diameter_nm[:, :1]).all()
    assert (particles.diameter_nm[:, 1:] >= 0.499 * particles.diameter_nm[:, :1]).all()
