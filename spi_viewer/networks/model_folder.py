"""The folder of a model: weights.safetensors and model.json, written aside and verified.

Nothing is ever unpickled: a model folder from anywhere may be opened.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from spi_viewer.errors import ModelError
from spi_viewer.networks.model_card import (
    CARD_NAME,
    NETWORK_CONFIGS,
    ModelCard,
    card_to_text,
    json_text,
    read_card,
    read_json,
)

WEIGHTS_NAME = "weights.safetensors"
_PART = ".part"
_CARD_PART = CARD_NAME + _PART
_MAX_BYTES = 1 << 30


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


def find_card(folder: Path) -> ModelCard:
    """The card that belongs to the weights, in its place or still aside.

    Raises ModelError naming the folder and the fault.
    """
    return _card_aside(folder) or read_card(folder)


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
