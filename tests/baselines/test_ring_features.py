"""Features stay when the particle is turned, the exposure changes or the mask hides something."""

import numpy as np
import pytest
import torch

from spi_viewer.baselines.ring_features import FEATURE_COUNT, ring_features


@pytest.fixture
def frames():
    """Counts (3, 128, 128) of facetted rings, and valid pixels: all."""
    axis = torch.arange(128) - 63.5
    radius = torch.hypot(axis[:, None], axis)
    angle = torch.atan2(axis[:, None], axis)
    rates = [
        1e5 / radius**2 * (1 + torch.cos(radius / 3 + fold)) * (1.5 + torch.cos(fold * angle))
        for fold in (2, 3, 5)
    ]
    return torch.stack(rates), torch.ones(3, 128, 128, dtype=torch.bool)


def distance(a, b):
    return torch.linalg.norm(a - b, dim=1)


def test_a_turn_changes_less_than_another_particle(frames):
    counts, valid = frames
    features = ring_features(counts, valid)
    turned = ring_features(torch.rot90(counts, 1, (1, 2)), valid)
    assert features.shape == (3, FEATURE_COUNT)
    others = distance(features, features.roll(1, 0))
    assert (distance(features, turned) < 0.02 * others).all()


def test_exposure_does_not_matter(frames):
    counts, valid = frames
    assert ring_features(counts * 7, valid).numpy() == pytest.approx(
        ring_features(counts, valid).numpy(), abs=1e-3
    )


def test_what_lies_under_the_mask_does_not_matter(frames):
    counts, valid = frames
    valid = valid.clone()
    valid[:, 60:68] = False
    garbage = torch.where(valid, counts, torch.nan)
    assert torch.equal(ring_features(garbage, valid), ring_features(counts, valid))


def test_a_gap_changes_less_than_another_particle(frames):
    counts, valid = frames
    gap = valid.clone()
    gap[:, 62:66] = False
    features = ring_features(counts, valid)
    others = distance(features, features.roll(1, 0))
    assert (distance(features, ring_features(counts, gap)) < 0.5 * others).all()


@pytest.mark.parametrize("value", [0.0, 1e30, -3.0, np.nan])
def test_frames_without_a_pattern_have_finite_features(value):
    counts = torch.full((1, 128, 128), value)
    for valid in (torch.ones(1, 128, 128, dtype=bool), torch.zeros(1, 128, 128, dtype=bool)):
        assert torch.isfinite(ring_features(counts, valid)).all()


def test_no_frames_have_no_features():
    none = torch.zeros(0, 128, 128)
    assert ring_features(none, none.bool()).shape == (0, FEATURE_COUNT)
