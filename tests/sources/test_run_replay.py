"""The replay of a run as a file that grows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import psutil
import pytest

from spi_viewer.errors import RunFileError
from spi_viewer.sources.local_reader import LocalReader
from spi_viewer.sources.run_replay import ReplayProcess, replay_run
from spi_viewer.sources.run_watcher import WatchFeed

DATA = "/entry_1/instrument_1/detector_1/data"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "run.cxi"
    with h5py.File(path, "w") as file:
        frames = np.arange(1, 7, dtype=np.uint16)[:, None, None] * np.ones((1, 64, 64), np.uint16)
        data = file.create_dataset(DATA, data=frames, chunks=(1, 64, 64), compression="gzip")
        data.attrs["numEvents"] = 6
        data.attrs["axes"] = "experiment_identifier:y:x"
        file["entry_1/data_1"] = h5py.SoftLink("/entry_1/instrument_1/detector_1")
        file["entry_1/instrument_1/detector_1/mask"] = np.zeros((64, 64), np.uint16)
        file["entry_1/instrument_1/source_1/energy"] = 2.6e-16
        file["entry_1/experiment_identifier"] = [f"1:{n}" for n in range(6)]
        file["labels/class"] = np.arange(6)
        file["labels/again"] = file["labels/class"]  # a second name
    return path


def wait_until(condition: Callable[[], bool], limit_s: float = 30.0) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "the condition never came true"
        time.sleep(0.02)


def never_end(seconds: float) -> bool:
    return False


def end_after(frames: int) -> Callable[[float], bool]:
    calls = iter(range(frames + 1))
    return lambda seconds: next(calls) >= frames


def test_a_replay_is_a_copy_of_the_run(source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.cxi"
    assert replay_run(source, copy, 1e9, never_end) == 6
    with h5py.File(source) as original, h5py.File(copy) as file:
        np.testing.assert_array_equal(file[DATA], original[DATA])
        assert file[DATA].dtype == original[DATA].dtype
        assert file[DATA].attrs["axes"] == original[DATA].attrs["axes"]
        assert "numEvents" not in file[DATA].attrs
        assert file["entry_1/data_1/data"] == file[DATA]
        assert file["labels/again"] == file["labels/class"]
        assert list(file["entry_1/experiment_identifier"]) == [b"1:%d" % n for n in range(6)]
        assert file["entry_1/instrument_1/source_1/energy"][()] == 2.6e-16


def test_a_replay_can_end_early_and_can_go_on_for_ever(source: Path, tmp_path: Path) -> None:
    assert replay_run(source, tmp_path / "short.cxi", 1e9, end_after(2)) == 2
    assert replay_run(source, tmp_path / "long.cxi", 1e9, end_after(15), repeat=True) == 15
    with h5py.File(tmp_path / "long.cxi") as file:
        assert file[DATA][:, 0, 0].tolist() == [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 1, 2, 3]


def test_frames_are_due_at_the_asked_rate(source: Path, tmp_path: Path) -> None:
    waits: list[float] = []

    def note(seconds: float) -> bool:
        waits.append(seconds)
        return False

    replay_run(source, tmp_path / "copy.cxi", 0.01, note)
    assert waits == pytest.approx([0, 100, 200, 300, 400, 500], abs=30)


def test_what_is_no_stack_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "image.h5", "w") as file:
        file["image/ccd1"] = np.ones((64, 64), np.uint16)
    with pytest.raises(RunFileError, match="stack"):
        replay_run(tmp_path / "image.h5", tmp_path / "copy.cxi", 1e9, never_end)


def test_a_file_that_is_there_is_not_written_over(source: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.cxi").write_text("mine")
    with pytest.raises(RunFileError, match=r"copy\.cxi"):
        replay_run(source, tmp_path / "copy.cxi", 1e9, never_end)
    assert (tmp_path / "copy.cxi").read_text() == "mine"


def test_a_watch_sees_the_frames_of_a_running_replay(source: Path, tmp_path: Path) -> None:
    live = tmp_path / "live"
    live.mkdir()
    replay = ReplayProcess(source, live, frames_per_s=50, repeat=True)
    reader = LocalReader()
    feed = WatchFeed(reader, str(live), poll_interval_s=0.05)
    indices: list[int] = []

    def pull() -> bool:
        batch = feed.next_batch(16)
        if batch is not None:
            indices.extend(frame_id.index for frame_id in batch.ids)
        return len(indices) >= 20

    replay.start()
    wait_until(pull)
    assert replay.is_running
    assert replay.failure == ""
    replay.stop()
    assert not replay.is_running
    replay.stop()
    assert indices == list(range(len(indices)))
    reader.close()
    with h5py.File(replay.path) as file:  # closed properly: readable without SWMR
        assert len(file[DATA]) >= len(indices)


def test_a_replay_that_cannot_write_says_why(source: Path, tmp_path: Path) -> None:
    replay = ReplayProcess(source, tmp_path / "away", frames_per_s=50)
    replay.start()
    wait_until(lambda: not replay.is_running)
    assert "away" in replay.failure
    replay.stop()
    assert "away" in replay.failure


def test_a_replay_ends_with_its_parent(source: Path, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys, time\n"
        "from pathlib import Path\n"
        "from spi_viewer.sources.run_replay import ReplayProcess\n"
        "if __name__ == '__main__':\n"
        "    replay = ReplayProcess(Path(sys.argv[1]), Path(sys.argv[2]), 20, repeat=True)\n"
        "    replay.start()\n"
        "    print(replay._process.pid, flush=True)\n"
        "    time.sleep(1000)\n"
    )
    with subprocess.Popen(
        [sys.executable, str(script), str(source), str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        wait_until((tmp_path / "run_live.cxi").exists)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    wait_until(lambda: not _is_alive(pid))


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
