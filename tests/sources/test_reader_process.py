"""The reader in a process of its own: limits, deaths, and what is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import psutil
import pytest

from spi_viewer.errors import (
    AmbiguousDatasetError,
    NotReadyError,
    ReadCrashError,
    ReadTimeoutError,
    RunFileError,
)
from spi_viewer.frames import Crop
from spi_viewer.sources.local_reader import LocalReader
from spi_viewer.sources.reader_process import ReaderProcess

DATASET = "/entry_1/data_1/data"
CROP = Crop(63.5, 63.5, 1.0)

ODD_READERS = """
import sys, time
from spi_viewer.errors import RunFileError
from spi_viewer.sources.local_reader import LocalReader

class HangingReader(LocalReader):
    def describe(self, path, dataset=None):
        if path.endswith("hang.cxi"):
            open(path + ".begun", "w").close()
            time.sleep(1000)
        return super().describe(path, dataset)

class ModuleReader(LocalReader):
    def describe(self, path, dataset=None):
        heavy = [name for name in ("torch", "PyQt5", "pyqtgraph") if name in sys.modules]
        raise RunFileError(path, f"loaded: {heavy}")
"""


@pytest.fixture
def run_file(tmp_path: Path) -> str:
    frames = np.arange(1, 5, dtype=np.uint16)[:, None, None] * np.ones((1, 128, 128), np.uint16)
    with h5py.File(tmp_path / "run.cxi", "w") as file:
        file[DATASET] = frames
    return str(tmp_path / "run.cxi")


@pytest.fixture
def odd_readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Makes `odd_readers` importable here and in children."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "odd_readers.py").write_text(ODD_READERS)
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    sys.modules.pop("odd_readers", None)


@pytest.fixture
def reader() -> Iterator[ReaderProcess]:
    with_time = ReaderProcess(timeout_s=30)
    yield with_time
    pid = with_time.pid
    with_time.close()
    assert pid is None or not psutil.pid_exists(pid)


def wait_until(condition: Callable[[], bool], limit_s: float = 30.0) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "the condition never came true"
        time.sleep(0.02)


def shared_blocks(owner: int | None = None) -> set[str]:
    """Blocks of one process, this one unless told otherwise."""
    prefix = f"spi-viewer-{os.getpid() if owner is None else owner}-"
    return {name for name in os.listdir("/dev/shm") if name.startswith(prefix)}


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_answers_are_those_of_a_local_reader(reader: ReaderProcess, run_file: str) -> None:
    local = LocalReader()
    assert reader.describe(run_file) == local.describe(run_file)
    assert reader.list_files(os.path.dirname(run_file)) == local.list_files(run_file)
    folder = os.path.dirname(run_file)
    assert reader.list_changes(folder, 0)[:3] == local.list_changes(folder, 0)[:3]
    assert reader.find_crop(run_file, DATASET) == local.find_crop(run_file, DATASET)
    ours = reader.read_batch(run_file, DATASET, 0, 4, CROP, 5.0)
    theirs = local.read_batch(run_file, DATASET, 0, 4, CROP, 5.0)
    assert ours.ids == theirs.ids
    assert ours.crop == CROP
    for column in ("counts", "valid", "thumbnails", "flags", "photons", "written_at_s"):
        np.testing.assert_array_equal(getattr(ours, column), getattr(theirs, column))
        assert getattr(ours, column).dtype == getattr(theirs, column).dtype
        assert getattr(ours, column).flags.writeable
    full = reader.read_frame(run_file, DATASET, 2, CROP)
    np.testing.assert_array_equal(full.pixels, local.read_frame(run_file, DATASET, 2, CROP).pixels)
    local.close()


def test_a_later_batch_does_not_change_an_earlier_one(reader: ReaderProcess, run_file: str) -> None:
    first = reader.read_batch(run_file, DATASET, 0, 1, CROP, 0.0)
    reader.read_batch(run_file, DATASET, 3, 4, CROP, 0.0)
    assert first.counts.max() == 1


def test_batches_reuse_one_block_of_shared_memory(reader: ReaderProcess, run_file: str) -> None:
    before = shared_blocks()
    for _ in range(5):
        reader.read_batch(run_file, DATASET, 0, 4, CROP, 0.0)
    assert len(shared_blocks() - before) == 1
    reader.close()
    assert shared_blocks() <= before


def test_errors_cross_with_their_type_and_file(
    reader: ReaderProcess, tmp_path: Path, run_file: str
) -> None:
    with pytest.raises(RunFileError) as missing:
        reader.describe(str(tmp_path / "away.cxi"))
    assert missing.value.path == str(tmp_path / "away.cxi")
    (tmp_path / "empty.h5").touch()
    with pytest.raises(NotReadyError):
        reader.describe(str(tmp_path / "empty.h5"))
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["/some/images"] = file["/other/images"] = np.ones((3, 64, 64), np.uint16)
        file["/yet/images"] = np.ones((3, 64, 64), np.uint16)
    with pytest.raises(AmbiguousDatasetError) as ambiguous:
        reader.describe(str(tmp_path / "two.h5"))
    assert len(ambiguous.value.candidates) >= 2
    assert reader.describe(run_file).frame_count == 4


def test_the_child_starts_with_the_first_call_and_is_kept(
    reader: ReaderProcess, run_file: str
) -> None:
    assert reader.pid is None
    reader.describe(run_file)
    pid = reader.pid
    reader.describe(run_file)
    assert reader.pid == pid


def test_a_warm_reader_answers_with_the_child_it_has(reader: ReaderProcess, run_file: str) -> None:
    reader.warm_up()
    pid = reader.pid
    assert pid is not None
    assert reader.describe(run_file).frame_count == 4
    assert reader.pid == pid
    reader.close()
    reader.warm_up()
    assert reader.pid is None


def test_a_stopped_child_is_ended_and_the_next_call_gets_a_fresh_one(run_file: str) -> None:
    limit_s = 1.0
    reader = ReaderProcess(timeout_s=lambda: limit_s)
    before = shared_blocks()
    reader.read_batch(run_file, DATASET, 0, 4, CROP, 0.0)
    pid = reader.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ReadTimeoutError, match="within 1 s") as caught:
        reader.describe(run_file)
    assert caught.value.path == run_file
    assert not psutil.pid_exists(pid)
    limit_s = 30.0  # holds from the next call on; a loaded machine may need more than a second
    assert reader.describe(run_file).frame_count == 4
    assert reader.pid not in (None, pid)
    reader.close()
    assert shared_blocks() <= before


def test_a_hanging_file_does_not_keep_others_from_being_read(
    odd_readers: Path, run_file: str, tmp_path: Path
) -> None:
    from odd_readers import HangingReader  # type: ignore[import-not-found]

    limit_s = 1.0
    reader = ReaderProcess(lambda: limit_s, HangingReader)
    with pytest.raises(ReadTimeoutError):
        reader.describe(str(tmp_path / "hang.cxi"))
    limit_s = 30.0
    assert reader.describe(run_file).frame_count == 4
    reader.close()


def test_a_child_that_dies_in_a_call_names_the_file(
    odd_readers: Path, run_file: str, tmp_path: Path
) -> None:
    from odd_readers import HangingReader

    reader = ReaderProcess(30.0, HangingReader)
    reader.describe(run_file)
    pid = reader.pid
    assert pid is not None
    hanging = str(tmp_path / "hang.cxi")

    def kill_in_the_call() -> None:
        wait_until(lambda: os.path.exists(hanging + ".begun"))
        os.kill(pid, signal.SIGSEGV)

    killer = threading.Thread(target=kill_in_the_call)
    killer.start()
    with pytest.raises(ReadCrashError, match="SIGSEGV") as caught:
        reader.describe(hanging)
    killer.join()
    assert caught.value.path == hanging
    assert reader.describe(run_file).frame_count == 4
    reader.close()


def test_a_child_that_died_between_calls_is_replaced_unnoticed(
    reader: ReaderProcess, run_file: str
) -> None:
    reader.describe(run_file)
    pid = reader.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_gone(pid))
    assert reader.describe(run_file).frame_count == 4


def test_threads_take_turns(reader: ReaderProcess, run_file: str) -> None:
    wrong: list[int] = []

    def read(index: int) -> None:
        for _ in range(20):
            batch = reader.read_batch(run_file, DATASET, index, index + 1, CROP, 0.0)
            if batch.counts.max() != index + 1:
                wrong.append(index)

    threads = [threading.Thread(target=read, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_closing_ends_a_call_that_hangs(odd_readers: Path, tmp_path: Path) -> None:
    from odd_readers import HangingReader

    reader = ReaderProcess(600.0, HangingReader)
    hanging = str(tmp_path / "hang.cxi")
    errors: list[Exception] = []

    def call() -> None:
        try:
            reader.describe(hanging)
        except RunFileError as error:
            errors.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    wait_until(lambda: os.path.exists(hanging + ".begun"))
    pid = reader.pid
    reader.close()
    caller.join(10)
    assert not caller.is_alive()
    assert len(errors) == 1
    assert pid is not None
    assert not psutil.pid_exists(pid)


def test_a_closed_reader_refuses_and_may_be_closed_again(run_file: str) -> None:
    reader = ReaderProcess()
    reader.close()
    reader.close()
    with pytest.raises(RunFileError, match="closed"):
        reader.describe(run_file)
    assert reader.pid is None


def test_the_child_loads_neither_torch_nor_qt(odd_readers: Path, run_file: str) -> None:
    import torch  # noqa: F401  the parent has it
    from odd_readers import ModuleReader

    reader = ReaderProcess(30.0, ModuleReader)
    with pytest.raises(RunFileError, match=r"loaded: \[\]"):
        reader.describe(run_file)
    reader.close()


def run_script(folder: Path, body: str, *arguments: str) -> subprocess.Popen[str]:
    """Run a script with the guard that pip puts into `spi-viewer`."""
    script = folder / "script"
    script.write_text(
        "import sys\n"
        + textwrap.dedent(body)
        + "\nif __name__ == '__main__':\n    other_main(*sys.argv[1:])\n"
    )
    return subprocess.Popen(
        [sys.executable, str(script), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )


def test_the_console_script_starts_a_child_without_torch_and_qt(
    odd_readers: Path, run_file: str
) -> None:
    body = """
    from spi_viewer.__main__ import main

    def other_main(path):
        from odd_readers import ModuleReader
        from spi_viewer.sources.reader_process import ReaderProcess
        reader = ReaderProcess(30.0, ModuleReader)
        try:
            reader.describe(path)
        except Exception as error:
            print(error)
        reader.close()
    """
    with run_script(odd_readers, body, run_file) as process:
        output, _ = process.communicate(timeout=60)
    assert "loaded: []" in output
    assert process.returncode == 0


def test_a_killed_parent_leaves_no_child_and_no_shared_memory(
    odd_readers: Path, run_file: str
) -> None:
    body = """
    def other_main(path):
        import time
        from spi_viewer.frames import Crop
        from spi_viewer.sources.reader_process import ReaderProcess
        reader = ReaderProcess()
        reader.read_batch(path, None, 0, 4, Crop(63.5, 63.5, 1.0), 0.0)
        print(reader.pid, reader._block._memory.name.lstrip("/"), flush=True)
        time.sleep(1000)
    """
    with run_script(odd_readers, body, run_file) as process:
        assert process.stdout is not None
        pid, block = process.stdout.readline().split()
        assert block in shared_blocks(process.pid)
        process.kill()
        process.wait()
        wait_until(lambda: is_gone(int(pid)))
        wait_until(lambda: block not in shared_blocks(process.pid))


def test_a_child_that_hangs_ends_itself_when_its_parent_was_killed(
    odd_readers: Path, tmp_path: Path
) -> None:
    body = """
    def other_main(path):
        import threading, time
        from odd_readers import HangingReader
        from spi_viewer.sources.reader_process import ReaderProcess
        reader = ReaderProcess(1.0, HangingReader)
        reader.list_files(".")
        print(reader.pid, flush=True)
        reader.describe(path)
    """
    hanging = str(tmp_path / "hang.cxi")
    with run_script(odd_readers, body, hanging) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        wait_until(lambda: os.path.exists(hanging + ".begun"))
        os.kill(pid, signal.SIGSTOP)  # so that the parent cannot be faster
        process.kill()
        process.wait()
        os.kill(pid, signal.SIGCONT)
        wait_until(lambda: is_gone(pid))
