"""Whether hits show what they are, and what becomes of those that do not."""

import math

import pytest
import torch

from spi_viewer.frames import FrameClass
from spi_viewer.simulation import block, visibility
from spi_viewer.simulation.classes import MOST_PHOTONS
from spi_viewer.simulation.dataset import simulate_frames
from spi_viewer.simulation.visibility import shows_fringes, shows_interference

SIDE = 128
MIDDLE = torch.full((1, 2), (SIDE - 1) / 2.0)


def distances(squeeze=1.0):
    pixels = torch.arange(SIDE) - (SIDE - 1) / 2.0
    return torch.hypot(pixels[:, None] * squeeze, pixels)


def sphere(squeeze=1.0):
    """Airy-like rings of unit sum, 10 px from minimum to minimum."""
    u = distances(squeeze) * math.pi / 10.0 + 1e-3
    pattern = ((torch.sin(u) - u * torch.cos(u)) / u**3) ** 2
    return (pattern / pattern.sum())[None]


def fringes_show(pattern, photons=1e4, background=0.0, hidden_px=0.0):
    light = photons * (distances() > hidden_px)[None]
    return bool(shows_fringes(pattern, light, pattern * light + background, MIDDLE))


def test_rings_show_where_there_are_photons_enough():
    assert fringes_show(sphere())
    assert fringes_show(sphere(squeeze=2.0))
    assert not fringes_show(sphere(), photons=300.0)


def test_a_core_that_only_falls_off_shows_no_fringes():
    core = torch.exp(-distances() / 10.0)[None]
    assert not fringes_show(core / core.sum(), photons=1e6)


def test_background_hides_rings():
    assert not fringes_show(sphere(), background=20.0)


@pytest.mark.parametrize("photons", [1e5, 1e7])
def test_rings_must_stand_out_from_what_is_under_them_however_bright(photons):
    pattern = sphere()
    first_ring = photons * float(pattern[0, SIDE // 2, SIDE // 2 + 14 :].max())
    assert fringes_show(pattern, photons, background=first_ring)
    assert not fringes_show(pattern, photons, background=20.0 * first_ring)


def test_shadows_hide_rings():
    assert fringes_show(sphere(), hidden_px=14.0)
    assert not fringes_show(sphere(), hidden_px=50.0)


def test_the_size_of_the_pixels_does_not_matter():
    coarse = torch.nn.functional.avg_pool2d(sphere(), 2) * 4
    light = torch.full((1, 64, 64), 1e4)
    for photons in (300.0, 1e4):
        small = photons * torch.ones(1, 64, 64)
        shown = shows_fringes(coarse, small, coarse * light / 1e4 * photons, MIDDLE / 2 - 0.25)
        assert bool(shown) == fringes_show(sphere(), photons)


@pytest.mark.parametrize(
    ("contrast", "photons", "shown"), [(0.9, 1e4, True), (0.3, 1e6, False), (0.9, 300.0, False)]
)
def test_interference_shows_if_it_is_strong_and_bright(contrast, photons, shown):
    """Fringes of contrast c over all the light: chi^2 = N c^2 / 2."""
    pixels = torch.arange(SIDE)
    smooth = torch.full((1, SIDE, SIDE), photons / SIDE**2)
    cross = smooth * contrast * torch.cos(2.0 * math.pi * pixels / 8.0)
    found = shows_interference(cross, smooth + cross, torch.tensor([photons]))
    assert bool(found) == shown


EACH = dict.fromkeys(FrameClass, 0.25)


def simulated():
    return simulate_frames(["sphere", "box"], 128, seed=4, weights=EACH, side_px=64)


def test_hits_without_fringes_are_drawn_anew(monkeypatch):
    """Here only those show fringes whose centre lies in the upper half."""
    usual = simulated()
    monkeypatch.setattr(block, "_FURTHER_ATTEMPTS", 30)
    monkeypatch.setattr(
        visibility, "shows_fringes", lambda _p, _l, _e, center_px: center_px[:, 0] < 31.5
    )
    found = simulated()
    is_hit = (found.frame_class == FrameClass.SINGLE) | (found.frame_class == FrameClass.MULTI)
    assert (found.geometry.center_px[is_hit, 0] < 31.5).all()
    assert not (usual.geometry.center_px[is_hit, 0] < 31.5).all()
    assert torch.equal(found.geometry.center_px[~is_hit], usual.geometry.center_px[~is_hit])
    assert torch.equal(found.frame_class, usual.frame_class)
    assert torch.equal(found.photons[~is_hit], usual.photons[~is_hit])
    # Thrice as bright each time.
    free = is_hit & (found.photons < MOST_PHOTONS) & (usual.photons < MOST_PHOTONS)
    times = torch.log(found.photons[free] / usual.photons[free]) / math.log(3.0)
    assert torch.allclose(times, times.round(), atol=1e-4)
    assert times.max() >= 2.0
    hits = is_hit.nonzero()[:, 0].tolist()
    assert [found.family[row] for row in hits] == [usual.family[row] for row in hits]
    assert found.detector == usual.detector


def test_particles_that_cannot_be_told_apart_are_drawn_anew_in_the_same_setting(monkeypatch):
    monkeypatch.setattr(visibility, "shows_fringes", lambda p, *_: torch.ones(len(p)).bool())
    monkeypatch.setattr(visibility, "shows_interference", lambda _i, _e, n: torch.ones(len(n)) > 0)
    first = simulated()
    answers = iter([False, True] * 100)
    monkeypatch.setattr(
        visibility,
        "shows_interference",
        lambda _i, _e, photons: torch.full((len(photons),), next(answers)),
    )
    second = simulated()
    is_multi = first.frame_class == FrameClass.MULTI
    assert is_multi.any()
    changed = (first.fluence_per_um2 != second.fluence_per_um2) | (
        first.valid != second.valid
    ).flatten(1).any(1)
    assert torch.equal(changed, is_multi)
    assert torch.equal(first.diameter_nm, second.diameter_nm)
    assert torch.equal(first.geometry.center_px, second.geometry.center_px)
