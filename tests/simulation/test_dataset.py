import itertools

import pytest
import torch

from spi_viewer.errors import SpiViewerError
from spi_viewer.frames import FrameClass
from spi_viewer.simulation import block
from spi_viewer.simulation.dataset import SimulatedFrames, simulate_frames, stream
from spi_viewer.simulation.detector import DETECTORS
from spi_viewer.simulation.particles import FAMILIES
from spi_viewer.simulation.scattering import EV_NM

QUICK = ["sphere", "icosahedron", "torus"]


@pytest.fixture(scope="module", params=[block._CACHED_PIXELS, 1], ids=["at once", "in pieces"])
def frames(request) -> SimulatedFrames:
    """Blocks made at once, as small frames are, or eight frames at a time, as large ones are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block, "_CACHED_PIXELS", request.param)
        return simulate_frames(list(FAMILIES), 384, seed=7, side_px=64)


def of_class(frames, frame_class):
    return (frames.frame_class == frame_class).nonzero()[:, 0]


def test_the_same_seed_gives_the_same_frames_bit_for_bit():
    first = simulate_frames(QUICK, 40, seed=5, side_px=64)
    again = simulate_frames(QUICK, 40, seed=5, side_px=64)
    other = simulate_frames(QUICK, 40, seed=6, side_px=64)
    assert torch.equal(first.counts, again.counts)
    assert torch.equal(first.valid, again.valid)
    assert first.family == again.family
    assert not torch.equal(first.counts, other.counts)


def test_a_longer_set_begins_with_the_shorter_one_and_can_be_made_in_pieces():
    whole = simulate_frames(QUICK, 300, seed=5, side_px=64)
    piece = simulate_frames(QUICK, 40, seed=5, side_px=64, first=250)
    assert torch.equal(whole.counts[250:290], piece.counts)
    assert whole.family[250:290] == piece.family


def test_no_frame_of_a_set_repeats(frames):
    assert len({row.sum().item() for row in frames.counts}) > 0.98 * len(frames)


def test_shapes_and_types_are_as_promised(frames):
    assert frames.counts.shape == (384, 64, 64)
    assert frames.counts.dtype == torch.float32
    assert frames.valid.dtype == torch.bool
    assert frames.frame_class.dtype == torch.int64
    assert torch.isfinite(frames.counts).all()
    assert (frames.counts[~frames.valid] == 0).all()


def test_what_is_written_about_a_frame_fits_its_class(frames):
    single, blank = of_class(frames, FrameClass.SINGLE), of_class(frames, FrameClass.BLANK)
    assert {frames.family[row] for row in single.tolist()} <= set(FAMILIES)
    assert {frames.family[row] for row in blank.tolist()} == {"blank"}
    assert (frames.photons[blank] == 0).all()
    assert (frames.particle_count[blank] == 0).all()
    assert (frames.diameter_nm[single] > 0).all()
    assert (frames.fluence_per_um2[single] > 0).all()


def test_every_frame_is_seen_at_its_own_detector(frames):
    for name, wavelength_nm in zip(frames.detector, frames.geometry.wavelength_nm, strict=True):
        low, high = DETECTORS[name].photon_energy_ev
        assert 0.999 * low <= EV_NM / float(wavelength_nm) <= 1.001 * high


@pytest.mark.parametrize("cached_pixels", [block._CACHED_PIXELS, 1])
def test_counts_hold_the_promised_photons_where_nothing_else_is(monkeypatch, cached_pixels):
    """On a perfect detector all counts are the particle's: Poisson about `photons`."""
    monkeypatch.setattr(block, "_CACHED_PIXELS", cached_pixels)
    ideal = simulate_frames(
        list(FAMILIES),
        200,
        seed=1,
        detector=DETECTORS["ideal"],
        weights={FrameClass.SINGLE: 0.5, FrameClass.MULTI: 0.5},
        side_px=64,
    )
    deviation = (ideal.counts.sum((1, 2)) - ideal.photons) / ideal.photons.sqrt()
    assert deviation.abs().max() < 5.0
    assert 0.8 < deviation.std() < 1.2
    assert torch.equal(ideal.counts, ideal.counts.round())


def test_a_stream_goes_on_without_repeating_and_can_be_resumed():
    batches = list(itertools.islice(stream(QUICK, 48, seed=2, side_px=64), 7))
    assert all(len(batch) == 48 for batch in batches)
    sums = {row.sum().item() for batch in batches for row in batch.counts}
    assert len(sums) > 0.97 * 7 * 48
    later = next(stream(QUICK, 64, seed=2, side_px=64, first_block=1))
    assert any(torch.equal(later.counts[0], row) for batch in batches for row in batch.counts)


def test_streams_of_different_seeds_differ():
    first, second = (next(stream(QUICK, 16, seed=s, side_px=64)) for s in (1, 2))
    assert not torch.equal(first.counts, second.counts)


def test_only_the_families_asked_for_appear():
    frames = simulate_frames(["rod"], 60, seed=1, side_px=64)
    hit = frames.particle_count > 0
    assert {name for name, is_hit in zip(frames.family, hit, strict=True) if is_hit} == {"rod"}


def test_every_family_and_every_real_detector_gives_patterns(frames):
    total = frames.counts.sum((1, 2))
    hits = frames.particle_count > 0
    names = {name for name, hit in zip(frames.family, hits.tolist(), strict=True) if hit}
    assert names == set(FAMILIES)
    assert set(frames.detector) == {name for name in DETECTORS if DETECTORS[name].nuisances}
    assert (total[hits] > 100).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"families": ["teapot"]},
        {"families": []},
        {"count": 0},
        {"side_px": 16},
        {"detector": []},
        {"good_fraction": 1.5},
        {"weights": {FrameClass.SINGLE: 0.0}},
    ],
)
def test_impossible_wishes_are_refused_with_a_clear_message(wrong):
    wishes = {"families": QUICK, "count": 10, "seed": 1, "side_px": 64} | wrong
    with pytest.raises(SpiViewerError, match=r"\w+ \w+"):
        simulate_frames(**wishes)
