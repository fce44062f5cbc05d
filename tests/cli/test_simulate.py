from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from matplotlib.image import imread

from spi_viewer.frames import CLASS_CODES, FrameClass
from spi_viewer.simulation.detector import DETECTORS
from spi_viewer.simulation.particles import FAMILIES

SINGLE = CLASS_CODES[FrameClass.SINGLE]


@pytest.fixture
def simulate(spi_viewer, tmp_path: Path):
    """simulate(*options) into tmp_path/sim.cxi, small frames."""

    def run(*options: object):
        return spi_viewer("simulate", "-o", tmp_path / "sim.cxi", "--side", 64, *options)

    return run


def _read(path: Path, name: str) -> np.ndarray:
    with h5py.File(path) as file:
        return file[name][()]


def test_labelled_frames_are_written(simulate, tmp_path: Path) -> None:
    outcome = simulate("--frames", 40, "--family", "icosahedron", "--good-fraction", 0.5)
    assert outcome.exit_code == 0
    assert outcome.out == f"{tmp_path / 'sim.cxi'}: 40 frames\n"
    classes = _read(tmp_path / "sim.cxi", "labels/class")
    assert set(classes.tolist()) <= set(CLASS_CODES.values())
    assert (classes == SINGLE).sum() == pytest.approx(20, abs=1)
    assert _read(tmp_path / "sim.cxi", "entry_1/data_1/data").shape == (40, 64, 64)


@pytest.mark.parametrize("fraction", [0, 1])
def test_all_or_none_can_be_good(simulate, tmp_path: Path, fraction: int) -> None:
    assert simulate("--frames", 6, "--good-fraction", fraction).exit_code == 0
    assert ((_read(tmp_path / "sim.cxi", "labels/class") == SINGLE) == bool(fraction)).all()


def test_the_seed_decides_the_frames(simulate, tmp_path: Path) -> None:
    def frames(seed: int) -> np.ndarray:
        outcome = simulate("--frames", 4, "--family", "sphere", "--seed", seed, "--overwrite")
        assert outcome.exit_code == 0
        return _read(tmp_path / "sim.cxi", "entry_1/data_1/data")

    first = frames(1)
    assert np.array_equal(first, frames(1))
    assert not np.array_equal(first, frames(2))


@pytest.mark.parametrize(
    ("option", "told"), [("--family", "icosahedron"), ("--detector", "pnccd-far")]
)
def test_an_unknown_name_is_answered_with_the_known_ones(
    simulate, tmp_path: Path, option: str, told: str
) -> None:
    outcome = simulate("--frames", 4, option, "nonsense")
    assert outcome.exit_code == 1
    assert "nonsense" in outcome.err
    assert told in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_not_overwritten_unasked(simulate, tmp_path: Path) -> None:
    (tmp_path / "sim.cxi").write_text("precious")
    outcome = simulate("--frames", 4)
    assert outcome.exit_code == 1
    assert "exists already" in outcome.err
    assert (tmp_path / "sim.cxi").read_text() == "precious"


def test_a_preview_needs_no_run_and_leaves_none(spi_viewer, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    options = ("--family", "disc", "--frames", 20, "--side", 64, "--preview-columns", 2)
    outcome = spi_viewer("simulate", "--preview", sheet, *options)
    assert outcome.exit_code == 0
    assert outcome.out.startswith(f"{sheet}: ")
    assert outcome.out.endswith("frames in 8 rows\n")
    assert list(tmp_path.iterdir()) == [sheet]
    assert _is_shown(sheet)


def test_run_and_preview_are_written_together(simulate, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    rows = ("--preview-by", "family", "--preview-columns", 4)
    families = ("--family", "box", "--family", "rod")
    outcome = simulate("--frames", 30, *families, "--preview", sheet, *rows)
    assert outcome.exit_code == 0
    assert outcome.out == f"{tmp_path / 'sim.cxi'}: 30 frames\n{sheet}: 8 frames in 2 rows\n"
    assert _is_shown(sheet)
    assert len(_read(tmp_path / "sim.cxi", "labels/class")) == 30


def test_all_detectors_can_be_in_one_run(simulate, tmp_path: Path) -> None:
    options = ("--detector", "all", "--detector", "ideal", "--family", "sphere", "--frames", 60)
    assert simulate(*options).exit_code == 0
    names = {name.decode() for name in _read(tmp_path / "sim.cxi", "labels/detector")}
    assert names == set(DETECTORS)


def test_class_weights_are_honoured(simulate, tmp_path: Path) -> None:
    only = ("--class-weight", "multi=3", "--class-weight", "blank=1")
    none = ("--class-weight", "single=0", "--class-weight", "non-sample=0")
    assert simulate("--frames", 20, "--family", "sphere", *only, *none).exit_code == 0
    classes = _read(tmp_path / "sim.cxi", "labels/class").tolist()
    assert classes.count(CLASS_CODES[FrameClass.MULTI]) == pytest.approx(15, abs=1)
    assert classes.count(CLASS_CODES[FrameClass.BLANK]) == pytest.approx(5, abs=1)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "--output FILE.cxi, --preview FILE.png"),
        (("--preview", "sheet.jpg"), ".png"),
        (("-o", "a.cxi", "--good-fraction", 0.5, "--class-weight", "multi=1"), "not both"),
        (("-o", "a.cxi", "--class-weight", "multi"), "not a class and its weight"),
        (("-o", "a.cxi", "--class-weight", "multi=-1"), "number from 0"),
        (("-o", "a.cxi", "--class-weight", "multi=nan"), "number from 0"),
        (("-o", "a.cxi", "--seed", 2**63), "--seed"),
        (("-o", "a.png", "--preview", "./a.png"), "give two files"),
    ],
)
def test_wishes_that_make_no_sense_are_wrong_usage(
    spi_viewer, tmp_path: Path, monkeypatch, options, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")  # no line breaks in what is told
    outcome = spi_viewer("simulate", *options)
    assert outcome.exit_code == 2
    assert told in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_neither_file_is_overwritten_unasked(simulate, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    sheet.write_text("precious")
    outcome = simulate("--frames", 4, "--preview", sheet)
    assert outcome.exit_code == 1
    assert f"{sheet}: exists already" in outcome.err
    assert sheet.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [sheet]
    assert (
        simulate("--frames", 4, "--family", "disc", "--preview", sheet, "--overwrite").exit_code
        == 0
    )
    assert _is_shown(sheet)


def test_unknown_rows_are_answered_with_the_known_ones(simulate, tmp_path: Path) -> None:
    outcome = simulate("--preview", tmp_path / "sheet.png", "--preview-by", "colour")
    assert outcome.exit_code == 1
    assert "kind, family, detector" in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_command_leaves_no_file(simulate, tmp_path: Path, monkeypatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("spi_viewer.simulation.contact_sheet.ContactSheet.add", interrupt)
    outcome = simulate("--frames", 300, "--preview", tmp_path / "sheet.png", "--family", "disc")
    assert outcome.exit_code == 130
    assert list(tmp_path.iterdir()) == []


def test_the_help_lists_every_family_and_detector(spi_viewer, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "600")
    text = spi_viewer("simulate", "--help").out
    assert ", ".join(FAMILIES) in text
    assert ", ".join(DETECTORS) in text


def _is_shown(path: Path) -> bool:
    """Whether the file is a PNG of more than one colour."""
    image = imread(path, format="png")
    return image.ndim == 3 and len(np.unique(image)) > 20


def test_simulated_frames_can_be_classified(
    simulate, spi_viewer, model: Path, tmp_path: Path, read_table
) -> None:
    simulate("--frames", 5)
    scores = tmp_path / "scores.csv"
    outcome = spi_viewer("classify", tmp_path / "sim.cxi", "-o", scores, "--model", model)
    assert (outcome.exit_code, outcome.err) == (0, "")
    assert len(read_table(scores)) == 5
