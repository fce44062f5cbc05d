from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from spi_viewer import pipeline
from spi_viewer.sources.local_reader import LocalReader

COLUMNS = "file,dataset,frame,verdict,p_good,p_single,p_multi,p_non_sample,p_blank,flags"


@pytest.fixture
def classify(spi_viewer, model: Path, tmp_path: Path, read_table):
    """classify(*paths and options): how it ended, and the rows of the table."""

    def run(*arguments: object, output: Path = tmp_path / "scores.csv"):
        outcome = spi_viewer("classify", *arguments, "--model", model, "-o", output)
        return outcome, read_table(output) if output.suffix == ".csv" and output.exists() else []

    return run


def test_a_row_a_frame_in_order(classify, write_run, tmp_path: Path) -> None:
    path = write_run("run.h5")
    outcome, rows = classify(path)
    assert outcome.exit_code == 0
    assert outcome.err == ""
    assert outcome.out == f"{tmp_path / 'scores.csv'}: 10 frames\n"
    assert (tmp_path / "scores.csv").read_text().startswith(COLUMNS + "\n")
    assert [row["frame"] for row in rows] == [str(index) for index in range(10)]
    assert {(row["file"], row["dataset"]) for row in rows} == {(str(path), "/entry_1/data_1/data")}
    for row in rows:
        p = [float(row[f"p_{name}"]) for name in ("single", "multi", "non_sample", "blank")]
        assert sum(p) == pytest.approx(1, abs=1e-4)
        assert row["p_good"] == row["p_single"]
        assert row["verdict"] == ("good" if p[0] >= 0.5 else "bad")


def test_the_threshold_moves_the_verdicts_alone(classify, write_run, tmp_path: Path) -> None:
    path = write_run("run.h5")
    _, plain = classify(path)
    _, strict = classify(path, "--threshold", 1)
    _, lax = classify(path, "--threshold", 0)
    assert {row["verdict"] for row in strict} == {"bad"}
    assert {row["verdict"] for row in lax} == {"good"}
    assert [row["p_good"] for row in strict] == [row["p_good"] for row in plain]


def test_frames_are_cut_as_the_operator_cut_them_in_the_window(classify, write_run) -> None:
    path = write_run("run.h5")
    found = LocalReader().find_crop(str(path), None)
    _, automatic = classify(path)
    _, same = classify(path, "--crop", found.text)
    moved = replace(found, center_x_px=found.center_x_px - 9)
    _, other = classify(path, f"--crop={moved.text}")
    assert same == automatic
    assert [row["p_good"] for row in other] != [row["p_good"] for row in automatic]


@pytest.mark.parametrize("text", ["12,13", "1,2,x", "1,2,3,4", "nan,2,3", "1,2,0", "1,2,-1", ""])
def test_a_crop_that_makes_no_sense_is_told_how_to_write(classify, write_run, text: str) -> None:
    outcome, rows = classify(write_run("run.h5"), f"--crop={text}")
    assert (outcome.exit_code, rows) == (2, [])
    assert "x,y,scale" in outcome.err


def test_a_crop_of_parts_of_pixels_is_refused(classify, write_run) -> None:
    outcome, _ = classify(write_run("run.h5"), "--crop=60,60,1.5")
    assert outcome.exit_code == 2
    assert "whole number" in outcome.err


@pytest.mark.parametrize(
    ("kind", "value"),
    [("f4", np.nan), ("f4", np.inf), ("u2", 65535), ("u4", 4294967295), ("i4", -1)],
)
def test_a_frame_without_a_pattern_is_neither_good_nor_bad(
    classify, write_run, frames: np.ndarray, kind: str, value: float
) -> None:
    pixels = frames.astype(kind)
    pixels[3] = value
    outcome, rows = classify(write_run("run.h5", pixels))
    assert outcome.exit_code == 0
    assert len(rows) == 10
    assert rows[3]["verdict"] == rows[3]["p_good"] == rows[3]["p_blank"] == ""
    assert "no_valid_pixels" in rows[3]["flags"]
    assert all(row["verdict"] for index, row in enumerate(rows) if index != 3)


def test_what_cannot_be_read_is_refused_by_name_and_the_rest_is_judged(
    classify, write_run, tmp_path: Path
) -> None:
    good = write_run("good.h5")
    half = tmp_path / "truncated.h5"
    half.write_bytes(good.read_bytes()[:9000])
    (tmp_path / "empty.h5").touch()
    (tmp_path / "text.h5").write_text("no run\n")
    for name in ("truncated.h5", "empty.h5"):
        os.utime(tmp_path / name, (1e9, 1e9))
    os.mkfifo(tmp_path / "pipe.h5")
    with h5py.File(tmp_path / "dangling.h5", "w") as file:
        file["entry_1/data_1/data"] = h5py.ExternalLink("gone.h5", "/data")
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        layout = h5py.VirtualLayout((3, 96, 96), np.uint16)
        layout[:] = h5py.VirtualSource("gone.h5", "data", (3, 96, 96))
        file.create_virtual_dataset("entry_1/data_1/data", layout)
    (tmp_path / "folder").mkdir()
    reasons = {
        "truncated.h5": "truncated",
        "empty.h5": "empty",
        "text.h5": "text file",
        "pipe.h5": "pipe",
        "dangling.h5": "gone.h5",
        "virtual.h5": "gone.h5",
        "folder": "no run files",
        "missing.h5": "no such file",
    }
    last = write_run("last.h5")
    outcome, rows = classify(good, *(tmp_path / name for name in reasons), last)
    assert outcome.exit_code == 1
    told = outcome.err.splitlines()
    assert len(told) == len(reasons)
    for line, (name, reason) in zip(told, reasons.items(), strict=True):
        assert line.startswith(f"spi-viewer: {tmp_path / name}: ")
        assert reason in line
    assert [row["file"] for row in rows] == [str(good)] * 10 + [str(last)] * 10


def test_an_ambiguous_file_is_refused_with_its_candidates_and_the_way_out(
    classify, tmp_path: Path, frames: np.ndarray
) -> None:
    path = tmp_path / "folder" / "two.h5"
    path.parent.mkdir()
    with h5py.File(path, "w") as file:
        file["a/one"], file["b/two"] = frames[:3], frames[3:]
    for named in (path, path.parent):
        outcome, rows = classify(named)
        assert (outcome.exit_code, rows) == (1, [])
        assert all(part in outcome.err for part in (str(path), "/a/one", "/b/two", "--dataset"))
    outcome, rows = classify(path, "--dataset", "/b/two")
    assert outcome.exit_code == 0
    assert [row["dataset"] for row in rows] == ["/b/two"] * 7
    outcome, _ = classify(path, "--dataset", "/c")
    assert outcome.exit_code == 1
    assert "/a/one" in outcome.err


def test_a_path_named_twice_is_judged_once(
    classify, write_run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_run("run.h5")
    monkeypatch.chdir(tmp_path)
    _, rows = classify(path, "run.h5", "./run.h5")
    assert len(rows) == 10
    assert rows[0]["file"] == str(path)


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_scores_are_the_same_in_batches_of_any_size(
    classify, write_run, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    path = write_run("run.h5")
    _, expected = classify(path)
    monkeypatch.setattr(pipeline, "BATCH_FRAMES", batch)
    _, rows = classify(path)
    _assert_same_scores(rows, expected)


def test_scores_are_the_same_from_one_file_many_files_and_a_folder(
    classify, write_run, tmp_path: Path
) -> None:
    _, expected = classify(write_run("run.h5"))
    copies = [write_run(f"copies/{name}.h5") for name in ("b", "a")]
    for number, copy in enumerate(copies):
        os.utime(copy, (number + 1e9,) * 2)
    _, of_files = classify(*copies)
    _, of_folder = classify(tmp_path / "copies")
    for column in ("file", "dataset", "frame", "verdict", "flags"):
        assert [row[column] for row in of_folder] == [row[column] for row in of_files]
    _assert_same_scores(of_folder, of_files)  # batches differ, and with them the last digit
    assert [row["file"] for row in of_folder] == [str(copy) for copy in copies for _ in range(10)]
    _assert_same_scores(of_folder, expected * 2)


def _assert_same_scores(rows: list[dict[str, str]], expected: list[dict[str, str]]) -> None:
    assert len(rows) == len(expected)
    for row, other in zip(rows, expected, strict=True):
        assert float(row["p_good"]) == pytest.approx(float(other["p_good"]), abs=1e-4)
        assert float(row["p_blank"]) == pytest.approx(float(other["p_blank"]), abs=1e-4)


def test_only_an_earlier_scores_file_is_replaced(classify, write_run, tmp_path: Path) -> None:
    path = write_run("run.h5")
    content = path.read_bytes()
    outcome, _ = classify(path, output=path)
    assert outcome.exit_code == 1
    assert "is not a scores file" in outcome.err
    assert path.read_bytes() == content
    for _ in range(2):
        outcome, rows = classify(path)
        assert (outcome.exit_code, len(rows)) == (0, 10)


@pytest.mark.parametrize(("name", "told"), [("gone/s.csv", "does not exist"), ("", "not a file")])
def test_an_output_that_cannot_be_is_refused_at_once(
    classify, write_run, tmp_path: Path, name: str, told: str
) -> None:
    outcome, _ = classify(write_run("run.h5"), "--device", "nonsense", output=tmp_path / name)
    assert outcome.exit_code == 1
    assert told in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_full_disk_ends_it_without_a_table(
    classify, write_run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spi_viewer.errors import SessionError
    from spi_viewer.session.scores_csv import ScoresWriter

    def refuse(*_: object) -> None:
        raise SessionError("scores.csv: No space left on device")

    monkeypatch.setattr(ScoresWriter, "write", refuse)
    outcome, _ = classify(write_run("run.h5"), write_run("next.h5"))
    assert outcome.exit_code == 1
    assert outcome.err == "spi-viewer: scores.csv: No space left on device\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["next.h5", "run.h5"]


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [("--model", "nonsense", "no such model"), ("--device", "nonsense", "auto, cpu or cuda")],
)
def test_a_model_or_device_that_is_not_there_is_told(
    spi_viewer, write_run, model: Path, tmp_path: Path, option: str, value: str, told: str
) -> None:
    options = {"--model": model, "--device": "cpu"} | {option: value}
    flat = [part for pair in options.items() for part in pair]
    outcome = spi_viewer("classify", write_run("run.h5"), "-o", tmp_path / "s.csv", *flat)
    assert outcome.exit_code == 1
    assert told in outcome.err


def test_the_real_command_reads_in_its_own_process(
    write_run: Callable[..., Path], model: Path, tmp_path: Path, classify
) -> None:
    path = write_run("run.h5")
    output = tmp_path / "real.csv"
    arguments = ["classify", path, "missing.h5", "-o", output, "--model", model]
    ended = subprocess.run(
        [sys.executable, "-m", "spi_viewer", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert ended.returncode == 1
    assert ended.stderr == (
        f"spi-viewer: {tmp_path / 'missing.h5'}: there is no such file or directory\n"
    )
    classify(path)
    assert output.read_text() == (tmp_path / "scores.csv").read_text()


def test_real_files_are_judged_or_refused_for_the_right_reason(
    classify, real_data: Path, tmp_path: Path
) -> None:
    refusals = {
        "README.md": "text file",
        "amo06516.label.csv": "label file",
        "bitshuffle_lz4_zstd.h5": "no frames",
        "vds_sources_missing.h5": "marana_0000.h5",
    }
    counts = {
        "amo06516_dev.h5": 43,
        "lambda_stack.nxs": 10,
        "mask_pnccd.h5": 1,
        "minimal.cxi": 1,
        "powder_pilatus1m.tif": 1,
    }
    paths = sorted(real_data.iterdir())
    assert {path.name for path in paths} == refusals.keys() | counts.keys()
    outcome, rows = classify(*paths)
    assert outcome.exit_code == 1
    told = outcome.err.splitlines()
    for line, (name, reason) in zip(told, sorted(refusals.items()), strict=True):
        assert f"/{name}: " in line
        assert reason in line
    expected = [name for name, count in sorted(counts.items()) for _ in range(count)]
    assert [Path(row["file"]).name for row in rows] == expected
    assert all(row["verdict"] in ("good", "bad") for row in rows)
