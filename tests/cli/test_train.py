from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

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


def test_a_network_that_looks_twice_starts_from_one_that_looks_once(train, tmp_path: Path) -> None:
    assert train().exit_code == 0
    (tmp_path / "tiny").rename(tmp_path / "first")
    assert train("--second-look", **{"from": tmp_path / "first"}).exit_code == 0
    assert load_model(tmp_path / "tiny").card.config.second_look
    (tmp_path / "tiny").rename(tmp_path / "second")
    assert "another network" in train(**{"from": tmp_path / "second", "n": 2}).err


def test_a_model_of_two_eyes_judges_and_the_posters_network_is_cut_out_of_it(
    train, spi_viewer, write_run, read_table, tmp_path: Path
) -> None:
    assert train("--autocorrelation").exit_code == 0
    both = (tmp_path / "tiny").rename(tmp_path / "both")
    scores = tmp_path / "scores.csv"
    judged = spi_viewer("classify", write_run("r.h5"), "-o", scores, "--model", both)
    assert judged.exit_code == 0
    assert len(read_table(scores)) == 10
    assert train(**{"from": both, "epochs": 0}).exit_code == 0
    poster = load_model(tmp_path / "tiny")
    assert not poster.card.config.autocorrelation
    learned = load_model(both).network.state_dict()
    assert all(
        torch.equal(value, learned[name])
        for name, value in poster.network.state_dict().items()
        if not name.startswith("fc.")
    )


def test_the_posters_input_has_no_autocorrelation(train) -> None:
    outcome = train("--autocorrelation", **{"input": "per_pixel"})
    assert outcome.exit_code == 2
    assert "per image" in outcome.err


def test_without_epochs_a_finished_model_is_calibrated_and_measured_anew(
    train, tmp_path: Path
) -> None:
    assert train().exit_code == 0
    first = (tmp_path / "tiny").rename(tmp_path / "first")
    command = {"from": first, "epochs": 0, "seed": 5, "validation-frames": 128}
    assert train("--second-look", **command).exit_code == 0
    old, new = load_model(first), load_model(tmp_path / "tiny")
    assert new.card.config.second_look
    for name, weights in old.network.state_dict().items():
        assert (new.network.state_dict()[name] == weights).all()
    assert new.card.temperature != old.card.temperature
    assert new.card.training["history"] == old.card.training["history"]
    told = new.card.training["calibrated_anew"]
    assert (told["frames"], told["seed"]) == (128, 5)
    assert "--epochs 0" in told["command"]
    assert new.card.figures["test"] != old.card.figures["test"]
    assert "holds a model already" in train(**command).err


def test_nothing_is_calibrated_without_a_model(train, tmp_path: Path) -> None:
    outcome = train(epochs=0)
    assert outcome.exit_code == 1
    assert "--from" in outcome.err
    assert not (tmp_path / "tiny").exists()


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


@pytest.fixture
def labelled_run(write_run) -> Path:
    """Twenty frames of ten events; rings are single, noise is multi."""
    random = np.random.default_rng(0)
    axis = np.arange(96) - 47.5
    ring = 8 * (1 + np.cos(np.hypot(axis[:, None], axis)))
    is_good = np.arange(20) % 4 < 2
    rates = np.where(is_good[:, None, None], ring, random.random((20, 96, 96)) * 16)
    return write_run(
        "labelled.h5",
        random.poisson(rates).astype(np.uint16),
        entry_1__experiment_identifier=[f"e:1:{number // 2}".encode() for number in range(20)],
        labels__class=is_good.astype(np.int8),
    )


NAMES = ("--label-names", "0=multi,1=single")


def test_a_model_learns_from_a_measured_run_or_from_both_kinds(
    train, labelled_run: Path, tmp_path: Path
) -> None:
    outcome = train("--measured-share", "0.5", "--data", str(labelled_run), *NAMES)
    assert outcome.exit_code == 0
    card = json.loads((tmp_path / "tiny" / "model.json").read_text())
    assert card["training"]["data"] == "simulated and measured"
    assert {"test", "test_measured"} <= card["figures"].keys()
    assert str(labelled_run) in card["figures"]["test_measured"]["conditions"]
    parts = card["training"]["measured_frames"]
    assert sum(parts.values()) == 20
    assert min(parts.values()) >= 4


def test_measured_frames_alone_have_no_family(
    spi_viewer, labelled_run: Path, tmp_path: Path
) -> None:
    small = [part for name in ("--n", "--m", "--epochs", "--steps") for part in (name, 1)]
    options = ["--data", labelled_run, *NAMES, "--device", "cpu", "--batch", 8, *small]
    refused = spi_viewer("train", "-o", tmp_path / "tiny", *options, "--family", "sphere")
    assert refused.exit_code == 2
    assert "--family is of simulated frames" in " ".join(refused.err.split())
    assert spi_viewer("train", "-o", tmp_path / "tiny", *options).exit_code == 0
    card = json.loads((tmp_path / "tiny" / "model.json").read_text())
    assert card["training"]["data"] == "measured"
    assert set(card["figures"]) == {"validation", "test_measured"}


def test_labels_without_runs_and_labels_without_meaning_are_refused(
    train, labelled_run: Path
) -> None:
    assert "--data" in train("--labels", "labels.csv").err
    outcome = train("--measured-share", "0.5", "--data", str(labelled_run))
    assert outcome.exit_code == 1
    assert "--label-names" in outcome.err


def test_an_adaptation_shows_before_and_after_and_writes_another_model(
    spi_viewer, labelled_run: Path, model: Path, tmp_path: Path
) -> None:
    command = ("train", "--adapt", labelled_run, "--from", model, "-o", tmp_path / "new")
    outcome = spi_viewer(*command, "--labels-per-class", 5, *NAMES, "--device", "cpu")
    lines = outcome.out.splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == [
        "as trained",
        "batch norms of the run",
        "head from labels",
    ]
    assert all("held-out frames" in line for line in lines[:3])
    assert outcome.exit_code == 0
    load_model(tmp_path / "new")


@pytest.mark.parametrize(
    ("flags", "told"),
    [((), "--from"), (("--from", "resnet10", "--epochs", "3"), "--epochs has no meaning")],
)
def test_an_adaptation_refuses_what_it_cannot_use(
    spi_viewer, labelled_run: Path, tmp_path: Path, flags, told: str
) -> None:
    outcome = spi_viewer("train", "--adapt", labelled_run, "-o", tmp_path / "new", *flags)
    assert outcome.exit_code == 2
    assert told in " ".join(outcome.err.split())


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
