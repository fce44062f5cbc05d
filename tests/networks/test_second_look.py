"""The second look: the mean of all views where one leaves doubt, one view where it does not."""

import math
from dataclasses import replace

import pytest
import torch

from spi_viewer.networks.architectures import NetworkConfig, build_network
from spi_viewer.networks.network import Network
from spi_viewer.networks.resnet import ResNetConfig
from spi_viewer.networks.second_look import blended, doubt

RESNET, OWN_SHARE = ResNetConfig(), ResNetConfig(own_share=0.5)
TWO_EYES = ResNetConfig(autocorrelation=True)


@pytest.fixture
def frames():
    return torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))


def looking_again(good: float, config: NetworkConfig = RESNET) -> Network:
    """A network whose score of good frames is about `good`, and of the other classes 0."""
    network = build_network(replace(config, second_look=True)).eval()
    torch.nn.init.normal_(network.fc.weight, std=1e-3)
    network.fc.bias.data = torch.tensor([good, 0.0, 0.0, 0.0])
    return network


def looking_once(network: Network) -> Network:
    once = build_network(replace(network.config, second_look=False)).eval()
    once.load_state_dict(network.state_dict())
    return once


@pytest.mark.parametrize("config", [RESNET, OWN_SHARE, TWO_EYES])
def test_a_doubtful_pattern_is_judged_by_the_mean_of_all_its_views(frames, config):
    network = looking_again(1.0, config)
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


@pytest.mark.parametrize("config", [RESNET, replace(RESNET, global_pool=True), TWO_EYES])
def test_with_a_second_look_the_activation_adds_up_and_turns_with_the_pattern(frames, config):
    network = looking_again(1.0, config)
    scores, activation = network.explained(frames)
    torch.testing.assert_close(scores, network(frames), rtol=1e-4, atol=1e-4)
    total = activation.sum((2, 3)) + network.fc.bias
    torch.testing.assert_close(total, scores, rtol=1e-4, atol=1e-4)
    for axes in ((2, 3), (2,), (3,)):
        _, reversed_too = network.explained(frames.flip(axes))
        torch.testing.assert_close(reversed_too, activation.flip(axes), rtol=1e-4, atol=1e-5)


def test_with_a_second_look_the_activation_stays_where_the_pattern_differs():
    network = looking_again(1.0)
    blank = torch.zeros(1, 3, 128, 128)
    spot = blank.clone()
    spot[:, :, 8:16, 100:108] = 3.0
    change = network.explained(spot)[1] - network.explained(blank)[1]
    row, column = divmod(int(change[0].abs().sum(0).argmax()), 8)
    assert row <= 1
    assert column >= 5


def test_learning_sees_one_view_at_a_time(frames):
    network = looking_again(1.0, replace(RESNET, dropout=0.0))
    network.train()
    calls = []
    network.conv.register_forward_hook(lambda *_: calls.append(1))
    network(frames)
    assert len(calls) == 1
