"""The poster's layers, and the exact decomposition of its scores."""

import copy
import math
from dataclasses import replace

import pytest
import torch

from spi_viewer.networks.resnet import ResNet, ResNetConfig
from spi_viewer.networks.second_look import blended, doubt


@pytest.fixture
def frames():
    return torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 2), (1, 3), (3, 2)])
def test_every_convolution_has_the_size_that_the_poster_gives(n, m, frames):
    network = ResNet(ResNetConfig(n=n, m=m)).eval()
    shapes = [tuple(maps.shape[1:]) for _, maps in network.feature_maps(frames)]
    assert shapes == [(16, 64, 64)] + [(32, 32, 32)] * 2 * n + [(64, 16, 16)] * 2 * m
    assert network.forward_features(frames).shape == (2, 64, 16, 16)
    assert network(frames).shape == (2, 4)


def test_resnet10_has_ten_layers_with_weights_and_no_weights_in_its_identities():
    network = ResNet(ResNetConfig(n=2, m=2))
    layers = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    assert len(layers) == 10
    convolutions = 5 * 5 * 3 * 16 + 9 * (16 * 32 + 3 * 32 * 32 + 32 * 64 + 3 * 64 * 64)
    batch_norms = 2 * (16 + 4 * 32 + 4 * 64)
    scores = 64 * 8 * 8 * 4 + 4
    assert sum(p.numel() for p in network.parameters()) == convolutions + batch_norms + scores


def test_each_convolution_of_the_poster_gives_one_named_layer_of_maps(frames):
    maps = ResNet(ResNetConfig()).eval().feature_maps(frames)
    names = [name for name, _ in maps]
    assert len(set(names)) == len(names) == 9
    assert all((layer >= 0).all() for _, layer in maps)


def test_a_later_layer_does_not_overwrite_an_earlier_one(frames):
    network = ResNet(ResNetConfig()).eval()
    maps = dict(network.feature_maps(frames))
    torch.testing.assert_close(maps["conv 64×64"], network._stem(frames))
    torch.testing.assert_close(maps["16×16 conv 4"], network.forward_features(frames))


@pytest.mark.parametrize("global_pool", [False, True])
def test_the_class_activation_adds_up_to_the_score_without_its_bias(frames, global_pool):
    network = ResNet(ResNetConfig(global_pool=global_pool)).eval()
    torch.nn.init.normal_(network.fc.weight)
    torch.nn.init.normal_(network.fc.bias)
    activation = network.class_activation(network.forward_features(frames))
    assert activation.shape == (2, 4, 8, 8)
    torch.testing.assert_close(
        activation.sum((2, 3)) + network.fc.bias, network(frames), rtol=1e-4, atol=1e-4
    )


def test_the_class_activation_points_to_the_place_that_differs():
    network = ResNet(ResNetConfig()).eval()
    torch.nn.init.normal_(network.fc.weight)
    blank = torch.zeros(1, 3, 128, 128)
    spot = blank.clone()
    spot[:, :, 8:16, 100:108] = 3.0
    change = network.class_activation(network.forward_features(spot)) - network.class_activation(
        network.forward_features(blank)
    )
    row, column = divmod(int(change[0].abs().sum(0).argmax()), 8)
    assert row <= 1
    assert column >= 5


def looking_again(good: float, **options) -> ResNet:
    """A network whose score of good frames is about `good`, and of the other classes 0."""
    network = ResNet(ResNetConfig(second_look=True, **options)).eval()
    torch.nn.init.normal_(network.fc.weight, std=1e-3)
    network.fc.bias.data = torch.tensor([good, 0.0, 0.0, 0.0])
    return network


def looking_once(network: ResNet) -> ResNet:
    once = ResNet(replace(network.config, second_look=False)).eval()
    once.load_state_dict(network.state_dict())
    return once


def test_a_doubtful_pattern_is_judged_by_the_mean_of_all_its_views(frames):
    network = looking_again(1.0)
    once = looking_once(network)
    views = [frames, *(frames.flip(axes) for axes in ((2, 3), (2,), (3,)))]
    mean = torch.stack([once(view) for view in views]).mean(0)
    assert not torch.allclose(once(frames), mean, rtol=1e-4, atol=1e-4)
    for view in views:
        torch.testing.assert_close(network(view), mean, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("good", [-9.0, 9.0])
def test_one_look_is_enough_where_it_leaves_no_doubt(frames, good):
    network = looking_again(good)
    torch.testing.assert_close(network(frames), looking_once(network)(frames))


def test_the_further_looks_lose_their_weight_gradually():
    """A frame on an edge would be judged otherwise whenever its last digit is."""
    log_odds = torch.linspace(-4.0, 4.0, 801)
    scores = torch.zeros(len(log_odds), 4)
    scores[:, 0] = log_odds + math.log(3.0)  # against three others of score 0
    doubts = doubt(scores)
    assert doubts[log_odds.abs() < 1.0].eq(1.0).all()
    assert doubts[log_odds.abs() > 3.0].eq(0.0).all()
    assert doubts.diff().abs().max() < 0.02


def test_half_a_doubt_gives_the_further_looks_half_their_weight():
    first, further = torch.zeros(3, 2), [torch.full((3, 2), 4.0)] * 3
    looks = blended(first, further, torch.tensor([0.0, 0.5, 1.0]))
    assert looks.tolist() == [[0.0, 0.0], [1.5, 1.5], [3.0, 3.0]]


def test_only_the_doubtful_ones_of_a_batch_are_looked_at_again(frames):
    network = looking_again(0.5)
    network.fc.weight.data = network.fc.weight.data.abs()
    network.fc.weight.data[1:] = 0.0
    frames[1] *= 1000.0  # the more there is to see, the surer is this network
    first, second = looking_once(network)(frames), network(frames)
    assert doubt(first)[0] > 0.5
    assert doubt(first)[1] == 0.0
    torch.testing.assert_close(second[1], first[1])
    assert not torch.allclose(second[0], first[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("global_pool", [False, True])
def test_with_a_second_look_the_activation_adds_up_and_turns_with_the_pattern(frames, global_pool):
    network = looking_again(1.0, global_pool=global_pool)
    activation = network.explained_activation(frames)
    scores = activation.sum((2, 3)) + network.fc.bias
    torch.testing.assert_close(scores, network(frames), rtol=1e-4, atol=1e-4)
    for axes in ((2, 3), (2,), (3,)):
        reversed_too = network.explained_activation(frames.flip(axes))
        torch.testing.assert_close(reversed_too, activation.flip(axes), rtol=1e-4, atol=1e-5)


def test_with_a_second_look_the_activation_stays_where_the_pattern_differs():
    network = looking_again(1.0)
    blank = torch.zeros(1, 3, 128, 128)
    spot = blank.clone()
    spot[:, :, 8:16, 100:108] = 3.0
    change = network.explained_activation(spot) - network.explained_activation(blank)
    row, column = divmod(int(change[0].abs().sum(0).argmax()), 8)
    assert row <= 1
    assert column >= 5


def test_learning_sees_one_view_at_a_time(frames):
    network = looking_again(1.0, dropout=0.0)
    network.train()
    calls = []
    network.conv.register_forward_hook(lambda *_: calls.append(1))
    network(frames)
    assert len(calls) == 1


def test_fusing_batch_norms_keeps_scores_and_maps(frames, untrained):
    network = untrained.network
    fused = copy.deepcopy(network).fuse_batch_norm()
    torch.testing.assert_close(fused(frames), network(frames), rtol=1e-4, atol=1e-4)
    for (_, expected), (_, maps) in zip(
        network.feature_maps(frames), fused.feature_maps(frames), strict=True
    ):
        torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-4)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in fused.modules())


def test_dropout_acts_in_training_only(frames):
    network = ResNet(ResNetConfig(dropout=0.5))
    torch.nn.init.normal_(network.fc.weight)
    features = network.eval().forward_features(frames)
    assert torch.equal(network.forward_head(features), network.forward_head(features))
    network.train()
    assert not torch.equal(network.forward_head(features), network.forward_head(features))
