"""The architectures by kind: what a model.json or a command names, and how it is rebuilt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spi_viewer.networks.network import Network
from spi_viewer.networks.resnet import ResNet, ResNetConfig

NetworkConfig = ResNetConfig


@dataclass(frozen=True)
class Architecture:
    """A kind of network: its configuration, and the class that is built from it."""

    config: Any  # the class of the configuration
    network: Any  # the class that takes it


ARCHITECTURES: dict[str, Architecture] = {
    "resnet": Architecture(ResNetConfig, ResNet),
}


def build_network(config: NetworkConfig) -> Network:
    """The network of a configuration, with random weights."""
    return ARCHITECTURES[kind_of(config)].network(config)


def kind_of(config: NetworkConfig) -> str:
    """The name of a configuration's architecture."""
    return next(kind for kind, entry in ARCHITECTURES.items() if type(config) is entry.config)


def config_from_json(kind: str, values: dict[str, Any]) -> NetworkConfig:
    """The configuration of a kind; ValueError for an unknown kind, TypeError for unknown values."""
    if kind not in ARCHITECTURES:
        raise ValueError(f"{kind!r} is no kind of network; known are: {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[kind].config(**values)
