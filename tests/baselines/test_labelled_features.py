"""How frames are taken from a stream, and what is refused."""

import itertools

import pytest

from spi_viewer.baselines.labelled_features import labelled_features, until_repeated
from spi_viewer.errors import ModelError


def sums(counts, valid):
    return (counts * valid).sum((1, 2))[:, None]


def test_only_so_many_frames_of_an_endless_stream_are_taken(toy_batch):
    told = []
    batches = (toy_batch(seed) for seed in itertools.count())
    data = labelled_features(batches, sums, frames=40, report=told.append)
    assert len(data) == len(data.photons) == 40
    assert data.features.shape == (40, 1)
    assert told == [32, 40]
    assert list(data.frame_class[32:]) == toy_batch(1).frame_class[:8].tolist()


def test_a_set_that_comes_over_and_over_ends(toy_batch):
    a_set = [toy_batch(seed) for seed in range(3)]
    taken = list(until_repeated(itertools.cycle(a_set)))
    assert 3 <= len(taken) <= 6


@pytest.mark.parametrize(("frame_class", "told"), [(0, "all good"), (1, "all bad")])
def test_frames_of_one_kind_are_refused(toy_batch, frame_class, told):
    batch = toy_batch(1)
    batch.frame_class[:] = frame_class
    with pytest.raises(ModelError, match=told):
        labelled_features([batch], sums)


def test_no_frames_are_refused():
    with pytest.raises(ModelError, match="there are none"):
        labelled_features([], sums)
