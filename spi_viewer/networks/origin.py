"""What a training starts from: random weights, or those of a finished model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from spi_viewer.errors import ModelError
from spi_viewer.networks.architectures import NetworkConfig, build_network, kind_of
from spi_viewer.networks.checkpoint import Model
from spi_viewer.networks.network import Network
from spi_viewer.networks.team import Team
from spi_viewer.networks.training_config import TrainingConfig


def first_network(config: TrainingConfig, origin: Model | None) -> Network:
    """The network with random weights, or with those of a model of the same architecture."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = build_network(config.network)
    if origin is None:
        return network
    ours, theirs = (_without_weightless(one) for one in (config.network, origin.card.config))
    if ours != theirs or config.input_kind is not origin.card.input_kind:
        raise ModelError(
            f"{origin.card.name} is another network ({kind_of(theirs)}, {theirs}, input "
            f"{origin.card.input_kind}), so its weights do not fit {kind_of(ours)}, {ours}, "
            f"input {config.input_kind}; ask for the same architecture"
        )
    network.load_state_dict(origin.network.state_dict())
    return network


def _without_weightless(config: NetworkConfig) -> NetworkConfig:
    """The same for configurations that differ in nothing that has weights."""
    return replace(config, dropout=0.0, second_look=False, own_share=0.0)


def with_origin(description: dict[str, Any], origin: Model | None, team: Team) -> dict[str, Any]:
    """What a model's card says of where the weights come from."""
    if origin is not None:
        card = origin.card
        description = description | {
            "started_from": {"name": card.name, "weights_sha256": card.weights_sha256}
        }
    return description | ({"devices": team.size} if team.size > 1 else {})
