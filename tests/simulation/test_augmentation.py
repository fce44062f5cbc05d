import pytest
import torch

from spi_viewer.simulation import augmentation
from spi_viewer.simulation.dataset import simulate_frames
from spi_viewer.simulation.draws import Draw


@pytest.fixture(scope="module")
def frames():
    return simulate_frames(["sphere", "icosahedron"], 64, seed=8, side_px=64)


CHANGES = [
    augmentation.thin_photons,
    augmentation.rotate,
    augmentation.shade,
    augmentation.coarsen,
    augmentation.clip_for_display,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__)
def test_a_change_is_pure_repeatable_and_leaves_labels_alone(frames, change):
    before = frames.counts.clone()
    first, again = change(frames, Draw(1), 0.7), change(frames, Draw(1), 0.7)
    assert torch.equal(frames.counts, before)
    assert torch.equal(first.counts, again.counts)
    assert not torch.equal(first.counts, before)
    assert torch.equal(first.frame_class, frames.frame_class)
    assert torch.isfinite(first.counts).all()
    assert (first.counts[~first.valid] == 0).all()


@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__)
def test_a_part_of_zero_changes_nothing(frames, change):
    assert torch.equal(change(frames, Draw(1), 0.0).counts, frames.counts)


def test_thinning_keeps_whole_photons_and_never_adds_any(frames):
    thinned = augmentation.thin_photons(frames, Draw(2), 1.0)
    changed = (thinned.photons < frames.photons).nonzero()[:, 0]
    assert len(changed)
    before = frames.counts[changed].clamp_min(0).round()
    assert (thinned.counts[changed] <= before).all()
    kept = thinned.counts[changed].sum((1, 2)) / before.sum((1, 2))
    expected = thinned.photons[changed] / frames.photons[changed]
    assert (kept - expected).abs().max() < 0.1


def test_a_turned_frame_keeps_most_of_its_photons(frames):
    turned = augmentation.rotate(frames, Draw(3), 1.0)
    ratio = turned.counts.sum((1, 2)) / frames.counts.sum((1, 2)).clamp_min(1)
    assert (ratio.median() > 0.8) & (ratio.median() < 1.1)


def test_a_clipped_frame_is_an_eight_bit_picture(frames):
    shown = augmentation.clip_for_display(frames, Draw(4), 1.0).counts
    assert shown.min() == 0
    assert shown.max() == 255
    assert torch.equal(shown, shown.round())
