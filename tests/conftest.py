"""For all tests: no display, own folders, and nothing left behind."""

from __future__ import annotations

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ.setdefault("OMP_NUM_THREADS", "1")

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

_PATIENCE_S = 5.0
_SHARED_MEMORY = Path("/dev/shm")
# Threads and processes that libraries keep for the life of the process, not ours to end.
_LIBRARY_THREADS = ("tqdm_monitor", "ThreadPoolExecutor", "asyncio_", "pytest_timeout", "Dummy-")
_LIBRARY_PROCESSES = ("resource_tracker", "forkserver")
_LIBRARY_FILES = ("pytest-of-", "torchinductor", "runtime-")  # the last is Qt's


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folders and the temporary folder, fresh for each test."""
    home = tmp_path_factory.mktemp("user")
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(home / variable.lower()))
    temporary = home / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return home


@pytest.fixture(autouse=True)
def nothing_left_behind(own_folders: Path) -> Iterator[None]:
    """Fail a test that leaves a thread, process, shared memory or temporary file, and name it."""
    threads = set(threading.enumerate())
    processes = _child_processes()
    memory = _shared_memory()
    yield
    temporary = own_folders / "tmp"
    left = (
        _left("thread", lambda: {t.name for t in _own_threads() - threads if t.is_alive()})
        + _left("process", lambda: set(_child_processes().values()) - set(processes.values()))
        + _left("shared memory", lambda: _shared_memory() - memory)
        + _left("temporary file", lambda: _temporary_files(temporary))
    )
    if left:
        pytest.fail("the test left behind: " + "; ".join(left), pytrace=False)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real facility files, from SPI_REAL_DATA; tests that need it are skipped."""
    folder = os.environ.get("SPI_REAL_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SPI_REAL_DATA does not name the folder of real files")
    return Path(folder)


def _left(kind: str, find: Callable[[], set[str]]) -> list[str]:
    """What is still there when things had time to end."""
    deadline = time.monotonic() + _PATIENCE_S
    while (found := find()) and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    return [f"{kind} {name}" for name in sorted(found)]


def _own_threads() -> set[threading.Thread]:
    return {
        thread
        for thread in threading.enumerate()
        if not any(part in thread.name for part in _LIBRARY_THREADS)
    }


def _child_processes() -> dict[int, str]:
    children = {}
    for child in psutil.Process().children(recursive=True):
        try:
            command = " ".join(child.cmdline())
            alive = child.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:  # it has just ended
            continue
        if alive and not any(part in command for part in _LIBRARY_PROCESSES):
            children[child.pid] = f"{child.pid} ({command[:80]})"
    return children


def _shared_memory() -> set[str]:
    """Names of this process's shared memory; programs beside the tests have their own."""
    return {entry.name for entry in _SHARED_MEMORY.glob(f"spi-viewer-{os.getpid()}-*")}


def _temporary_files(folder: Path) -> set[str]:
    return {
        str(entry.relative_to(folder))
        for entry in folder.iterdir()
        if not entry.name.startswith(_LIBRARY_FILES)
    }
