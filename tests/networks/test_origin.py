"""What a training starts from."""

from dataclasses import replace

import pytest
import torch

from spi_viewer.errors import ModelError
from spi_viewer.networks.checkpoint import Model
from spi_viewer.networks.origin import first_network, with_origin
from spi_viewer.networks.resnet import ResNet
from spi_viewer.networks.team import ALONE
from spi_viewer.networks.training_config import TrainingConfig


@pytest.fixture
def small(untrained: Model) -> Model:
    """A model of the pattern alone, whose scores are not all alike."""
    torch.nn.init.normal_(untrained.network.fc.weight)
    return untrained


def config_of(model: Model, **changes: object) -> TrainingConfig:
    network = replace(model.card.config, **changes)
    return TrainingConfig(name="next", network=network, input_kind=model.card.input_kind)


def test_a_network_with_another_eye_gives_the_scores_it_started_from_and_can_learn(small: Model):
    frames = torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    grown = first_network(config_of(small, autocorrelation=True), small).eval()
    torch.testing.assert_close(grown(frames), small.network.eval()(frames))
    grown.train()(frames).square().sum().backward()
    assert grown.fc.weight.grad[:, 64 * 64 :].abs().sum() > 0  # the new maps are not dead


def test_without_that_eye_a_network_gives_the_scores_of_the_pattern_alone(small: Model):
    frames = torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    large = first_network(config_of(small, autocorrelation=True), small).eval()
    assert isinstance(large, ResNet)
    torch.nn.init.normal_(large.fc.weight)
    card = replace(small.card, config=large.config)
    model = Model(large, card, small.pixel_statistics, small.familiarity)
    cut = first_network(config_of(small), model).eval()
    torch.testing.assert_close(cut(frames), large.scores_to_learn(frames)[1])
    assert not torch.allclose(cut(frames), large(frames))


def test_a_network_of_another_size_is_refused(small: Model):
    with pytest.raises(ModelError, match="another network"):
        first_network(config_of(small, n=2), small)


def test_families_that_the_start_has_learned_are_told_and_cannot_be_held_out(small: Model):
    training = {"families": ["torus"], "families_before": ["rod"]}
    start = small._replace(card=replace(small.card, training=training))
    told = with_origin({"families": ["box"], "held_out_families": ["sphere"]}, start, ALONE)
    assert told["families_before"] == ["rod", "torus"]
    for family in ("rod", "torus"):
        with pytest.raises(ModelError, match="held out"):
            with_origin({"held_out_families": [family]}, start, ALONE)
