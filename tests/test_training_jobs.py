"""Whole trainings on simulated frames, alone and in a team."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from spi_viewer import training_jobs
from spi_viewer.errors import ModelError
from spi_viewer.networks.checkpoint import load_model
from spi_viewer.networks.resnet import ResNetConfig
from spi_viewer.networks.training_config import TrainingConfig
from spi_viewer.training_frames import SimulatedData
from spi_viewer.training_jobs import train_model

SHORT = TrainingConfig(
    "short", ResNetConfig(n=1, m=1), epochs=1, steps_per_epoch=2, augmented=False
)
SPHERES = SimulatedData(("sphere", "torus"), held_out=("torus",), workers=0)


def test_a_team_of_two_trains_a_usable_model_and_sees_twice_the_frames(tmp_path: Path) -> None:
    lines = []
    card = train_model(
        SHORT,
        SPHERES,
        tmp_path / "team",
        batch=8,
        validation_frames=64,
        test_frames=64,
        device="cpu",
        devices=2,
        progress=lines.append,
    )
    assert card.training["frames_seen"] == 2 * 2 * 8
    assert card.training["devices"] == 2
    assert lines[-1].validation is not None
    assert set(card.figures) == {"validation", "test", "test_held_out"}
    assert "torus" in card.figures["test_held_out"]["conditions"]
    weights = load_model(tmp_path / "team").network.state_dict()
    assert all(torch.isfinite(value).all() for value in weights.values())


def test_a_measurement_that_was_interrupted_is_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    small = {"batch": 8, "validation_frames": 64, "test_frames": 64, "device": "cpu"}
    with monkeypatch.context() as patch:
        patch.setattr(training_jobs, "measure", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train_model(SHORT, SPHERES, tmp_path / "model", **small)
    before = load_model(tmp_path / "model").card
    card = train_model(SHORT, SPHERES, tmp_path / "model", **small)
    assert card.weights_sha256 == before.weights_sha256
    assert set(card.figures) == {"validation", "test", "test_held_out"}
    assert {one.name for one in (tmp_path / "model").iterdir()} == {
        "model.json",
        "weights.safetensors",
    }


def test_a_training_is_not_resumed_with_other_batches_or_from_another_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {"validation_frames": 64, "test_frames": 64, "device": "cpu"}
    train_model(SHORT, SPHERES, tmp_path / "start", batch=8, **small)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training_jobs, "measure", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train_model(SHORT, SPHERES, tmp_path / "model", batch=8, **small)
    with pytest.raises(ModelError, match="batch"):
        train_model(SHORT, SPHERES, tmp_path / "model", batch=16, **small)
    with pytest.raises(ModelError, match="started_from"):
        train_model(
            SHORT, SPHERES, tmp_path / "model", batch=8, start_from=tmp_path / "start", **small
        )


def test_a_calibration_that_was_interrupted_while_measured_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {"batch": 8, "validation_frames": 64, "test_frames": 64, "device": "cpu"}
    start = tmp_path / "start"
    train_model(SHORT, SPHERES, start, **small)
    anew = replace(SHORT, epochs=0)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training_jobs, "measure", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train_model(anew, SPHERES, tmp_path / "anew", start_from=start, **small)
    card = train_model(anew, SPHERES, tmp_path / "anew", start_from=start, **small)
    assert set(card.figures) == {"validation", "test", "test_held_out"}
    other = replace(anew, false_positives=0.02)
    with pytest.raises(ModelError, match="holds a model already"):
        train_model(other, SPHERES, tmp_path / "anew", start_from=start, **small)
