"""A hit finder that tells hits from blanks, and claims to know no more."""

import itertools

import numpy as np
import pytest
import torch

from spi_viewer.baselines.fit_settings import FitSettings
from spi_viewer.baselines.lit_pixels import LitPixelsClassifier, fit_lit_pixels, log_lit_pixels
from spi_viewer.errors import ModelError
from spi_viewer.frames import FrameClass
from spi_viewer.networks.training_data import TrainingBatch
from spi_viewer.simulation.dataset import stream
from spi_viewer.simulation.detector import find_detector


def simulated(seed):
    return stream(["sphere", "icosahedron"], 64, seed=seed, detectors=[find_detector("ideal")])


def judge(classifier, batch):
    return classifier.classify(batch.counts.numpy(), batch.valid.numpy()).probabilities


def test_simulated_blanks_are_told_from_hits(tmp_path):
    fit_lit_pixels(simulated(1), [], tmp_path, FitSettings("lit", frames=192))
    classifier = LitPixelsClassifier.load(tmp_path)
    for batch in itertools.islice(simulated(2), 3):
        p = judge(classifier, batch)
        is_blank = batch.frame_class.numpy() == FrameClass.BLANK
        assert is_blank.any()
        assert np.array_equal(p[:, FrameClass.BLANK] > 0.5, is_blank)
        called_good = p[:, FrameClass.SINGLE] >= classifier.rule.threshold
        assert np.array_equal(called_good, ~is_blank)


def test_of_a_hit_nothing_is_known_but_how_frequent_each_class_was(fitted, toy_batch):
    p = judge(LitPixelsClassifier.load(fitted("lit_pixels")), toy_batch(50))
    assert p.sum(1) == pytest.approx(1, abs=1e-5)
    hits = p[:, :3] / p[:, :3].sum(1, keepdims=True)
    seen = torch.cat([toy_batch(seed).frame_class for seed in range(3)]).numpy()
    shares = np.bincount(seen, minlength=4)[:3] / (seen < 3).sum()
    assert hits == pytest.approx(np.tile(shares, (len(p), 1)), abs=1e-4)


def test_more_lit_pixels_are_never_less_of_a_hit(fitted):
    classifier = LitPixelsClassifier.load(fitted("lit_pixels"))
    counts = np.zeros((50, 128, 128), np.float32)
    for row in range(50):
        counts[row].flat[: 300 * row] = 1e4
    p = classifier.classify(counts, np.ones(counts.shape, bool)).probabilities
    assert (np.diff(p[:, FrameClass.SINGLE]) >= 0).all()
    assert p[0, FrameClass.BLANK] > 0.9
    assert p[-1, FrameClass.BLANK] < 0.1


def test_a_mask_does_not_dim_a_frame():
    counts = torch.zeros(1, 128, 128)
    counts[:, ::2] = 5
    valid = torch.ones(1, 128, 128, dtype=torch.bool)
    half = valid.clone()
    half[:, :, 64:] = False
    limit = np.array([1.0], np.float32)
    assert log_lit_pixels(counts, half, limit) == pytest.approx(np.log1p(128 * 64))
    assert torch.equal(log_lit_pixels(counts, half, limit), log_lit_pixels(counts, valid, limit))
    counts[half.logical_not()] = torch.nan
    assert torch.equal(
        log_lit_pixels(counts, half, limit), log_lit_pixels(counts.nan_to_num(9), half, limit)
    )


def test_frames_without_blanks_are_refused(tmp_path, toy_batch):
    batch = toy_batch(1)
    rows = batch.frame_class != FrameClass.BLANK
    family = [name for name in batch.family if name != "blank"]
    hits = TrainingBatch(
        batch.counts[rows], batch.valid[rows], batch.frame_class[rows], batch.photons[rows], family
    )
    with pytest.raises(ModelError, match="none of the labelled frames is blank"):
        fit_lit_pixels([hits], [], tmp_path, FitSettings("lit"))


def test_labels_the_wrong_way_round_are_refused(tmp_path, toy_batch):
    batch = toy_batch(1, frames=64)
    is_blank = batch.frame_class == FrameClass.BLANK
    batch.frame_class = torch.where(is_blank, FrameClass.SINGLE, FrameClass.BLANK)
    with pytest.raises(ModelError, match="mixed up"):
        fit_lit_pixels([batch], [], tmp_path, FitSettings("lit"))
