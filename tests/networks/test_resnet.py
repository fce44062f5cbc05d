"""The poster's layers, and the exact decomposition of its scores."""

import copy

import pytest
import torch

from spi_viewer.networks.resnet import ResNet, ResNetConfig


@pytest.fixture
def frames():
    return torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 2), (1, 3), (3, 2)])
def test_every_convolution_has_the_size_that_the_poster_gives(n, m, frames):
    network = ResNet(ResNetConfig(n=n, m=m)).eval()
    shapes = [tuple(maps.shape[1:]) for _, maps in network.feature_maps(frames)]
    assert shapes == [(16, 64, 64)] + [(32, 32, 32)] * 2 * n + [(64, 16, 16)] * 2 * m
    assert network.forward_features(frames).shape == (2, 64, 8, 8)
    assert network(frames).shape == (2, 4)


def test_the_autocorrelations_maps_follow_the_patterns_in_the_scores(frames):
    network = ResNet(ResNetConfig(autocorrelation=True)).eval()
    assert network.feature_count == 64 + 64
    assert network.forward_features(frames).shape == (2, 128, 8, 8)
    poster = ResNet(ResNetConfig()).eval()
    learned = network.state_dict()
    learned["fc.weight"] = learned["fc.weight"][:, : 64 * 64]
    poster.load_state_dict({name: learned[name] for name in poster.state_dict()})
    both, pattern_only, branch_only = network.scores_to_learn(frames)
    torch.testing.assert_close(both, network(frames))
    torch.testing.assert_close(pattern_only, poster(frames))
    assert not torch.allclose(both, pattern_only)
    branch_only.square().sum().backward()
    assert network.branch.conv.weight.grad.abs().sum() > 0
    assert network.conv.weight.grad is None or not network.conv.weight.grad.any()
    assert len(poster.scores_to_learn(frames)) == 1


def test_the_autocorrelation_cannot_be_had_of_the_posters_input():
    with pytest.raises(ValueError, match="per image"):
        ResNetConfig(autocorrelation=True, in_channels=1).check()


def test_resnet10_has_ten_layers_with_weights_and_no_weights_in_its_identities():
    network = ResNet(ResNetConfig(n=2, m=2))
    layers = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    assert len(layers) == 10
    convolutions = 5 * 5 * 3 * 16 + 9 * (16 * 32 + 3 * 32 * 32 + 32 * 64 + 3 * 64 * 64)
    batch_norms = 2 * (16 + 4 * 32 + 4 * 64)
    scores = 64 * 8 * 8 * 4 + 4
    assert sum(p.numel() for p in network.parameters()) == convolutions + batch_norms + scores


def test_a_network_grows_by_pairs_that_change_nothing_until_they_learn(frames, use_norms):
    small = ResNet(ResNetConfig(n=1, m=2, autocorrelation=True)).eval()
    use_norms(small)
    torch.nn.init.normal_(small.fc.weight)
    grown = ResNet(ResNetConfig(n=2, m=3, autocorrelation=True))
    grown.load_state_dict(grown.state_dict() | small.state_dict())
    torch.testing.assert_close(grown.eval()(frames), small(frames))
    grown.train()(frames).square().sum().backward()
    for block in (grown.block32, grown.block16, grown.branch.block32, grown.branch.block16):
        assert block[-1].bn2.weight.grad.abs().sum() > 0


def test_each_convolution_of_the_poster_gives_one_named_layer_of_maps(frames):
    maps = ResNet(ResNetConfig()).eval().feature_maps(frames)
    names = [name for name, _ in maps]
    assert len(set(names)) == len(names) == 9
    assert all((layer >= 0).all() for _, layer in maps)


def test_a_later_layer_does_not_overwrite_an_earlier_one(frames, use_norms):
    network = ResNet(ResNetConfig()).eval()
    use_norms(network)
    maps = dict(network.feature_maps(frames))
    torch.testing.assert_close(maps["conv 64×64"], network._stem(frames))
    last = torch.nn.functional.avg_pool2d(maps["16×16 conv 4"], 2)
    torch.testing.assert_close(last, network.forward_features(frames))


@pytest.mark.parametrize("autocorrelation", [False, True])
@pytest.mark.parametrize("global_pool", [False, True])
def test_the_class_activation_adds_up_to_the_score_without_its_bias(
    frames, global_pool, autocorrelation
):
    network = ResNet(ResNetConfig(global_pool=global_pool, autocorrelation=autocorrelation)).eval()
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
