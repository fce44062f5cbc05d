"""model.json: what a model is, how it was made, and what was measured."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from spi_viewer.errors import ModelError
from spi_viewer.frames import DecisionRule, FrameClass
from spi_viewer.networks.architectures import ARCHITECTURES, NetworkConfig
from spi_viewer.preprocessing.network_input import InputKind

CARD_NAME = "model.json"
CLASSES = tuple(frame_class.label for frame_class in FrameClass)
_FORMAT = 1
# What odd values raise on their way into a card; OverflowError is of whole numbers without end.
_ODD_CARD = (TypeError, ValueError, KeyError, AttributeError, RecursionError, OverflowError)
NETWORK_CONFIGS: dict[str, Any] = {kind: entry.config for kind, entry in ARCHITECTURES.items()}


@dataclass
class ModelCard:
    """What model.json says.

    Attributes:
        config: rebuilds the model: of a network its NetworkConfig, of a baseline a dataclass of
            its own, with a `check()` that raises ValueError.
        input_kind: how counts become the model's input.
        temperature: divides the class scores before the softmax.
        rule: the threshold on P(single) and the band that is worth a person's look.
        training: what it was trained on and how.
        figures: what was measured, with the conditions.
        weights_sha256: of the weights file; filled when saved.
    """

    name: str
    config: Any
    input_kind: InputKind = InputKind.PER_IMAGE
    classes: tuple[str, ...] = CLASSES
    temperature: float = 1.0
    rule: DecisionRule = field(default_factory=DecisionRule)
    training: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    weights_sha256: str = ""


def card_to_text(card: ModelCard, configs: Mapping[str, Any] = NETWORK_CONFIGS) -> str:
    """The card as JSON; `configs` as for `read_card`."""
    kind = next(kind for kind, config in configs.items() if type(card.config) is config)
    return json_text({"format": _FORMAT, "kind": kind, **asdict(card)})


def json_text(stored: dict[str, Any]) -> str:
    """The content of model.json as text."""
    return json.dumps(stored, indent=2, allow_nan=False)


def read_card(
    folder: Path, configs: Mapping[str, Any] = NETWORK_CONFIGS, name: str = CARD_NAME
) -> ModelCard:
    """The card of a model folder.

    Args:
        folder: of the model.
        configs: the class of the configuration of each kind that will do; the networks' unless
            given.
        name: of the file.

    Raises:
        ModelError: naming the folder and the fault.
    """
    stored = read_json(folder, name)
    try:
        return _card_from_json(stored, configs)
    except _ODD_CARD as error:
        raise ModelError(f"{folder}: {CARD_NAME} is not a model card ({error!r})") from error


def read_kind(folder: Path) -> str:
    """The kind of model a folder holds; raises ModelError naming the folder and the fault."""
    return str(read_json(folder).get("kind", "resnet"))


def read_json(folder: Path, name: str = CARD_NAME) -> dict[str, Any]:
    """model.json as it stands; raises ModelError naming the folder and the fault."""
    try:
        stored = json.loads((folder / name).read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{folder}: {CARD_NAME} cannot be read ({error})") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{folder}: {CARD_NAME} is not JSON ({error})") from error
    if not isinstance(stored, dict):
        raise ModelError(f"{folder}: {CARD_NAME} is not a model card (no JSON object)")
    return stored


def _card_from_json(stored: dict[str, Any], configs: Mapping[str, Any]) -> ModelCard:
    kind = str(stored.get("kind", "resnet"))
    if kind not in configs:
        raise ValueError(f"its kind is {kind!r}, not one of: {', '.join(configs)}")
    if stored["format"] != _FORMAT:
        raise ValueError(f"format {stored['format']}, this program reads {_FORMAT}")
    if tuple(stored["classes"]) != CLASSES:
        raise ValueError(f"classes must be {', '.join(CLASSES)}")
    card = ModelCard(
        name=str(stored["name"]),
        config=configs[kind](**stored["config"]),
        input_kind=InputKind(stored["input_kind"]),
        temperature=float(stored["temperature"]),
        rule=DecisionRule(**{name: float(value) for name, value in stored["rule"].items()}),
        training=dict(stored["training"]),
        figures=dict(stored["figures"]),
        weights_sha256=str(stored["weights_sha256"]),
    )
    _check(card)
    return card


def _check(card: ModelCard) -> None:
    config = card.config
    config.check()
    if isinstance(config, NetworkConfig) and (
        config.in_channels != card.input_kind.channels or config.class_count != len(CLASSES)
    ):
        raise ValueError("the network's inputs or outputs do not fit the input kind or classes")
    if not (math.isfinite(card.temperature) and card.temperature > 0):
        raise ValueError("the temperature must be a positive number")
    rule = card.rule
    if not 0 <= rule.unsure_low <= rule.threshold <= rule.unsure_high <= 1:
        raise ValueError("threshold and unsure band must be ordered within 0 and 1")
