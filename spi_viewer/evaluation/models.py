"""The models that are evaluated, with what their cards say of how they came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spi_viewer import paths
from spi_viewer.classifiers import load_classifier
from spi_viewer.errors import EvaluationError
from spi_viewer.networks.classifier import find_model
from spi_viewer.networks.frame_classifier import FrameClassifier
from spi_viewer.networks.model_card import CARD_NAME, read_json
from spi_viewer.networks.origin import learned_families

SIMULATED, MEASURED, BOTH, UNSAID = "Sim", "Exp", "Sim + Exp", "–"


@dataclass(frozen=True)
class EvaluatedModel:
    """A model in use and its card.

    Attributes:
        name: in the report, unlike any other's.
        kind: of model, such as resnet.
        config: what rebuilds it, as the card has it.
        training: what the card says of its training; empty if nothing.
    """

    name: str
    folder: Path
    kind: str
    classifier: FrameClassifier
    config: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)

    @property
    def families(self) -> tuple[str, ...]:
        """Particle families that it has learned from."""
        return tuple(sorted(learned_families(self.training)))

    @property
    def held_out_families(self) -> tuple[str, ...]:
        """Families that were kept from it on purpose, to set its threshold by."""
        return _names(self.training.get("held_out_families"))

    def has_learned(self, family: str) -> bool | None:
        """Whether it has learned from a family; None if its card does not say."""
        return family in self.families if self.families else None

    @property
    def training_set(self) -> str:
        """Sim, Exp, Sim + Exp, or a dash where the card does not say."""
        said = str(self.training.get("data", ""))
        simulated = "simulat" in said or (bool(self.families) and not said)
        adaptation = self.training.get("adaptation")
        adapted = isinstance(adaptation, dict) and bool(adaptation.get("labels_fitted"))
        measured = "measured" in said or adapted
        if simulated and measured:
            return BOTH
        return SIMULATED if simulated else MEASURED if measured else UNSAID

    @property
    def history(self) -> list[Mapping[str, Any]]:
        """An entry an epoch, if it was trained in epochs."""
        stored = self.training.get("history")
        return [e for e in stored if isinstance(e, dict)] if isinstance(stored, list) else []


def bundled_models() -> list[str]:
    """Names of all models that come with the program."""
    return sorted(path.parent.name for path in paths.models_dir().glob(f"*/{CARD_NAME}"))


def load_models(names_or_folders: Sequence[str | Path], device: str) -> list[EvaluatedModel]:
    """Load each model once, in order; raises ModelError, and EvaluationError without any."""
    folders = dict.fromkeys(find_model(name).resolve() for name in names_or_folders)
    if not folders:
        raise EvaluationError("there is no model to evaluate; name one with --model")
    models: list[EvaluatedModel] = []
    for folder in folders:
        classifier = load_classifier(folder, device)
        card = read_json(folder)
        models.append(
            EvaluatedModel(
                name=_unlike(classifier.name, folder, {model.name for model in models}),
                folder=folder,
                kind=str(card.get("kind", "resnet")),
                classifier=classifier,
                config=_object(card.get("config")),
                training=_object(card.get("training")),
            )
        )
    return models


def _unlike(name: str, folder: Path, taken: set[str]) -> str:
    """A name for the report; folder and number tell models of one name apart."""
    tries = [name, f"{name} ({folder.name})"] + [f"{name} ({n})" for n in range(2, len(taken) + 3)]
    return next(one for one in tries if one not in taken)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _names(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()
