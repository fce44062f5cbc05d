from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from spi_viewer import __version__
from spi_viewer.cli import with_default_command

COMMANDS = ("view", "demo", "classify", "export", "simulate", "train")
START = (sys.executable, "-m", "spi_viewer")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(spi_viewer, command: str) -> None:
    outcome = spi_viewer(command, "--help")
    assert outcome.exit_code == 0
    assert f"spi-viewer {command}" in outcome.out


def test_help_names_every_command(spi_viewer) -> None:
    assert spi_viewer("-h") == spi_viewer("--help")
    assert all(command in spi_viewer("--help").out for command in COMMANDS)


def test_version(spi_viewer) -> None:
    assert spi_viewer("--version").out == f"spi-viewer {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["view"]),
        (["run.cxi"], ["view", "run.cxi"]),
        (["--watch", "here"], ["view", "--watch", "here"]),
        (["classify", "run.cxi"], ["classify", "run.cxi"]),
        (["--version"], ["--version"]),
        (["clasify", "run.cxi"], ["clasify", "run.cxi"]),
    ],
)
def test_view_needs_no_name(arguments: list[str], expected: list[str]) -> None:
    assert with_default_command(arguments) == expected


def test_a_file_without_suffix_is_no_misspelt_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run0173").touch()
    assert with_default_command(["run0173"]) == ["view", "run0173"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["clasify", "a.h5"], "clasify"),
        (["classify"], "PATH"),
        (["classify", "a.h5"], "--output"),
        (["classify", "a.h5", "-o", "s.csv", "--threshold", "2"], "--threshold"),
        (["export", "a.h5", "-o", "good.cxi"], "--scores"),
        (["simulate", "-o", "s.cxi", "--frames", "0"], "--frames"),
        (["train"], "--output"),
        (["view", "--sesion", "x"], "--sesion"),
    ],
)
def test_wrong_usage_exits_2_and_names_the_fault(spi_viewer, arguments, told: str) -> None:
    outcome = spi_viewer(*arguments)
    assert outcome.exit_code == 2
    assert told in outcome.err


@pytest.mark.parametrize("command", ["view", "demo"])
def test_without_a_display_the_window_commands_point_to_classify(command: str) -> None:
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    ended = subprocess.run([*START, command], env=environment, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "there is no display" in ended.stderr
    assert "spi-viewer classify" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_help_loads_neither_torch_nor_qt() -> None:
    code = (
        "import sys\n"
        "from spi_viewer.cli import app\n"
        "app(['classify', '--help'], standalone_mode=False)\n"
        "heavy = {'torch', 'PyQt5', 'h5py', 'scipy'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("number", "message"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "")]
)
def test_an_interrupted_classify_leaves_nothing(
    tmp_path: Path,
    write_run: Callable[..., Path],
    model: Path,
    frames: np.ndarray,
    number: int,
    message: str,
) -> None:
    write_run("big.h5", np.tile(frames, (300, 1, 1)))
    output = tmp_path / "scores.csv"
    arguments = ["classify", str(tmp_path / "big.h5"), "-o", str(output), "--model", str(model)]
    with _as_from_a_terminal():
        running = subprocess.Popen(
            [*START, *arguments], stderr=subprocess.PIPE, start_new_session=True
        )
    try:
        _wait_until(lambda: any(p.stat().st_size for p in tmp_path.glob(".scores.csv.part-*")))
        children = psutil.Process(running.pid).children(recursive=True)
        os.killpg(running.pid, number) if number == signal.SIGINT else running.send_signal(number)
        _, errors = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode in (128 + number, -number)
    assert message in errors.decode()
    assert "Traceback" not in errors.decode()
    assert [p.name for p in tmp_path.iterdir()] == ["big.h5"]
    assert children
    _wait_until(lambda: not any(_lives(child) for child in children))


@contextlib.contextmanager
def _as_from_a_terminal() -> Iterator[None]:
    """What starts inside heeds Ctrl+C, even if these tests run in a shell's background.

    A shell without job control has its background jobs, and all that they start, ignore it.
    """
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, inherited)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _wait_until(condition: Callable[[], bool], limit_s: float = 60) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)
