from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

HEADER = "file,dataset,frame,verdict,p_good,p_single,p_multi,p_non_sample,p_blank,flags"
DATASET = "/entry_1/data_1/data"


@pytest.fixture
def write_scores(tmp_path: Path) -> Callable[..., Path]:
    """write_scores({path: numbers of good frames}): a table of ten frames a path."""

    def write(good: dict[object, tuple[int, ...]], name: str = "scores.csv") -> Path:
        lines = [HEADER]
        for path, indices in good.items():
            for index in range(10):
                is_good = index in indices
                p = f"{index / 10},{index / 10},{1 - index / 10},0,0"
                lines.append(f"{path},{DATASET},{index},{'good' if is_good else 'bad'},{p},")
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        return tmp_path / name

    return write


@pytest.fixture
def export(spi_viewer, tmp_path: Path):
    """export(run, scores, *options) into good.cxi."""

    def run(source: object, scores: Path, *options: object, output: Path | None = None):
        return spi_viewer(
            "export", source, "--scores", scores, "-o", output or tmp_path / "good.cxi", *options
        )

    return run


def _frames(path: Path) -> np.ndarray:
    with h5py.File(path) as file:
        return file[DATASET][()]


def test_good_frames_of_a_file_come_out_bit_for_bit(
    export, write_scores, write_run, frames: np.ndarray, tmp_path: Path
) -> None:
    kind = frames.astype("f4")
    kind[4, :5] = np.nan
    path = write_run("run.h5", kind, entry_1__trainId=np.arange(10))
    outcome = export(path, write_scores({path: (1, 4, 9)}))
    assert (outcome.exit_code, outcome.err) == (0, "")
    assert outcome.out.startswith("3 frames from 1 file written to ")
    exported = _frames(tmp_path / "good.cxi")
    assert exported.dtype == np.float32
    assert exported.tobytes() == kind[[1, 4, 9]].tobytes()
    with h5py.File(tmp_path / "good.cxi") as file:
        assert file["entry_1/trainId"][()].tolist() == [1, 4, 9]


def test_good_frames_of_a_folder_come_in_the_order_of_the_scores(
    export, write_scores, write_run, frames: np.ndarray, tmp_path: Path
) -> None:
    one, two = write_run("runs/one.h5"), write_run("runs/two.h5", frames[::-1])
    elsewhere = write_run("other/three.h5")
    scores = write_scores({two: (0, 1), elsewhere: (5,), one: (2,)})
    assert export(tmp_path / "runs", scores).exit_code == 0
    assert np.array_equal(_frames(tmp_path / "good.cxi"), frames[[9, 8, 2]])


def test_scores_that_classify_wrote_elsewhere_fit(
    spi_viewer, export, write_run, model: Path, frames: np.ndarray, tmp_path: Path, monkeypatch
) -> None:
    write_run("runs/run.h5")
    scores = tmp_path / "scores.csv"
    monkeypatch.chdir(tmp_path / "runs")
    spi_viewer("classify", "run.h5", "-o", scores, "--model", model, "--threshold", 0)
    monkeypatch.chdir(tmp_path)
    assert export("runs/run.h5", scores).exit_code == 0
    assert np.array_equal(_frames(tmp_path / "good.cxi"), frames)


def test_a_threshold_overrules_the_verdicts(
    export, write_scores, write_run, frames: np.ndarray, tmp_path: Path
) -> None:
    path = write_run("run.h5")
    assert export(path, write_scores({path: (0,)}), "--threshold", 0.75).exit_code == 0
    assert np.array_equal(_frames(tmp_path / "good.cxi"), frames[8:])


def test_nothing_is_overwritten_unasked(
    export, write_scores, write_run, frames: np.ndarray, tmp_path: Path
) -> None:
    path = write_run("run.h5")
    assert export(path, write_scores({path: (0,)})).exit_code == 0
    again = export(path, write_scores({path: (1,)}))
    assert again.exit_code == 1
    assert "exists already" in again.err
    assert "--overwrite" in again.err
    assert np.array_equal(_frames(tmp_path / "good.cxi"), frames[:1])
    assert export(path, write_scores({path: (1,)}), "--overwrite").exit_code == 0
    assert np.array_equal(_frames(tmp_path / "good.cxi"), frames[1:2])


@pytest.mark.parametrize("name", ["run.h5", "other.h5"])
def test_measured_data_are_not_overwritten_even_if_asked(
    export, write_scores, write_run, frames: np.ndarray, tmp_path: Path, name: str
) -> None:
    path = write_run("run.h5")
    shutil.copy(path, tmp_path / "other.h5")
    output = tmp_path / name
    outcome = export(path, write_scores({path: (0,)}), "--overwrite", output=output)
    assert outcome.exit_code == 1
    assert np.array_equal(_frames(output), frames)


def test_without_good_frames_it_says_so(export, write_scores, write_run, tmp_path: Path) -> None:
    path = write_run("run.h5")
    outcome = export(path, write_scores({path: ()}))
    assert outcome.exit_code == 1
    assert "none of its frames is good" in outcome.err
    assert not (tmp_path / "good.cxi").exists()


def test_scores_of_another_run_are_told_from_bad_ones(
    export, write_scores, write_run, tmp_path: Path
) -> None:
    path, other = write_run("run.h5"), write_run("other.h5")
    outcome = export(path, write_scores({other: (0,)}))
    assert outcome.exit_code == 1
    assert f"none of its frames is in {tmp_path / 'scores.csv'}" in outcome.err
    assert str(other) in outcome.err


def test_a_frame_that_is_not_there_ends_the_export(
    export, write_scores, write_run, frames: np.ndarray, tmp_path: Path
) -> None:
    path = write_run("run.h5", frames[:5])
    outcome = export(path, write_scores({path: (2, 7)}))
    assert outcome.exit_code == 1
    assert "frame 7" in outcome.err
    assert outcome.err.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.h5", "scores.csv"]


@pytest.mark.parametrize("content", ["", "hello\n", HEADER + "\nfile,d,x,good,1,1,0,0,0,\n"])
def test_a_table_that_holds_no_scores_is_refused(
    export, write_run, tmp_path: Path, content: str
) -> None:
    scores = tmp_path / "odd.csv"
    scores.write_text(content)
    outcome = export(write_run("run.h5"), scores)
    assert outcome.exit_code == 1
    assert f"{scores}: line " in outcome.err
    missing = export(write_run("run.h5"), tmp_path / "missing.csv")
    assert missing.exit_code == 1
    assert "missing.csv" in missing.err


def test_a_folder_that_is_not_there_is_told(export, write_scores, write_run, tmp_path) -> None:
    path = write_run("run.h5")
    outcome = export(path, write_scores({path: (0,)}), output=tmp_path / "gone" / "good.cxi")
    assert outcome.exit_code == 1
    assert "no such folder" in outcome.err
