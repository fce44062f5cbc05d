"""What a training starts from: random weights, or those of a finished model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from spi_viewer.errors import ModelError
from spi_viewer.networks.architectures import NetworkConfig, build_network, kind_of
from spi_viewer.networks.checkpoint import Model
from spi_viewer.networks.network import Network
from spi_viewer.networks.team import Team
from spi_viewer.networks.training_config import TrainingConfig

_SCORES = "fc.weight"


def first_network(config: TrainingConfig, origin: Model | None) -> Network:
    """The network with random weights, or with those of a model of the same architecture.

    A model without the block at 8x8 is the start of one with it, too, which gives the same scores
    until it learns.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = build_network(config.network)
    if origin is None:
        return network
    ours, theirs = _common(config.network, origin.card.config)
    if ours != theirs or config.input_kind is not origin.card.input_kind:
        raise ModelError(
            f"{origin.card.name} is another network ({kind_of(theirs)}, {theirs}, input "
            f"{origin.card.input_kind}), so its weights do not fit {kind_of(ours)}, {ours}, "
            f"input {config.input_kind}; ask for the same architecture"
        )
    learned = origin.network.state_dict()
    if config.network.k and not origin.card.config.k:
        learned = _grown(learned, network.state_dict())
    network.load_state_dict(learned)
    return network


def _grown(learned: dict[str, Tensor], new: dict[str, Tensor]) -> dict[str, Tensor]:
    """What a smaller network learned within a larger one: its class scores pass by new maps."""
    scores = torch.zeros_like(new[_SCORES])
    scores[:, : learned[_SCORES].shape[1]] = learned[_SCORES]
    return new | learned | {_SCORES: scores}


def _common(ours: NetworkConfig, theirs: NetworkConfig) -> tuple[NetworkConfig, NetworkConfig]:
    """Both without what has no weights, and without what the other can grow."""
    ours, theirs = (
        replace(one, dropout=0.0, second_look=False, own_share=0.0) for one in (ours, theirs)
    )
    return (ours if theirs.k else replace(ours, k=0)), theirs


def with_origin(description: dict[str, Any], origin: Model | None, team: Team) -> dict[str, Any]:
    """What a model's card says of where the weights come from."""
    if origin is not None:
        card = origin.card
        description = description | {
            "started_from": {"name": card.name, "weights_sha256": card.weights_sha256}
        }
    return description | ({"devices": team.size} if team.size > 1 else {})
