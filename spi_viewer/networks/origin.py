"""What a training starts from: random weights, or those of a finished model."""

from __future__ import annotations

from collections.abc import Mapping
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

    A model without an eye for the autocorrelation is the start of one with it, too, which gives
    the same scores until it learns; the other way round the network loses what that eye adds.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = build_network(config.network)
    if origin is None:
        return network
    ours, theirs = _with_weights(config.network), _with_weights(origin.card.config)
    if ours != theirs or config.input_kind is not origin.card.input_kind:
        raise ModelError(
            f"{origin.card.name} is another network ({kind_of(theirs)}, {theirs}, input "
            f"{origin.card.input_kind}), so its weights do not fit {kind_of(ours)}, {ours}, "
            f"input {config.input_kind}; ask for the same architecture"
        )
    network.load_state_dict(_fitted(origin.network.state_dict(), network.state_dict()))
    return network


def _fitted(learned: dict[str, Tensor], new: dict[str, Tensor]) -> dict[str, Tensor]:
    """What a network learned, within one with more maps or fewer: the scores pass by new ones."""
    scores = torch.zeros_like(new[_SCORES])
    common = min(scores.shape[1], learned[_SCORES].shape[1])
    scores[:, :common] = learned[_SCORES][:, :common]
    return {name: learned.get(name, value) for name, value in new.items()} | {_SCORES: scores}


def _with_weights(config: NetworkConfig) -> NetworkConfig:
    """The configuration without what has no weights, and without what can come and go."""
    return replace(config, dropout=0.0, second_look=False, own_share=0.0, autocorrelation=False)


def learned_families(training: Mapping[str, Any]) -> set[str]:
    """Families that a card's training names, of its own and of what it started from."""
    named = (training.get("families"), training.get("families_before"))
    return {str(name) for names in named if isinstance(names, list | tuple) for name in names}


def with_origin(description: dict[str, Any], origin: Model | None, team: Team) -> dict[str, Any]:
    """What a model's card says of where the weights come from.

    Raises ModelError if a family is held out from which the weights have learned.
    """
    if origin is not None:
        card = origin.card
        before = learned_families(card.training)
        if known := before.intersection(description.get("held_out_families") or ()):
            raise ModelError(
                f"{card.name} has learned from {', '.join(sorted(known))}, so that cannot be held "
                "out; start from a model that has not, or from none"
            )
        description = description | {
            "started_from": {"name": card.name, "weights_sha256": card.weights_sha256},
            "families_before": sorted(before),
        }
    return description | ({"devices": team.size} if team.size > 1 else {})
