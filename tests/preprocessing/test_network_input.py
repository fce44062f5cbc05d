"""What a network sees does not depend on scale, masked pixels or neighbours in the batch."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_viewer.preprocessing.network_input import (
    InputKind,
    PixelStatistics,
    RunningPixelStatistics,
    network_input,
    per_pixel_pattern,
)

PER_IMAGE, PER_PIXEL = InputKind.PER_IMAGE, InputKind.PER_PIXEL


def rings(frames: int = 2, seed: int = 0):
    """Photon counts of a fringed, falling pattern, and a mask with holes."""
    generator = torch.Generator().manual_seed(seed)
    axis = torch.arange(128) - 63.5
    radius = torch.hypot(axis[:, None], axis)
    rate = 300 * torch.exp(-radius / 12) * (1 + torch.cos(radius / 2)) + 0.2
    counts = torch.poisson(rate.expand(frames, 128, 128), generator=generator)
    return counts, torch.rand(frames, 128, 128, generator=generator) > 0.1


@given(
    scale=st.floats(-30, 30).map(lambda e: 10.0**e),
    offset=st.floats(-1e3, 1e3),
    fraction_valid=st.sampled_from([0.0, 1e-4, 0.5, 1.0]),
    wild=st.sampled_from([0.0, float("nan"), float("inf"), -float("inf"), 3e38, -3e38]),
    kind=st.sampled_from(InputKind),
)
@settings(max_examples=40, deadline=None)
def test_input_is_always_finite_and_bounded(scale, offset, fraction_valid, wild, kind):
    counts, _ = rings(1)
    counts = (counts + offset) * scale
    counts[0, 3, 5] = wild
    valid = torch.rand(1, 128, 128) < fraction_valid
    statistics = PixelStatistics(torch.ones(128, 128), torch.rand(128, 128).round())
    x = network_input(counts, valid, kind, statistics)
    assert x.shape == (1, kind.channels, 128, 128)
    assert x.dtype == torch.float32
    assert torch.isfinite(x).all()
    assert x.abs().max() <= 30


@given(exponent=st.floats(-12, 25))
@settings(max_examples=20, deadline=None)
def test_per_image_input_is_free_of_the_scale(exponent):
    counts, valid = rings()
    scaled = network_input(counts * 10.0**exponent, valid, PER_IMAGE)
    torch.testing.assert_close(
        scaled, network_input(counts, valid, PER_IMAGE), rtol=1e-3, atol=2e-3
    )


@given(value=st.sampled_from([0.0, 7.0, -1.0, 65535.0, 4.3e9, 3e38, float("nan"), float("inf")]))
@settings(deadline=None)
def test_masked_pixels_have_no_influence_whatever_they_hold(value):
    counts, valid = rings()
    statistics = PixelStatistics(torch.full((128, 128), 2.0), torch.ones(128, 128))
    changed = torch.where(valid, counts, value)
    for kind in InputKind:
        x = network_input(changed, valid, kind, statistics)
        assert torch.equal(x, network_input(counts, valid, kind, statistics))
        assert (x.movedim(1, -1)[~valid] == 0).all()


def test_a_pixel_that_is_not_finite_counts_as_masked():
    counts, valid = rings(1)
    counts[0, 60, 60] = float("nan")
    expected_valid = valid.clone()
    expected_valid[0, 60, 60] = False
    assert torch.equal(
        network_input(counts, valid, PER_IMAGE), network_input(counts, expected_valid, PER_IMAGE)
    )


def test_standardised_channel_has_zero_mean_and_unit_variance_when_nothing_sticks_out():
    counts = torch.poisson(torch.full((1, 128, 128), 400.0))
    x = network_input(counts, torch.ones(1, 128, 128, dtype=torch.bool), PER_IMAGE)
    assert abs(float(x[0, 0].mean())) < 0.01
    assert abs(float(x[0, 0].std()) - 1) < 0.02


def test_whitening_makes_weak_outer_fringes_as_visible_as_the_core():
    """A fluctuation along a ring has the same size in a bright and in a dim ring."""
    axis = torch.arange(128) - 63.5
    radius, angle = torch.hypot(axis[:, None], axis), torch.atan2(axis[:, None], axis)
    counts = (torch.exp(-radius / 10) * 1e6 * (1 + 0.5 * torch.cos(4 * angle)))[None]
    white = network_input(counts, torch.ones_like(counts, dtype=torch.bool), PER_IMAGE)[0, 1]
    inner, outer = (white[(radius > r) & (radius < r + 3)].std() for r in (15, 50))
    assert 0.7 < float(inner / outer) < 1.4


def test_frames_of_a_batch_do_not_influence_each_other():
    counts, valid = rings(3)
    together = network_input(counts, valid, PER_IMAGE)
    alone = torch.cat(
        [network_input(c[None], v[None], PER_IMAGE) for c, v in zip(counts, valid, strict=True)]
    )
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


def test_a_hot_pixel_leaves_the_pattern_visible():
    counts, valid = rings(1)
    clean = network_input(counts, valid, PER_IMAGE)[0, 0]
    counts[0, 20, 20], valid[0, 20, 20] = counts.max() * 1e4, True
    hot = network_input(counts, valid, PER_IMAGE)[0, 0]
    keep = torch.ones(128, 128, dtype=torch.bool)
    keep[20, 20] = False
    assert torch.corrcoef(torch.stack([clean[keep], hot[keep]]))[0, 1] > 0.95
    assert hot[keep].std() > 0.2


def test_per_pixel_input_without_statistics_is_refused():
    counts, valid = rings(1)
    with pytest.raises(ValueError, match="statistics"):
        network_input(counts, valid, PER_PIXEL)


def test_running_statistics_in_pieces_equal_those_of_all_valid_frames_at_once():
    counts, valid = rings(9)
    counts += 1e4  # a naive sum of squares would lose the variance here
    running = RunningPixelStatistics()
    for piece in (slice(0, 1), slice(1, 6), slice(6, 9)):
        running.update(counts[piece].numpy(), valid[piece].numpy())
    masked = np.ma.masked_array(counts.double().numpy(), ~valid.numpy())
    statistics = running.statistics
    np.testing.assert_allclose(statistics.mean, masked.mean(0).filled(0), rtol=1e-6)
    np.testing.assert_allclose(statistics.std, masked.std(0).filled(0), rtol=1e-4, atol=1e-3)


def test_running_statistics_are_not_poisoned_by_a_frame_of_nan():
    counts, valid = rings(4)
    running = RunningPixelStatistics()
    running.update(counts, valid)
    before = running.statistics
    running.update(torch.full((2, 128, 128), float("nan")), torch.ones(2, 128, 128).bool())
    assert torch.equal(before.mean, running.statistics.mean)
    assert torch.equal(before.std, running.statistics.std)


def test_the_poster_pattern_of_the_training_frames_has_unit_variance_in_every_pixel():
    counts, _ = rings(50)
    valid = np.ones((50, 128, 128), bool)
    valid.flags.writeable = False  # as it comes out of shared memory
    running = RunningPixelStatistics()
    running.update(counts.numpy(), valid)
    patterns = np.stack(
        [per_pixel_pattern(c.numpy(), v, running.statistics) for c, v in zip(counts, valid)]  # noqa: B905
    )
    varies = running.statistics.std.numpy() > 0
    np.testing.assert_allclose(patterns.mean(0)[varies], 0, atol=1e-4)
    np.testing.assert_allclose(patterns.std(0)[varies], 1, atol=1e-3)
    assert (patterns[:, ~varies] == 0).all()
