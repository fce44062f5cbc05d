"""Augmentation moves and masks, and invents nothing."""

import pytest
import torch

from spi_viewer.networks import augmentation
from spi_viewer.networks.augmentation import augment


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def frames(toy_batch):
    batch = toy_batch(0, 40)
    return batch.counts, batch.valid


def test_the_same_seed_repeats_and_another_differs(frames):
    first, again, other = (augment(*frames, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_shapes_types_and_the_given_frames_stay(frames):
    counts, valid = frames[0].clone(), frames[1].clone()
    new_counts, new_valid = augment(counts, valid, generator(0))
    assert torch.equal(counts, frames[0])
    assert torch.equal(valid, frames[1])
    assert new_counts.shape == counts.shape
    assert new_counts.dtype == torch.float32
    assert new_valid.dtype == torch.bool


def test_counts_and_mask_move_together(frames, monkeypatch):
    monkeypatch.setattr(augmentation, "_CLIP_SHARE", 0)
    counts, valid = frames
    marked = torch.where(valid, counts.clamp_min(1), 0)  # 0 exactly where not valid
    new_counts, new_valid = augment(marked, valid, generator(5))
    assert (new_counts[~new_valid & (new_counts > 0)]).numel() < new_counts.numel() * 0.1
    assert (new_counts[new_valid] > 0).all()


def test_what_is_shifted_in_from_outside_is_not_valid():
    counts = torch.ones(1, 128, 128)
    valid = torch.ones(1, 128, 128, dtype=torch.bool)
    moved = augmentation._shifted(valid, 3, -2)
    assert not moved[0, :3].any()
    assert not moved[0, :, -2:].any()
    assert moved[0, 3:, :-2].all()
    counts[0, 10, 10] = 5
    assert augmentation._shifted(counts, 3, -2)[0, 13, 8] == 5


def test_all_eight_orientations_occur():
    frame = torch.zeros(1, 128, 128)
    frame[0, 0, 1] = 1
    seen = {
        tuple(augmentation._turned(frame, turns, flip)[0].nonzero()[0].tolist())
        for turns in range(4)
        for flip in range(2)
    }
    assert len(seen) == 8


def test_clipping_gives_eight_bit_pictures(frames, monkeypatch):
    monkeypatch.setattr(augmentation, "_CLIP_SHARE", 1)
    counts, _ = augment(*frames, generator(0))
    assert counts.min() == 0
    assert counts.max() == 255
    assert torch.equal(counts, counts.round())


def test_frames_without_valid_pixels_and_small_batches_stay_finite():
    for size in (1, 3):
        counts, valid = torch.zeros(size, 128, 128), torch.zeros(size, 128, 128, dtype=torch.bool)
        for seed in range(20):
            assert torch.isfinite(augment(counts, valid, generator(seed))[0]).all()
