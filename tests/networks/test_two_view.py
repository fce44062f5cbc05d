"""Both views have the layers of ResNet(n, m), and the scores are the sum of what they say."""

import copy

import pytest
import torch

from spi_viewer.networks.architectures import build_network, config_from_json, kind_of
from spi_viewer.networks.two_view import TwoView, TwoViewConfig

WRONG = [{"n": 0}, {"m": 1000}, {"dropout": 1.0}, {"in_channels": 1}, {"second_look": 1}]


@pytest.fixture
def frames():
    return torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 2)])
def test_each_view_has_the_sizes_of_a_resnet(n, m, frames):
    network = TwoView(TwoViewConfig(n=n, m=m)).eval()
    maps = network.feature_maps(frames)
    shapes = [tuple(layer.shape[1:]) for _, layer in maps]
    view = [(16, 64, 64)] + [(32, 32, 32)] * 2 * n + [(64, 16, 16)] * 2 * m
    assert shapes == view * 2
    assert len({name for name, _ in maps}) == len(maps)
    assert network.forward_features(frames).shape == (2, 128, 16, 16)
    assert network(frames).shape == (2, 4)


def test_the_configuration_rebuilds_it():
    config = TwoViewConfig(n=1, m=1)
    again = config_from_json("two_view", vars(config))
    assert again == config
    assert kind_of(again) == "two_view"
    assert isinstance(build_network(again), TwoView)


@pytest.mark.parametrize("wrong", WRONG)
def test_configurations_that_no_network_can_be_built_from_are_refused(wrong):
    with pytest.raises(ValueError, match="must"):
        TwoViewConfig(**wrong).check()


def test_the_patterns_share_of_the_scores_is_what_its_view_adds(frames):
    network = TwoView(TwoViewConfig()).eval()
    torch.nn.init.normal_(network.fc.weight)
    features = network.forward_features(frames)
    activation = network.class_activation(features)
    assert activation.shape == (2, 4, 8, 8)
    without = features.clone()
    without[:, :64] = 0
    share = network.forward_head(features) - network.forward_head(without)
    torch.testing.assert_close(activation.sum((2, 3)), share, rtol=1e-3, atol=1e-3)


def test_fusing_batch_norms_keeps_the_scores(frames):
    network = TwoView(TwoViewConfig())
    network.train()(frames)  # statistics other than 0 and 1
    network.eval()
    fused = copy.deepcopy(network).fuse_batch_norm()
    torch.testing.assert_close(fused(frames), network(frames), rtol=1e-3, atol=1e-4)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in fused.modules())
