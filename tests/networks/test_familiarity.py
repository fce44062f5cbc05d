"""Known frames are familiar, others are not."""

import torch

from spi_viewer.networks.familiarity import fit_familiarity


def clouds(seed: int):
    """Two classes of correlated features as (N, C, h, w) maps of one value, and their classes."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.eye(8) + 0.4
    frame_class = torch.arange(4000) % 2 * 3
    features = torch.randn(4000, 8, generator=generator) @ mix
    features[frame_class == 3] += 60
    return features, frame_class


def test_half_a_percent_of_fresh_known_frames_is_unfamiliar():
    familiarity = fit_familiarity(*clouds(0))
    share = familiarity.is_unfamiliar(clouds(1)[0][:, :, None, None]).float().mean()
    assert 0.001 < float(share) < 0.012


def test_frames_between_or_beyond_the_classes_are_unfamiliar():
    familiarity = fit_familiarity(*clouds(0))
    strange = torch.stack([torch.full((8,), v) for v in (30.0, -60.0, 120.0, float("nan"))])
    known = torch.stack([torch.zeros(8), torch.full((8,), 60.0)])
    assert familiarity.is_unfamiliar(strange[:, :, None, None]).all()
    assert not familiarity.is_unfamiliar(known[:, :, None, None]).any()


def test_features_that_never_vary_do_not_break_the_fit():
    features, frame_class = clouds(0)
    features[:, 3] = 0
    familiarity = fit_familiarity(features, frame_class)
    assert torch.isfinite(familiarity.whitening).all()
    assert not familiarity.is_unfamiliar(features[:50, :, None, None]).all()
