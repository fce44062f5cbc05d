"""Answers made up to order, and models that need no weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spi_viewer.evaluation.answers import Answers
from spi_viewer.evaluation.models import EvaluatedModel
from spi_viewer.frames import DecisionRule, FrameClass
from spi_viewer.networks.activation_maps import Explanation, LayerMaps
from spi_viewer.networks.frame_classifier import Classification
from spi_viewer.networks.model_card import CLASSES


class ToyClassifier:
    """P(single) grows with the share of pixels above the mean: no good, but quick and definite."""

    device_name = "CPU"
    model_hash = "0" * 64
    classes = CLASSES

    def __init__(self, name: str = "toy", has_maps: bool = True) -> None:
        self.name = name
        self.rule = DecisionRule()
        self.has_maps = has_maps

    def set_threshold(self, threshold: float) -> None:
        self.rule = self.rule.moved_to(threshold)

    def classify(self, counts: np.ndarray, valid: np.ndarray) -> Classification:
        mean = counts.mean((1, 2), keepdims=True)
        p_good = np.clip(3 * (counts > mean).mean((1, 2)), 0.01, 0.99).astype(np.float32)
        return Classification(probabilities_of(p_good), np.zeros(len(counts), bool))

    def explain(self, counts: np.ndarray, valid: np.ndarray) -> Explanation:
        probabilities = self.classify(counts[None], valid[None]).probabilities[0]
        maps = np.stack([counts - counts.mean()] * 4)
        layers = [LayerMaps(f"conv {n}", np.abs(maps[:, ::n, ::n])) for n in (1, 2, 4)]
        return Explanation(
            probabilities,
            counts[None],
            maps if self.has_maps else None,
            layers if self.has_maps else [],
        )


def probabilities_of(p_good: np.ndarray) -> np.ndarray:
    """(N, 4) with the rest of P(single) shared out alike."""
    rest = (1 - p_good) / 3
    return np.stack([p_good, rest, rest, rest], axis=1).astype(np.float32)


@pytest.fixture
def toy_classifier() -> type[ToyClassifier]:
    return ToyClassifier


@pytest.fixture
def toy_model(tmp_path: Path) -> Callable[..., EvaluatedModel]:
    """toy_model(name, **what its card says of the training)."""

    def make(name: str = "toy", has_maps: bool = True, **training: object) -> EvaluatedModel:
        classifier = ToyClassifier(name, has_maps)
        return EvaluatedModel(name, tmp_path / name, "resnet", classifier, {}, training)

    return make


@pytest.fixture
def answers() -> Callable[..., Answers]:
    """answers(p_good, frame_class, ...): one model's answers; what is not given is plain."""

    def make(
        p_good: list[float] | np.ndarray,
        frame_class: list[FrameClass] | np.ndarray,
        photons: list[float] | np.ndarray | None = None,
        family: list[str] | None = None,
        group: list | np.ndarray | None = None,
        threshold: float = 0.5,
        model: str = "toy",
        fringes: list[float] | np.ndarray | None = None,
    ) -> Answers:
        frames = len(p_good)
        return Answers(
            model=model,
            threshold=threshold,
            probability=probabilities_of(np.asarray(p_good, np.float32)),
            frame_class=np.asarray(frame_class, np.int64),
            photons=np.asarray(photons if photons is not None else [1e4] * frames, np.float32),
            family=np.asarray(family if family is not None else ["sphere"] * frames, str),
            group=np.arange(frames) if group is None else np.asarray(group),
            fringes=np.asarray(fringes if fringes is not None else [0.0] * frames, np.float32),
            unfamiliar=np.zeros(frames, bool),
        )

    return make


@pytest.fixture
def many_answers(answers: Callable[..., Answers]) -> Answers:
    """2,000 frames of four families and all classes, whose scores overlap."""
    random = np.random.default_rng(1)
    frame_class = random.choice(4, 2000, p=(0.5, 0.25, 0.15, 0.1))
    good = frame_class == FrameClass.SINGLE
    score = random.normal(np.where(good, 1.5, -1.5), 1.2)
    photons = np.where(frame_class == FrameClass.BLANK, 0, np.exp(random.uniform(6, 12, 2000)))
    names = random.choice(["sphere", "rod", "soccer", "torus"], 2000)
    family = np.where(frame_class < FrameClass.NON_SAMPLE, names, "debris")
    return answers(1 / (1 + np.exp(-score)), frame_class, photons, family.tolist())
