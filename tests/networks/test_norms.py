"""Norms that look at the pattern itself."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from spi_viewer.networks.network import fused
from spi_viewer.networks.norms import PatternNorm2d, norm_of
from spi_viewer.networks.resnet import ResNet, ResNetConfig


@pytest.fixture
def maps() -> Tensor:
    drawn = torch.Generator().manual_seed(1)
    levels = torch.randn(6, 5, 1, 1, generator=drawn)  # each pattern's own
    return 2 * torch.randn(6, 5, 8, 7, generator=drawn) + levels


@pytest.mark.parametrize("training", [True, False])
def test_without_a_share_of_its_own_it_is_a_batch_norm(maps: Tensor, training: bool) -> None:
    ours, theirs = PatternNorm2d(5, 0.0).train(training), nn.BatchNorm2d(5).train(training)
    for _ in range(3):
        torch.testing.assert_close(ours(maps), theirs(maps), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    n = maps.numel() // 5  # torch's running variance is that of a sample
    for norm in (ours, theirs):
        assert norm.running_var is not None
    torch.testing.assert_close(ours.running_var, theirs.running_var, rtol=2 / n, atol=1e-4)


def test_with_nothing_but_its_own_it_is_an_instance_norm(maps: Tensor) -> None:
    norm = PatternNorm2d(5, 1.0).eval()
    torch.testing.assert_close(norm(maps), nn.InstanceNorm2d(5)(maps), rtol=1e-4, atol=1e-5)


def test_the_moments_are_those_of_a_mixture(maps: Tensor) -> None:
    """A pattern mixed with as many values of the training's: mean and variance of all together."""
    norm = PatternNorm2d(5, 0.5).eval()
    training = torch.cat([-torch.ones(1, 5, 4, 7), torch.ones(1, 5, 4, 7)], 2)  # mean 0, variance 1
    both = torch.cat([maps[:1], training], 2)
    mean, deviation = both.mean((2, 3), keepdim=True), both.std((2, 3), correction=0, keepdim=True)
    torch.testing.assert_close(norm(maps[:1]), (maps[:1] - mean) / deviation, rtol=1e-4, atol=1e-4)


def test_its_gradient_is_the_derivative(maps: Tensor) -> None:
    norm = PatternNorm2d(5, 0.3).train()
    x = maps.clone().requires_grad_()
    weights = torch.randn(maps.shape, generator=torch.Generator().manual_seed(2))
    (norm(x) * weights).sum().backward()
    assert x.grad is not None
    step = torch.zeros_like(maps)
    step[2, 3, 4, 5] = 1e-2
    slope = ((norm(maps + step) - norm(maps - step)) * weights).sum() / 2e-2
    assert x.grad[2, 3, 4, 5].item() == pytest.approx(slope.item(), abs=2e-3)


def test_another_gain_and_offset_of_a_whole_detector_move_it_less(maps: Tensor) -> None:
    def moved(share: float) -> float:
        norm = PatternNorm2d(5, share).train()
        norm(maps)
        norm.eval()
        with torch.inference_mode():
            return float((norm(1.5 * maps + 0.7) - norm(maps)).abs().mean())

    assert moved(1.0) < 1e-3
    assert moved(0.5) < 0.8 * moved(0.0)


def test_it_stays_where_a_batch_norm_is_folded_away() -> None:
    conv, own, common = nn.Conv2d(3, 5, 3), norm_of(5, 0.5).eval(), norm_of(5, 0.0).eval()
    assert fused(conv.eval(), own)[1] is own
    assert isinstance(fused(conv, common)[1], nn.Identity)


def test_a_network_with_it_takes_the_weights_of_one_without() -> None:
    plain, own = ResNet(ResNetConfig()), ResNet(ResNetConfig(own_share=0.4))
    for norm in plain.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.ones_(norm.weight)  # new pairs are the identity, whatever their norms do
    own.load_state_dict(plain.state_dict())
    x = torch.randn(4, 3, 128, 128, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        before = own.eval()(x)
        assert not torch.allclose(before, plain.eval()(x), atol=1e-3)
        torch.testing.assert_close(own.fuse_batch_norm()(x), before)


def test_only_the_norms_at_16x16_look_at_the_pattern_itself() -> None:
    network = ResNet(ResNetConfig(own_share=0.4, autocorrelation=True))
    own = [name for name, part in network.named_modules() if isinstance(part, PatternNorm2d)]
    assert own == [f"block16.{pair}.bn{number}" for pair in (0, 1) for number in (1, 2)]


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_is_one_of_a_whole(share: float) -> None:
    with pytest.raises(ValueError, match="own_share"):
        ResNetConfig(own_share=share).check()
