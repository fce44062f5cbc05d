"""A model on disk: a folder of weights.safetensors and model.json, written aside and verified.

Nothing is ever unpickled: a model folder from anywhere may be opened.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from spi_viewer.errors import ModelError
from spi_viewer.frames import NETWORK_SIDE_PX
from spi_viewer.networks.architectures import build_network
from spi_viewer.networks.familiarity import Familiarity
from spi_viewer.networks.model_card import (
    CARD_NAME,
    NETWORK_CONFIGS,
    ModelCard,
    card_to_text,
    json_text,
    read_card,
    read_json,
)
from spi_viewer.networks.network import Network
from spi_viewer.preprocessing.network_input import InputKind, PixelStatistics

WEIGHTS_NAME = "weights.safetensors"
_PART = ".part"
_CARD_PART = CARD_NAME + _PART
_MAX_BYTES = 1 << 30
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


def write_model(
    folder: Path,
    card: ModelCard,
    tensors: dict[str, Tensor],
    configs: Mapping[str, Any] = NETWORK_CONFIGS,
) -> None:
    """Write tensors and card; each file aside and renamed, the card last.

    Args:
        folder: made if it is not there.
        card: gets the checksum of the weights.
        tensors: on any device.
        configs: as for `read_card`.

    Raises:
        ModelError: if the folder cannot be written.
    """
    stored = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    weights = safetensors.torch.save(stored)
    card.weights_sha256 = hashlib.sha256(weights).hexdigest()
    text = card_to_text(card, configs)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The card stands ready before the weights change: see `complete_write`.
        ready = _write_part(folder / CARD_NAME, text.encode())
        write_aside(folder / WEIGHTS_NAME, weights)
        os.replace(ready, folder / CARD_NAME)
    except OSError as error:
        raise ModelError(f"{folder}: the model cannot be written ({error})") from error


def complete_write(folder: Path) -> None:
    """Finish a write that was cut off between weights and card, if there is one.

    Only for the one process that writes into the folder; raises ModelError if it cannot.
    """
    if _card_aside(folder) is not None:
        try:
            os.replace(folder / _CARD_PART, folder / CARD_NAME)
        except OSError as error:
            raise ModelError(f"{folder}: the model cannot be written ({error})") from error


def save_figures(folder: Path, figures: dict[str, Any]) -> None:
    """Put measured figures into a model's card beside those that it has; weights stay as they are.

    Raises ModelError if the card cannot be read or written.
    """
    stored = read_json(folder)
    if not isinstance(stored.get("figures"), dict):
        raise ModelError(f"{folder}: {CARD_NAME} is not a model card (it has no figures)")
    text = json_text({**stored, "figures": {**stored["figures"], **figures}})
    try:
        write_aside(folder / CARD_NAME, text.encode())
    except OSError as error:
        raise ModelError(f"{folder}: the model cannot be written ({error})") from error


def load_model(folder: Path) -> Model:
    """Read a model and compare everything with its card; raises ModelError naming the fault."""
    card = _card_aside(folder) or read_card(folder)
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


def write_aside(path: Path, content: bytes) -> None:
    """Write to a neighbour and rename, so that a crash never leaves half a file."""
    os.replace(_write_part(path, content), path)


def _write_part(path: Path, content: bytes) -> Path:
    aside = path.with_name(path.name + _PART)
    with open(aside, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return aside


def _card_aside(folder: Path) -> ModelCard | None:
    """The card that belongs to the weights but is not in its place, after a kill or just now."""
    if not (folder / _CARD_PART).is_file():
        return None
    try:
        card = read_card(folder, name=_CARD_PART)
        digest = hashlib.sha256((folder / WEIGHTS_NAME).read_bytes()).hexdigest()
    except (ModelError, OSError):  # half a card, or none any more: the old one holds
        return None
    return card if digest == card.weights_sha256 else None


def _tensors(model: Model) -> dict[str, Tensor]:
    tensors = {_NETWORK + name: value for name, value in model.network.state_dict().items()}
    for prefix, part in ((_PIXELS, model.pixel_statistics), (_FAMILIARITY, model.familiarity)):
        if part is not None:
            tensors |= {prefix + name: value for name, value in vars(part).items()}
    return tensors


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def read_tensors(folder: Path, card: ModelCard) -> dict[str, Tensor]:
    """The tensors of a model folder, finite and of the card's checksum.

    Raises ModelError naming the folder and the fault.
    """
    path = folder / WEIGHTS_NAME
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ModelError(f"{folder}: {WEIGHTS_NAME} is larger than any model of this program")
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{folder}: {WEIGHTS_NAME} cannot be read ({error})") from error
    if hashlib.sha256(content).hexdigest() != card.weights_sha256:
        raise ModelError(
            f"{folder}: the checksum of {WEIGHTS_NAME} is not the one in {CARD_NAME}; "
            "the file was changed or damaged"
        )
    try:
        tensors = safetensors.torch.load(content)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise ModelError(f"{folder}: {WEIGHTS_NAME} is not a safetensors file ({error})") from error
    for name, value in tensors.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise ModelError(f"{folder}: {WEIGHTS_NAME} holds values that are not finite ({name})")
    return tensors


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
