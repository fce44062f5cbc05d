"""What a training starts from."""

from dataclasses import replace

import pytest
import torch

from spi_viewer.errors import ModelError
from spi_viewer.networks.checkpoint import Model
from spi_viewer.networks.origin import first_network
from spi_viewer.networks.resnet import ResNet, ResNetConfig
from spi_viewer.networks.training_config import TrainingConfig


@pytest.fixture
def small(untrained: Model) -> Model:
    """A model without a block at 8x8, whose scores are not all alike."""
    torch.nn.init.normal_(untrained.network.fc.weight)
    return untrained


def config_of(model: Model, **changes: object) -> TrainingConfig:
    network = replace(model.card.config, **changes)
    return TrainingConfig(name="next", network=network, input_kind=model.card.input_kind)


@pytest.mark.parametrize("k", [1, 2])
def test_a_grown_network_gives_the_scores_it_started_from_and_can_learn(small: Model, k: int):
    frames = torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    grown = first_network(config_of(small, k=k), small).eval()
    torch.testing.assert_close(grown(frames), small.network.eval()(frames))
    grown.train()(frames).square().sum().backward()
    assert grown.fc.weight.grad[:, 64 * 64 :].abs().sum() > 0  # the new maps are not dead


def test_a_network_does_not_shrink(small: Model):
    large = first_network(config_of(small, k=1), small)
    assert isinstance(large, ResNet)
    card = replace(small.card, config=ResNetConfig(k=1))
    model = Model(large, card, small.pixel_statistics, small.familiarity)
    with pytest.raises(ModelError, match="another network"):
        first_network(config_of(small), model)
    with pytest.raises(ModelError, match="another network"):
        first_network(config_of(small, k=2), model)
