"""Adapting to a session's run in a process of its own: what it is told, and how it ends."""

from __future__ import annotations

import csv
import sys
import threading
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from spi_viewer import adapt_run
from spi_viewer.adapt_run import adapt_to_run, label_counts
from spi_viewer.errors import ModelError
from spi_viewer.frames import Crop, DetectorGeometry, FrameBatch, FrameId, OperatorLabel
from spi_viewer.networks.architectures import build_network
from spi_viewer.networks.checkpoint import Model, load_model, save_model
from spi_viewer.networks.model_card import ModelCard
from spi_viewer.networks.resnet import ResNetConfig
from spi_viewer.session.session import Session

FRAMES = 40
DATASET = "/entry_1/data_1/data"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two files of rings (even frames) and stripes."""
    axis = np.arange(64) - 31.5
    ring = 8 * (1 + np.cos(np.hypot(axis[:, None], axis)))
    stripe = np.broadcast_to(8 * (1 + np.cos(axis)), (64, 64))
    random = np.random.default_rng(0)
    paths = [tmp_path / "first.cxi", tmp_path / "second.cxi"]
    for path in paths:
        with h5py.File(path, "w") as file:
            kinds = [ring if number % 2 == 0 else stripe for number in range(FRAMES // 2)]
            file[DATASET] = random.poisson(np.stack(kinds)).astype(np.uint16)
    return paths


@pytest.fixture
def session(files: list[Path]):
    opened = Session(None)
    run = opened.add_run("run", str(files[0].parent), "watch")
    scores = np.full((FRAMES // 2, 4), 0.25, np.float32)
    for path in files:
        opened.append(run, batch(path), scores, np.zeros(len(scores), np.uint32))
    yield opened
    opened.close()


def batch(path: Path) -> FrameBatch:
    count = FRAMES // 2
    return FrameBatch(
        ids=[FrameId(str(path), DATASET, number) for number in range(count)],
        counts=np.ones((count, 128, 128), np.float32),
        valid=np.ones((count, 128, 128), bool),
        thumbnails=np.zeros((count, 64, 64), np.uint8),
        flags=np.zeros(count, np.uint32),
        photons=np.ones(count),
        written_at_s=np.zeros(count),
        crop=Crop(31.5, 31.5, 0.5),
        geometry=DetectorGeometry(),
    )


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = build_network(ResNetConfig(1, 1)).eval()
    save_model(tmp_path / "old", Model(network, ModelCard("old", network.config)))
    return tmp_path / "old"


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch):
    """Puts a line of Python in the place of the command, and keeps the options it was given."""
    given: list[list[str]] = []

    def replace(code: str) -> list[list[str]]:
        def command(options):
            given.append(list(options))
            return [sys.executable, "-c", code]

        monkeypatch.setattr(adapt_run, "_command", command)
        return given

    return replace


def label(session: Session, good: int, bad: int) -> None:
    session.label(np.arange(good) * 2, OperatorLabel.GOOD)
    session.label(np.arange(bad) * 2 + 1, OperatorLabel.BAD)


def test_labels_of_two_files_make_a_new_model(session, model: Path, tmp_path: Path) -> None:
    label(session, 14, 13)  # some of them in the second file
    assert label_counts(session, 0) == (14, 13)
    report = adapt_to_run(session, str(model), 0, tmp_path / "new", use_labels=True)
    assert report.is_written
    assert "head from labels: balanced accuracy" in report.text
    adaptation = load_model(tmp_path / "new").card.training["adaptation"]
    assert adaptation["labels_fitted"] > 0
    assert adaptation["run_frames"] == FRAMES
    assert "1 more file" in adaptation["run"]


def test_what_is_gone_from_the_disk_is_left_out(
    session, stand_in, files: list[Path], tmp_path: Path
) -> None:
    given = stand_in("print('head: better')")
    label(session, 14, 13)
    files[0].unlink()
    adapt_to_run(session, "resnet10", 0, tmp_path / "new", use_labels=True)
    assert str(files[0]) not in given[0]
    assert str(files[1]) in given[0]
    files[1].unlink()
    with pytest.raises(ModelError, match="not there any more"):
        adapt_to_run(session, "resnet10", 0, tmp_path / "new", use_labels=True)


def test_only_files_and_labels_of_the_session_are_named(
    session, stand_in, files: list[Path], tmp_path: Path
) -> None:
    code = "import sys; print('head: better')"
    given = stand_in(code)
    label(session, 1, 1)
    report = adapt_to_run(session, "resnet10", None, tmp_path / "new", use_labels=False)
    assert report == adapt_run.AdaptationReport(True, "head: better")
    assert given[0][:4] == ["--from", "resnet10", "--output", str(tmp_path / "new")]
    where = ["--adapt", str(files[0]), "--adapt", str(files[1]), "--dataset", DATASET]
    assert given[0][4:] == where


def test_a_runs_frames_are_cut_as_they_were_judged(session, stand_in, tmp_path: Path) -> None:
    given = stand_in("print('head: better')")
    adapt_to_run(session, "resnet10", 0, tmp_path / "new", use_labels=False)
    assert given[0][-2:] == ["--crop", session.crop(FRAMES - 1).text]


def test_the_labels_stand_in_the_table_by_their_place(
    session, stand_in, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = []
    write = adapt_run._write_labels

    def keep(session, chosen, table):
        write(session, chosen, table)
        rows.extend(csv.DictReader(table.read_text().splitlines()))

    monkeypatch.setattr(adapt_run, "_write_labels", keep)
    stand_in("print('better')")
    session.label([0, 25], OperatorLabel.GOOD)
    session.label([3], OperatorLabel.BAD)
    adapt_to_run(session, "resnet10", 0, tmp_path / "new", use_labels=True)
    assert [(row["file"], row["frame"], row["label"]) for row in rows] == [
        (str(files[0]), "0", "good"),
        (str(files[0]), "3", "bad"),
        (str(files[1]), "5", "good"),
    ]
    assert {row["dataset"] for row in rows} == {DATASET}


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import sys; sys.exit('spi-viewer: old: no such model')", "^old: no such model"),
        ("import os; os._exit(7)", "status 7"),
    ],
)
def test_what_went_wrong_is_told(session, stand_in, tmp_path: Path, code: str, told: str) -> None:
    stand_in(code)
    with pytest.raises(ModelError, match=told):
        adapt_to_run(session, "old", 0, tmp_path / "new", use_labels=False)


def test_an_old_model_that_stays_the_best_is_no_error(session, stand_in, tmp_path: Path) -> None:
    stand_in("import sys; print('old stays the best'); sys.exit(1)")
    report = adapt_to_run(session, "old", 0, tmp_path / "new", use_labels=False)
    assert report == adapt_run.AdaptationReport(False, "old stays the best")


def test_cancelling_ends_the_process(session, stand_in, tmp_path: Path) -> None:
    stand_in("import time; time.sleep(60)")
    cancelled = threading.Event()
    threading.Timer(0.5, cancelled.set).start()
    with pytest.raises(ModelError, match="cancelled"):
        adapt_to_run(
            session, "old", 0, tmp_path / "new", use_labels=False, cancelled=cancelled.is_set
        )


def test_without_frames_there_is_nothing_to_adapt_to(tmp_path: Path) -> None:
    session = Session(None)
    try:
        with pytest.raises(ModelError, match="no frames"):
            adapt_to_run(session, "old", None, tmp_path / "new", use_labels=False)
    finally:
        session.close()
