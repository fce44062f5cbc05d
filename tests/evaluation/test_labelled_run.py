from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from spi_viewer.errors import LabelError
from spi_viewer.evaluation.labelled_run import read_labelled_runs
from spi_viewer.sources import reader_process
from spi_viewer.sources.local_reader import LocalReader

NAMES = "0=non-sample,1=single,2=multi,9=blank"


@pytest.fixture(autouse=True)
def _read_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_process, "ReaderProcess", lambda timeout_s: LocalReader())


@pytest.fixture
def write_run(tmp_path: Path) -> Callable[..., Path]:
    """write_run(name): 150 frames, three of an event, labelled single, multi, single."""

    def write(name: str = "run.cxi") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        pixels = np.random.default_rng(0).poisson(3.0, (150, 64, 64)).astype(np.uint16)
        with h5py.File(path, "w") as file:
            file.create_dataset("entry_1/data_1/data", data=pixels, chunks=(1, 64, 64))
            names = [f"amo:90:{n // 3}" for n in range(150)]
            file["entry_1/experiment_identifier"] = np.array(names, "S16")
            file["labels/class"] = np.array([1, 2, 1] * 50, np.int8)
        return path

    return write


def test_views_of_an_event_stay_a_group_over_batches(write_run) -> None:
    (run,) = read_labelled_runs([write_run()], None, NAMES)
    batches = list(run.batches())
    assert [len(batch.frames.frame_class) for batch in batches] == [128, 22]
    events = np.concatenate([batch.group for batch in batches])
    assert events.tolist() == [f"amo:90:{n // 3}" for n in range(150)]
    classes = np.concatenate([batch.frames.frame_class for batch in batches])
    assert classes.tolist() == [0, 1, 0] * 50
    assert run.frames == 150
    assert "run.cxi" in run.conditions


def test_runs_of_one_name_are_told_apart_and_none_is_read_twice(write_run) -> None:
    one, other = write_run(), write_run("b/run.cxi")
    runs = read_labelled_runs([one, other, one], None, NAMES)
    assert [run.name for run in runs] == ["run.cxi", str(other)]


def test_labels_that_cannot_be_used_are_refused(write_run, tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="--label-names"):
        read_labelled_runs([write_run()], None, None)
    with pytest.raises(LabelError, match=r"gone\.csv"):
        read_labelled_runs([write_run()], tmp_path / "gone.csv", None)


def test_real_labelled_patterns(real_data: Path) -> None:
    (run,) = read_labelled_runs([real_data / "amo06516_dev.h5"], None, NAMES)
    (batch,) = run.batches()
    assert np.bincount(batch.frames.frame_class).tolist() == [14, 18, 11]
    assert len(set(batch.group)) == 31
