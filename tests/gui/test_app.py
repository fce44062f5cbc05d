from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import psutil
import pytest

_PATIENCE_S = 60

# The program in a process of its own: it makes its own QApplication and handles signals.
_SCRIPT = """
import json, sys
from pathlib import Path
from PyQt5.QtCore import QTimer
from spi_viewer.gui import app

make_window, seen = app._make_window, {}

def make_watched_window(*args):
    window = make_window(*args)
    timer = QTimer(window)
    timer.setInterval(50)

    def look():
        counts = window._session.counts()
        if counts.frames >= 12 and window.inspector.latest() is not None:
            timer.stop()
            seen.update(frames=counts.frames, run=window.strip.run.value.text())
            print("ready", flush=True)
            if END_ITSELF:
                window.close()

    timer.timeout.connect(look)
    timer.start()
    return window

app._make_window = make_watched_window
status = app.run_viewer(PATHS, [], model=MODEL)
print(json.dumps({"status": status, **seen}), flush=True)
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """An untrained network: it answers, and that is enough here."""
    from spi_viewer.networks.checkpoint import Model, save_model
    from spi_viewer.networks.model_card import ModelCard
    from spi_viewer.networks.resnet import ResNet, ResNetConfig

    config = ResNetConfig()
    folder = tmp_path / "untrained"
    save_model(folder, Model(ResNet(config), ModelCard("untrained", config)))
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "run.h5"
    with h5py.File(path, "w") as file:
        random = np.random.default_rng(1)
        file["entry_1/data_1/data"] = random.poisson(1.0, (12, 128, 128)).astype("u2")
    return path


def _start(model: Path, run: Path, end_itself: bool) -> subprocess.Popen[str]:
    """Run the script; spawned readers import it anew, so all stands under the main guard."""
    given = f"MODEL, PATHS, END_ITSELF = {str(model)!r}, [Path({str(run)!r})], {end_itself}"
    lines = ["from pathlib import Path", given, *_SCRIPT.splitlines()]
    script = run.parent / "program.py"
    script.write_text("\n    ".join(["if __name__ == '__main__':", *lines]) + "\n")
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )


def test_a_run_is_opened_judged_shown_and_the_program_ends_cleanly(model: Path, run: Path) -> None:
    program = _start(model, run, end_itself=True)
    output, _ = program.communicate(timeout=_PATIENCE_S)
    report = json.loads(output.splitlines()[-1])
    assert report == {"status": 0, "frames": 12, "run": "run.h5"}
    assert program.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_the_window_and_all_processes(
    model: Path, run: Path, number: signal.Signals
) -> None:
    program = _start(model, run, end_itself=False)
    assert program.stdout is not None
    assert program.stdout.readline().strip() == "ready"
    children = psutil.Process(program.pid).children(recursive=True)
    program.send_signal(number)
    output, _ = program.communicate(timeout=_PATIENCE_S)
    assert json.loads(output.splitlines()[-1])["status"] == 0
    assert psutil.wait_procs(children, timeout=10)[1] == []
