"""A network and what belongs to it, as the tensors of one model folder and back."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from spi_viewer.errors import ModelError
from spi_viewer.frames import NETWORK_SIDE_PX
from spi_viewer.networks.architectures import build_network
from spi_viewer.networks.familiarity import Familiarity
from spi_viewer.networks.model_card import CARD_NAME, ModelCard
from spi_viewer.networks.model_folder import WEIGHTS_NAME, find_card, read_tensors, write_model
from spi_viewer.networks.network import Network
from spi_viewer.preprocessing.network_input import InputKind, PixelStatistics

_NETWORK, _PIXELS, _FAMILIARITY = "network.", "pixels.", "familiarity."


class Model(NamedTuple):
    """A network with all that its use needs."""

    network: Network
    card: ModelCard
    pixel_statistics: PixelStatistics | None = None
    familiarity: Familiarity | None = None


def check_input_kind(name: str) -> InputKind:
    """The input kind of a name that a user typed; raises ModelError naming those that exist."""
    try:
        return InputKind(name)
    except ValueError:
        known = ", ".join(InputKind)
        raise ModelError(f"{name!r} is not an input of a network; choose from: {known}") from None


def save_model(folder: Path, model: Model) -> None:
    """Write the model; raises ModelError if the folder cannot be written."""
    write_model(folder, model.card, _tensors(model))


def load_model(folder: Path) -> Model:
    """Read a model and compare everything with its card; raises ModelError naming the fault."""
    card = find_card(folder)
    tensors = read_tensors(folder, card)
    with torch.device("meta"):  # no time for random weights, which would be thrown away
        network = build_network(card.config)
    _fill(folder, network, _part(tensors, _NETWORK))
    _check_extras(folder, tensors, network)
    pixels, familiarity = _part(tensors, _PIXELS), _part(tensors, _FAMILIARITY)
    statistics = PixelStatistics(**pixels) if pixels else None
    known = Familiarity(**familiarity) if familiarity else None
    if card.input_kind is InputKind.PER_PIXEL and statistics is None:
        raise ModelError(f"{folder}: {WEIGHTS_NAME} lacks the pixel statistics of its input")
    return Model(network.eval(), card, statistics, known)


def _tensors(model: Model) -> dict[str, Tensor]:
    tensors = {_NETWORK + name: value for name, value in model.network.state_dict().items()}
    for prefix, part in ((_PIXELS, model.pixel_statistics), (_FAMILIARITY, model.familiarity)):
        if part is not None:
            tensors |= {prefix + name: value for name, value in vars(part).items()}
    return tensors


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _fill(folder: Path, network: Network, tensors: dict[str, Tensor]) -> None:
    """Load weights whose names and shapes are exactly the network's."""
    expected = network.state_dict()
    missing, unknown = expected.keys() - tensors.keys(), tensors.keys() - expected.keys()
    if missing or unknown:
        name = min(missing or unknown)
        fault = "lacks" if missing else "has an unknown"
        raise ModelError(f"{folder}: {CARD_NAME} does not fit: {WEIGHTS_NAME} {fault} {name}")
    for name, value in expected.items():
        if value.shape != tensors[name].shape or value.dtype != tensors[name].dtype:
            raise ModelError(
                f"{folder}: {CARD_NAME} does not fit: {name} is {_kind(tensors[name])} "
                f"in {WEIGHTS_NAME}, not {_kind(value)}"
            )
    network.load_state_dict(tensors, assign=True)


def _check_extras(folder: Path, tensors: dict[str, Tensor], network: Network) -> None:
    """Tensors beside the network's own come in known groups, whole and in known shapes."""
    side = (NETWORK_SIDE_PX, NETWORK_SIDE_PX)
    width = network.feature_count
    groups: dict[str, dict[str, tuple[int, ...]]] = {
        _PIXELS: {"mean": side, "std": side},
        _FAMILIARITY: {"means": (-1, width), "whitening": (width, width), "limit": ()},
    }
    known = {
        prefix + name: shape for prefix, group in groups.items() for name, shape in group.items()
    }
    for name, value in tensors.items():
        if name.startswith(_NETWORK):
            continue
        shape = known.get(name)
        if shape is None:
            raise ModelError(f"{folder}: {WEIGHTS_NAME} has an unknown tensor, {name}")
        fits = len(shape) == value.ndim and all(
            wanted in (-1, given) for wanted, given in zip(shape, value.shape, strict=True)
        )
        if not fits or value.dtype != torch.float32:
            raise ModelError(f"{folder}: {CARD_NAME} does not fit: {name} is {_kind(value)}")
    for prefix, group in groups.items():
        missing = group.keys() - _part(tensors, prefix).keys()
        if 0 < len(missing) < len(group):
            raise ModelError(f"{folder}: {WEIGHTS_NAME} lacks {prefix}{min(missing)}")


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
