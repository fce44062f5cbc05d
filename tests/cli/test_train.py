from __future__ import annotations

import json
from pathlib import Path

import pytest

from spi_viewer.networks.checkpoint import load_model
from spi_viewer.networks.training_step import Update

SMALL = {
    "--n": 1,
    "--m": 1,
    "--epochs": 1,
    "--steps": 2,
    "--batch": 8,
    "--validation-frames": 64,
    "--test-frames": 64,
    "--workers": 0,
    "--family": "sphere",
    "--device": "cpu",
}


@pytest.fixture
def train(spi_viewer, tmp_path: Path):
    """train(**changed options) of a very short training into tmp_path/tiny."""

    def run(*flags: str, **changed: object):
        options = SMALL | {f"--{name}": value for name, value in changed.items()}
        flat = [part for pair in options.items() for part in pair]
        return spi_viewer("train", "-o", tmp_path / "tiny", *flat, *flags)

    return run


def test_a_model_with_its_figures_is_written_and_judges(
    train, spi_viewer, write_run, read_table, tmp_path: Path
) -> None:
    outcome = train()
    assert outcome.exit_code == 0
    assert "above 3000 photons" in outcome.out
    card = json.loads((tmp_path / "tiny" / "model.json").read_text())
    assert card["name"] == "tiny"
    assert "above_3000_photons" in card["figures"]["test"]
    assert "sphere" in card["figures"]["test"]["conditions"]
    load_model(tmp_path / "tiny")
    scores = tmp_path / "scores.csv"
    judged = spi_viewer("classify", write_run("r.h5"), "-o", scores, "--model", tmp_path / "tiny")
    assert judged.exit_code == 0
    assert len(read_table(scores)) == 10


def test_an_interrupted_training_goes_on_where_it_stopped(
    train, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, done = Update.step, []

    def interrupted_step(*arguments):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(None)
        return step(*arguments)

    monkeypatch.setattr(Update, "step", interrupted_step)
    outcome = train(epochs=2)
    assert outcome.exit_code == 130
    assert outcome.err.endswith("spi-viewer: interrupted\n")
    monkeypatch.setattr(Update, "step", lambda *arguments: done.append(None) or step(*arguments))
    assert train(epochs=2).exit_code == 0
    assert len(done) == 4


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"input": "nonsense"}, "per_image, per_pixel"),
        ({"family": "nonsense"}, "icosahedron"),
        ({"device": "nonsense"}, "auto, cpu or cuda"),
    ],
)
def test_an_unknown_choice_is_answered_with_the_known_ones(train, changed, told: str) -> None:
    outcome = train(**changed)
    assert outcome.exit_code == 1
    assert "nonsense" in outcome.err
    assert told in outcome.err
