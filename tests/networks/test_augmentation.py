"""Augmentation moves, masks and dims, and invents nothing."""

import dataclasses

import pytest
import torch

from spi_viewer.frames import FrameClass
from spi_viewer.networks import augmentation
from spi_viewer.networks.augmentation import SHARES, Shares
from spi_viewer.simulation.dataset import simulate_frames

NONE = Shares(**{field.name: 0.0 for field in dataclasses.fields(Shares)})
NAMES = [field.name for field in dataclasses.fields(Shares)]


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def augment(counts, valid, draws, shares=SHARES, frame_class=FrameClass.MULTI):
    classes = torch.full((len(counts),), int(frame_class))
    return augmentation.augment(counts, valid, classes, draws, shares)


def only(name: str) -> Shares:
    small = {"coarsened": 1.0} if name == "coarsened_and_clipped" else {}
    return dataclasses.replace(NONE, **small, **{name: 1.0})


@pytest.fixture
def frames(toy_batch):
    batch = toy_batch(0, 40)
    return batch.counts, batch.valid


def test_the_same_seed_repeats_and_another_differs(frames):
    first, again, other = (augment(*frames, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


@pytest.mark.parametrize("name", NAMES)
def test_each_change_leaves_the_given_frames_alone_and_fits_their_shape(frames, name):
    counts, valid = frames[0].clone(), frames[1].clone()
    new_counts, new_valid = augment(counts, valid, generator(0), only(name))
    assert torch.equal(counts, frames[0])
    assert torch.equal(valid, frames[1])
    assert new_counts.shape == counts.shape
    assert new_counts.dtype == torch.float32
    assert new_valid.dtype == torch.bool
    assert torch.isfinite(new_counts).all()
    assert (new_counts[~new_valid] == 0).all()
    still, _ = augment(counts, valid, generator(0), NONE)
    assert not torch.equal(new_counts, still) or name == "dead"


def test_without_changes_only_the_eight_orientations_occur():
    frame, valid = torch.zeros(200, 128, 128), torch.ones(200, 128, 128, dtype=torch.bool)
    frame[:, 3, 50] = 7
    turned, _ = augment(frame, valid, generator(0), NONE)
    places = {tuple(one.nonzero()[0].tolist()) for one in turned}
    assert places == {(3, 50), (50, 3), (3, 77), (77, 3)}
    assert (turned.sum((1, 2)) == 7).all()


def test_thinning_keeps_whole_photons_and_adds_none():
    counts = torch.full((64, 128, 128), 9.0)
    thinned, _ = augment(counts, counts > 0, generator(2), only("thinned"))
    assert torch.equal(thinned, thinned.round())
    assert (thinned <= 9).all()
    kept = thinned.mean((1, 2)) / 9
    assert kept.min() > 0.29
    assert kept.max() < 1.0
    assert kept.std() > 0.1


def test_thinning_leaves_faint_frames_bright_enough():
    counts = torch.zeros(64, 128, 128)
    counts[:, :40, :50] = 1.0  # 2000 photons
    thinned, _ = augment(counts, counts >= 0, generator(2), only("thinned"))
    assert thinned.sum((1, 2)).min() > 1350  # 1500 less four sigma


def test_frames_that_are_not_whole_photons_are_not_thinned():
    counts = torch.rand(8, 128, 128) * 5
    same, _ = augment(counts, counts >= 0, generator(3), only("thinned"))
    assert torch.equal(same.flatten(1).sort().values, counts.flatten(1).sort().values)


def test_a_turn_about_the_middle_keeps_the_distance_to_it():
    counts = torch.zeros(100, 128, 128)
    counts[:, 60:68, 100:108] = 1.0  # 40 px from the middle
    moved, _ = augment(counts, counts >= 0, generator(4), only("moved"))
    pixels = torch.arange(128.0) - 63.5
    weight = moved.sum((1, 2))
    y = (moved.sum(2) * pixels).sum(1) / weight
    x = (moved.sum(1) * pixels).sum(1) / weight
    distance = torch.hypot(y, x)
    assert (distance > 40 * 0.85 - 9).all()
    assert (distance < 40 * 1.5 + 9).all()
    assert torch.atan2(y, x).std() > 1.0  # any direction


def test_a_ring_is_zoomed_or_stretched_to_an_ellipse_as_much_at_most():
    pixels = torch.arange(128.0) - 63.5
    ring = (torch.hypot(pixels[:, None], pixels) - 30).abs() < 3
    counts = ring.float().expand(200, 128, 128).clone()
    moved, _ = augment(counts, counts >= 0, generator(6), only("moved"))
    weight = moved.sum((1, 2))
    along = torch.stack([(moved.sum(2) * pixels).sum(1), (moved.sum(1) * pixels).sum(1)], -1)
    across = torch.einsum("bij,i,j->b", moved, pixels, pixels)
    squares = torch.stack(
        [(moved.sum(2) * pixels**2).sum(1), across, across, (moved.sum(1) * pixels**2).sum(1)], -1
    )
    mean = along / weight[:, None]
    spread = (squares / weight[:, None]).view(-1, 2, 2) - mean[:, :, None] * mean[:, None]
    radii = torch.linalg.eigvalsh(spread).mul(2).sqrt()  # of a ring: half the square, each way
    assert (radii > 30 * 0.85 - 2).all()
    assert (radii < 30 * 1.5 + 2).all()
    ratio = radii[:, 1] / radii[:, 0]
    assert 0.4 < (ratio < 1.03).float().mean() < 0.8  # unmoved, or round still
    assert ratio.max() > 1.5


def test_what_comes_in_from_outside_is_dark_and_only_sometimes_masked():
    counts = torch.ones(60, 128, 128)
    moved, valid = augment(counts, counts > 0, generator(5), only("moved"))
    dark = moved == 0
    assert dark.flatten(1).any(1).float().mean() > 0.5
    assert (dark & valid).any()
    assert (~valid).any()


def test_a_clipped_frame_is_an_eight_bit_picture(frames):
    shown, _ = augment(*frames, generator(4), only("clipped"))
    assert shown.min() == 0
    assert shown.max() == 255
    assert torch.equal(shown, shown.round())


@pytest.mark.parametrize("frame_class", list(FrameClass))
def test_a_frame_is_coarsened_whatever_its_class(frames, frame_class):
    same, _ = augment(*frames, generator(6), NONE, frame_class)
    changed, _ = augment(*frames, generator(6), only("coarsened"), frame_class)
    assert (changed != same).flatten(1).any(1).all()


def test_a_coarsened_frame_is_even_up_to_its_mask():
    valid = torch.ones(40, 128, 128, dtype=torch.bool)
    valid[:, :, 60:65] = False
    counts = 100.0 * valid
    coarse, seen = augment(counts, valid, generator(3), only("coarsened"))
    torch.testing.assert_close(coarse[seen], torch.full_like(coarse[seen], 100.0))
    assert not seen.all()


def test_a_coarsened_frame_keeps_its_light(frames):
    counts, valid = frames[0], torch.ones_like(frames[1])
    coarse, _ = augment(counts, valid, generator(6), only("coarsened"))
    ratio = coarse.sum((1, 2)) / counts.sum((1, 2))
    assert (ratio.median() - 1).abs() < 0.05


@pytest.mark.parametrize("size", [1, 3])
def test_frames_without_valid_pixels_and_small_batches_stay_finite(size):
    counts, valid = torch.zeros(size, 128, 128), torch.zeros(size, 128, 128, dtype=torch.bool)
    for seed in range(20):
        assert torch.isfinite(augment(counts, valid, generator(seed), SHARES)[0]).all()


def picture(gap: float) -> torch.Tensor:
    """A bright core, a gap of the given brightness, and a ring around it, (40, 128, 128)."""
    axis = torch.arange(128.0) - 63.5
    radius = torch.hypot(axis[:, None], axis)
    core = torch.where(radius < 16, 200.0, 0.0) + torch.where(radius < 30, gap, 0.0)
    ring = torch.where((radius > 22) & (radius < 30), 100.0, 0.0)
    return (core + ring).expand(40, 128, 128).contiguous()


def cut_for_display(frame_class: FrameClass, gap: float) -> float:
    """Part of the pictures that become 8-bit ones."""
    counts = picture(gap)
    if gap:
        counts = counts.clamp_max(900.0)
    cut, _ = augment(counts, counts >= 0, generator(0), only("clipped"), frame_class)
    return float((cut.amax((1, 2)) == 255).float().mean())


@pytest.mark.parametrize("frame_class", [FrameClass.SINGLE, FrameClass.MULTI])
def test_a_hit_is_cut_for_display_only_where_a_ring_still_shows(frame_class):
    assert cut_for_display(frame_class, 0.0) > 0.9
    assert cut_for_display(frame_class, 900.0) < 0.1  # the ring drowns in the core


@pytest.mark.parametrize("name", ["clipped", "coarsened_and_clipped"])
def test_a_picture_in_eight_bits_is_no_sign_of_a_class(name):
    """Of simulated frames about as many of each class become one."""
    each = dict.fromkeys(FrameClass, 0.25)
    frames = simulate_frames(["icosahedron", "spheroid"], 600, 5, weights=each, side_px=128)
    bright = (frames.photons > 3000) | (frames.frame_class == FrameClass.BLANK)
    counts, valid, target = (
        values[bright] for values in (frames.counts, frames.valid, frames.frame_class)
    )
    shown, _ = augmentation.augment(counts, valid, target, generator(3), only(name))
    is_picture = (shown.amax((1, 2)) == 255) & (shown == shown.round()).flatten(1).all(1)
    parts = [float(is_picture[target == int(one)].float().mean()) for one in each]
    assert max(parts) - min(parts) < 0.2
    assert min(parts) > 0.2


def test_what_is_small_and_what_is_not_are_cut_for_display_by_shares_of_their_own():
    def are_cut(**shares: float) -> float:
        counts = picture(0.0)
        cut, _ = augment(counts, counts >= 0, generator(0), dataclasses.replace(NONE, **shares))
        return float((cut.amax((1, 2)) == 255).float().mean())

    assert are_cut(coarsened=1.0, coarsened_and_clipped=1.0) > 0.9
    assert are_cut(coarsened=1.0, clipped=1.0) == 0
    assert are_cut(coarsened_and_clipped=1.0) == 0
