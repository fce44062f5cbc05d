"""The diffusion map as a classifier."""

import numpy as np
import pytest

from spi_viewer.baselines.diffusion_model import (
    DiffusionMapClassifier,
    DiffusionMapConfig,
    fit_diffusion_map,
)
from spi_viewer.baselines.fit_settings import FitSettings


def accuracy(classifier, batch):
    p = classifier.classify(batch.counts.numpy(), batch.valid.numpy()).probabilities
    return (p.argmax(1) == batch.frame_class.numpy()).mean()


def test_frames_that_it_never_saw_are_judged_one_by_one(fitted, toy_batch):
    classifier = DiffusionMapClassifier.load(fitted("diffusion_map"))
    batch = toy_batch(50)
    assert accuracy(classifier, batch) > 0.95
    together = classifier.classify(batch.counts.numpy(), batch.valid.numpy())
    alone = classifier.classify(batch.counts[3:4].numpy(), batch.valid[3:4].numpy())
    assert alone.probabilities[0] == pytest.approx(together.probabilities[3], abs=1e-4)
    assert together.features.shape == (32, DiffusionMapConfig().dimensions)


def test_five_labels_a_class_do_almost_as_well(tmp_path, toy_batch):
    batches = [toy_batch(seed) for seed in range(4)]
    card = fit_diffusion_map(
        batches,
        [toy_batch(100)],
        tmp_path,
        FitSettings("few"),
        config=DiffusionMapConfig(clusters=8),
        labels_per_class=5,
    )
    assert card.training["labels"] == 20
    assert accuracy(DiffusionMapClassifier.load(tmp_path), toy_batch(50)) > 0.9


def test_a_kind_of_frame_that_is_not_in_the_map_is_out_of_distribution(fitted, toy_batch):
    classifier = DiffusionMapClassifier.load(fitted("diffusion_map"))
    axis = np.arange(128) - 63.5
    angle = np.arctan2(axis[:, None], axis)
    stars = np.stack([1000.0 * (np.cos(n * angle) > 0) for n in (3, 5, 7)]).astype(np.float32)
    strange = classifier.classify(stars, np.ones(stars.shape, bool))
    assert strange.out_of_distribution.all()
    batch = toy_batch(50, frames=64)
    known = classifier.classify(batch.counts.numpy(), batch.valid.numpy())
    assert known.out_of_distribution.mean() < 0.1


def test_frames_that_come_again_do_not_make_the_graph(tmp_path, toy_batch):
    batch = toy_batch(1)
    for name, batches in (("once", [batch]), ("again", [batch, batch])):
        fit_diffusion_map(batches, [toy_batch(100)], tmp_path / name, FitSettings(name))
    once, again = (DiffusionMapClassifier.load(tmp_path / name) for name in ("once", "again"))
    assert accuracy(once, toy_batch(50)) == accuracy(again, toy_batch(50))
    assert once.model_hash == again.model_hash
