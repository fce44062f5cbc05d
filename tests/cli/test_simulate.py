from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from spi_viewer.frames import CLASS_CODES, FrameClass

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


def test_simulated_frames_can_be_classified(
    simulate, spi_viewer, model: Path, tmp_path: Path, read_table
) -> None:
    simulate("--frames", 5)
    scores = tmp_path / "scores.csv"
    outcome = spi_viewer("classify", tmp_path / "sim.cxi", "-o", scores, "--model", model)
    assert (outcome.exit_code, outcome.err) == (0, "")
    assert len(read_table(scores)) == 5
