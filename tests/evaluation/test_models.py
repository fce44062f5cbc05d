from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from spi_viewer.errors import EvaluationError, ModelError
from spi_viewer.evaluation.models import bundled_models, load_models
from spi_viewer.networks.checkpoint import Model, save_model
from spi_viewer.networks.model_card import ModelCard
from spi_viewer.networks.resnet import ResNet, ResNetConfig


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = ResNet(ResNetConfig(n=1, m=1))
    training = {
        "data": "simulated",
        "families": ["sphere", "rod"],
        "held_out_families": ["torus"],
        "history": [{"epoch": 1, "accuracy": 0.5, "kept": True}],
    }
    card = ModelCard("small", network.config, training=training)
    save_model(tmp_path / "a", Model(network.eval(), card))
    return tmp_path / "a"


def rewrite(folder: Path, **training: object) -> Path:
    card = json.loads((folder / "model.json").read_text())
    card["training"] = training
    (folder / "model.json").write_text(json.dumps(card))
    return folder


def test_the_card_says_what_a_model_has_learned_from(folder: Path) -> None:
    (model,) = load_models([folder], "cpu")
    assert [model.has_learned(name) for name in ("rod", "torus", "box")] == [True, False, False]
    assert model.held_out_families == ("torus",)
    assert model.training_set == "Sim"
    assert len(model.history) == 1
    assert model.config["n"] == 1


def test_a_card_that_says_nothing_is_not_taken_for_a_no(folder: Path) -> None:
    (model,) = load_models([rewrite(folder)], "cpu")
    assert model.has_learned("rod") is None
    assert model.training_set == "–"


@pytest.mark.parametrize(
    ("data", "kind"),
    [("measured", "Exp"), ("simulated and measured", "Sim + Exp"), (7, "–"), ([], "–")],
)
def test_the_kind_of_training_set(folder: Path, data: object, kind: str) -> None:
    (model,) = load_models([rewrite(folder, data=data)], "cpu")
    assert model.training_set == kind


def test_nonsense_in_a_card_is_no_crash(folder: Path) -> None:
    (model,) = load_models([rewrite(folder, families=5, history={"a": 1})], "cpu")
    assert model.families == ()
    assert model.history == []


def test_models_of_one_name_are_told_apart_and_none_is_judged_twice(
    folder: Path, tmp_path: Path
) -> None:
    for name in ("b", "c/b"):
        shutil.copytree(folder, tmp_path / name)
    folders = [folder, tmp_path / "b", tmp_path / "c/b", folder]
    assert [m.name for m in load_models(folders, "cpu")] == ["small", "small (b)", "small (2)"]


def test_no_model_and_an_unknown_one_are_refused() -> None:
    with pytest.raises(EvaluationError, match="--model"):
        load_models([], "cpu")
    with pytest.raises(ModelError, match="nowhere"):
        load_models(["nowhere"], "cpu")


def test_all_bundled_models_are_known() -> None:
    assert "resnet10" in bundled_models()
