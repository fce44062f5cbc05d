"""Model folders of baselines: the networks' card and weights file, with other tensors inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spi_viewer.errors import ModelError
from spi_viewer.networks.model_card import CARD_NAME, ModelCard, read_card
from spi_viewer.networks.model_folder import WEIGHTS_NAME, read_tensors, write_model

Shape = tuple[int, ...]  # -1 stands for any length of at least 1


def save_baseline(folder: Path, kind: str, card: ModelCard, tensors: dict[str, Tensor]) -> None:
    """Write tensors and card, which gets their checksum; raises ModelError."""
    write_model(folder, card, tensors, {kind: type(card.config)})


def load_baseline(
    folder: Path, kind: str, config: Any, shapes: Callable[[Any], Mapping[str, Shape]]
) -> tuple[ModelCard, dict[str, Tensor]]:
    """Card and tensors of a model folder.

    Args:
        folder: of the model.
        kind: that it must be of.
        config: the class of the kind's configuration.
        shapes: by configuration those of every tensor that must be there, and no other; all are
            float32.

    Raises:
        ModelError: naming the folder and the fault.
    """
    card = read_card(folder, {kind: config})
    tensors = read_tensors(folder, card)
    check_shapes(folder, tensors, shapes(card.config))
    return card, tensors


def check_shapes(folder: Path, tensors: Mapping[str, Tensor], shapes: Mapping[str, Shape]) -> None:
    """Raise ModelError unless the tensors are exactly those of `shapes`."""
    missing, unknown = shapes.keys() - tensors.keys(), tensors.keys() - shapes.keys()
    if missing or unknown:
        fault = f"lacks {min(missing)}" if missing else f"has an unknown tensor, {min(unknown)}"
        raise ModelError(f"{folder}: {CARD_NAME} does not fit: {WEIGHTS_NAME} {fault}")
    for name, shape in shapes.items():
        value = tensors[name]
        if value.dtype != torch.float32 or not _fits(value.shape, shape):
            kind = f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
            raise ModelError(f"{folder}: {CARD_NAME} does not fit: {name} is {kind}")


def _fits(shape: tuple[int, ...], wanted: Shape) -> bool:
    return len(shape) == len(wanted) and all(
        given == length or (length == -1 and given > 0)
        for given, length in zip(shape, wanted, strict=True)
    )
