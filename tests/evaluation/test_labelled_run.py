from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from spi_viewer.errors import EvaluationError, RunFileError
from spi_viewer.evaluation.labelled_run import labelled_runs
from spi_viewer.sources import reader_process
from spi_viewer.sources.reader import LocalReader


@pytest.fixture(autouse=True)
def _read_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_process, "ReaderProcess", lambda timeout_s: LocalReader())


@pytest.fixture
def write_run(tmp_path: Path) -> Callable[..., Path]:
    """write_run(codes, name): six frames of three events, the fifth all masked."""

    def write(codes: list[int] | None, name: str = "run.cxi") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        pixels = np.random.default_rng(0).poisson(3.0, (6, 96, 96)).astype(np.float32)
        pixels[4] = np.nan
        with h5py.File(path, "w") as file:
            file.create_dataset("entry_1/data_1/data", data=pixels, chunks=(1, 96, 96))
            names = [f"amo:{90 + n // 2}:{7 * (n // 2)}" for n in range(6)]
            file["entry_1/experiment_identifier"] = np.array(names, "S16")
            if codes is not None:
                file["labels/class"] = np.array(codes, np.int8)
        return path

    return write


def write_csv(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    return path


def test_labels_in_the_run_and_views_of_an_event_together(write_run) -> None:
    (run,) = labelled_runs([write_run([1, 1, 0, 2, 9, 3])], None)
    ((batch, events),) = run.batches()
    # the fifth frame holds no pattern, and 3 is no class
    assert batch.frame_class.tolist() == [0, 0, 2, 1]
    assert events.tolist() == ["amo:90:0", "amo:90:0", "amo:91:7", "amo:91:7"]
    assert run.frames == 4
    assert batch.counts.shape == (4, 128, 128)
    assert "its own /labels/class" in run.conditions


def test_labels_by_run_and_event(write_run, tmp_path: Path) -> None:
    labels = write_csv(tmp_path, "exp,run,event_num,label\namo,90,0,1\namo,91,7,4\namo,92,14,2\n")
    (run,) = labelled_runs([write_run(None)], labels)
    ((batch, _),) = run.batches()
    assert batch.frame_class.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    "text",
    [
        "frame,label\n0,single\n3,non-sample\n",
        "file,frame,label\nrun.cxi,0,1\nrun.cxi,3,0\nother.cxi,1,2\n",
    ],
)
def test_labels_by_place(write_run, tmp_path: Path, text: str) -> None:
    (run,) = labelled_runs([write_run(None)], write_csv(tmp_path, text))
    ((batch, _),) = run.batches()
    assert batch.frame_class.tolist() == [0, 2]


def test_runs_of_one_name_are_told_apart_and_none_is_read_twice(write_run) -> None:
    one, other = write_run([1, 2, 1, 2, 1, 2]), write_run([1, 2, 1, 2, 1, 2], "b/run.cxi")
    assert [run.name for run in labelled_runs([one, other, one], None)] == ["run.cxi", str(other)]


def test_a_run_without_labels_names_the_way_out(write_run) -> None:
    with pytest.raises(RunFileError, match=r"run\.cxi: has no labels in /labels/class.*--labels"):
        labelled_runs([write_run(None)], None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("frame,label\n900,single\n", "none of its frames has a label"),
        ("a,b\n1,2\n", r"labels\.csv: labels need the columns .*it has a, b"),
        ("", r"it has none"),
        ("frame,label\n0,\x00\udcff\n", "none of its frames|cannot be read"),
    ],
)
def test_labels_that_fit_nothing_are_refused(
    write_run, tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(EvaluationError, match=told):
        labelled_runs([write_run(None)], path)


def test_labels_that_are_not_there_are_named(write_run, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"gone\.csv: the labels cannot be read"):
        labelled_runs([write_run(None)], tmp_path / "gone.csv")


def test_a_file_that_is_no_run_is_named(tmp_path: Path) -> None:
    path = tmp_path / "text.cxi"
    path.write_text("no HDF5")
    with pytest.raises(RunFileError, match=r"text\.cxi"):
        labelled_runs([path], write_csv(tmp_path, "frame,label\n0,single\n"))


def test_real_labelled_patterns(real_data: Path) -> None:
    own, listed = (
        labelled_runs([real_data / "amo06516_dev.h5"], labels)[0]
        for labels in (None, real_data / "amo06516.label.csv")
    )
    for run in (own, listed):
        ((batch, events),) = run.batches()
        assert np.bincount(batch.frame_class).tolist() == [14, 18, 11]
        assert len(set(events)) == 31
