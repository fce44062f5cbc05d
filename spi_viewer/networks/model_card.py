"""model.json: what a model is, how it was made, and what was measured."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from spi_viewer.errors import ModelError
from spi_viewer.frames import DecisionRule, FrameClass
from spi_viewer.networks.resnet import ResNetConfig
from spi_viewer.preprocessing.network_input import InputKind

CARD_NAME = "model.json"
CLASSES = tuple(frame_class.label for frame_class in FrameClass)
_FORMAT = 1
_MAX_PAIRS = 100  # a card asking for more would fill the memory before its weights are compared


@dataclass
class ModelCard:
    """What model.json says.

    Attributes:
        config: rebuilds the network.
        input_kind: how counts become network input.
        temperature: divides the class scores before the softmax.
        rule: the threshold on P(single) and the band that is worth a person's look.
        training: what it was trained on and how.
        figures: what was measured, with the conditions.
        weights_sha256: of the weights file; filled when saved.
    """

    name: str
    config: ResNetConfig
    input_kind: InputKind = InputKind.PER_IMAGE
    classes: tuple[str, ...] = CLASSES
    temperature: float = 1.0
    rule: DecisionRule = field(default_factory=DecisionRule)
    training: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    weights_sha256: str = ""


def card_to_text(card: ModelCard) -> str:
    """The card as JSON."""
    return json.dumps({"format": _FORMAT, **asdict(card)}, indent=2, allow_nan=False)


def read_card(folder: Path) -> ModelCard:
    """The card of a model folder; raises ModelError naming the folder and the fault."""
    try:
        stored = json.loads((folder / CARD_NAME).read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{folder}: {CARD_NAME} cannot be read ({error})") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{folder}: {CARD_NAME} is not JSON ({error})") from error
    try:
        return _card_from_json(stored)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"{folder}: {CARD_NAME} is not a model card ({error!r})") from error


def _card_from_json(stored: dict[str, Any]) -> ModelCard:
    if stored["format"] != _FORMAT:
        raise ValueError(f"format {stored['format']}, this program reads {_FORMAT}")
    if tuple(stored["classes"]) != CLASSES:
        raise ValueError(f"classes must be {', '.join(CLASSES)}")
    card = ModelCard(
        name=str(stored["name"]),
        config=ResNetConfig(**stored["config"]),
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
    for name in ("n", "m"):
        pairs = getattr(config, name)
        if type(pairs) is not int or not 1 <= pairs <= _MAX_PAIRS:
            raise ValueError(f"{name} must be a whole number from 1 to {_MAX_PAIRS}")
    if config.in_channels != card.input_kind.channels or config.class_count != len(CLASSES):
        raise ValueError("the network's inputs or outputs do not fit the input kind or classes")
    if not 0 <= config.dropout < 1 or type(config.global_pool) is not bool:
        raise ValueError("dropout must lie in [0, 1) and global_pool be true or false")
    if not (math.isfinite(card.temperature) and card.temperature > 0):
        raise ValueError("the temperature must be a positive number")
    rule = card.rule
    if not 0 <= rule.unsure_low <= rule.threshold <= rule.unsure_high <= 1:
        raise ValueError("threshold and unsure band must be ordered within 0 and 1")
