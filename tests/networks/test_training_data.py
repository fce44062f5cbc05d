"""Streams that never end and never repeat themselves by heart."""

import itertools

import pytest
import torch

from spi_viewer.networks.training_data import replayed


@pytest.fixture
def numbered(toy_stream):
    """Batches whose frames are numbered in `photons`."""

    def make(count):
        batches = list(itertools.islice(toy_stream(0, 8), count))
        for first, batch in enumerate(batches):
            batch.photons = torch.arange(8.0) + 8 * first
        return batches

    return make


def test_replaying_uses_each_frame_about_so_often_in_new_company(numbered):
    fresh = numbered(40)
    batches = list(replayed(fresh, reuse=3, pool_batches=10))
    assert len(batches) == 120
    assert all(a is b for a, b in zip(batches[::3], fresh, strict=True))
    numbers = torch.cat([batch.photons for batch in batches])
    assert torch.unique(numbers, return_counts=True)[1].max() < 15
    companies = {tuple(sorted(batch.photons.tolist())) for batch in batches[30:]}
    assert len(companies) == 90


def test_replayed_frames_keep_their_labels_and_leave_the_pool(numbered):
    fresh = numbered(30)
    batches = list(replayed(fresh, reuse=2, pool_batches=4, seed=1))
    for batch in batches:
        for row, number in enumerate(batch.photons.int().tolist()):
            source, place = fresh[number // 8], number % 8
            assert torch.equal(batch.counts[row], source.counts[place])
            assert torch.equal(batch.valid[row], source.valid[place])
            assert batch.frame_class[row] == source.frame_class[place]
            assert batch.family[row] == source.family[place]
    assert min(batches[-1].photons.tolist()) >= 26 * 8
