"""The live path, measured: a writer fills a directory while the window watches it.

    python tests/benchmarks/live_window.py --seconds 120 --rate 120 [--single-files] [--model DIR]

Needs a display (Xvfb will do). Prints frames written and counted; while the writer writes, delays
from 'written' to 'on the screen', how many of the frames shown came ahead of their turn and how
many were left to judge; the longest time in which the window stood still, the processor time of
each process a frame, and the memory of all processes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

import h5py
import numpy as np
import psutil
from PyQt5.QtCore import QTimer

from spi_viewer.gui import app
from spi_viewer.gui.theme import apply_theme
from spi_viewer.paths import DEFAULT_MODEL, demo_run
from spi_viewer.settings import Settings

_PROBE_MS = 5
_FRAMES_PER_FILE = 3000
_PATIENCE_S = 60  # for what is still behind when the writer has ended


def write_frames(directory: str, rate: float, seconds: float, single_files: bool, written) -> None:
    """Write the demo's frames over and over; each frame's id is the time it was complete."""
    with h5py.File(demo_run(), "r") as demo:
        frames = demo["entry_1/data_1/data"][:]
    start, count = time.time(), 0
    file = None
    while time.time() - start < seconds:
        frame = frames[count % len(frames)]
        if single_files:
            _write_single(Path(directory), count, frame)
        else:
            if count % _FRAMES_PER_FILE == 0:
                if file is not None:
                    file.close()
                file = _new_growing_file(Path(directory) / f"run{count:07d}.cxi", frame)
            _append(file, frame)
        count += 1
        written.value = count
        time.sleep(max(0.0, start + count / rate - time.time()))
    if file is not None:
        file.close()


def _write_single(directory: Path, count: int, frame: np.ndarray) -> None:
    aside = directory / f".shot{count:07d}.part"
    with h5py.File(aside, "w") as file:
        file["entry_1/data_1/data"] = frame[None]
        file["entry_1/experiment_identifier"] = [f"{time.time():.6f}"]
    aside.rename(directory / f"shot{count:07d}.cxi")


def _new_growing_file(path: Path, frame: np.ndarray) -> h5py.File:
    file = h5py.File(path, "w", libver="latest")
    shape = frame.shape
    file.create_dataset(
        "entry_1/data_1/data", (0, *shape), frame.dtype, maxshape=(None, *shape), chunks=(1, *shape)
    )
    file.create_dataset(
        "entry_1/experiment_identifier", (0,), "S20", maxshape=(None,), chunks=(1000,)
    )
    file.swmr_mode = True
    return file


def _append(file: h5py.File, frame: np.ndarray) -> None:
    data, ids = file["entry_1/data_1/data"], file["entry_1/experiment_identifier"]
    end = len(data)
    ids.resize(end + 1, axis=0)
    ids[end] = f"{time.time():.6f}".encode()
    ids.flush()
    data.resize(end + 1, axis=0)
    data[end] = frame
    data.flush()


def processor_s(engine) -> dict[str, float]:
    """Processor time so far of the window's process, and of those that read for it."""
    pids = {
        "window": psutil.Process().pid,
        "reader": engine.pipeline._reader.pid,
        "inspector": engine.inspector._reader.pid,
    }
    times = {name: psutil.Process(pid).cpu_times() for name, pid in pids.items() if pid}
    return {name: used.user + used.system for name, used in times.items()}


class StillWatch:
    """Notes what the window's thread was doing whenever it has stood still for too long."""

    def __init__(self, probe: Probe, still_ms: float) -> None:
        self.stacks: list[str] = []
        self._probe, self._still_s = probe, still_ms / 1e3
        self._main = threading.main_thread().ident
        self._over = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def stop(self) -> None:
        self._over.set()

    def _watch(self) -> None:
        noted = 0.0
        while not self._over.wait(0.01):
            last = self._probe.last_tick_s
            if last != noted and time.perf_counter() - last > self._still_s:
                noted = last
                stack = traceback.extract_stack(sys._current_frames()[self._main])
                calls = [f"{Path(c.filename).name}:{c.lineno} {c.name}" for c in stack[-6:]]
                self.stacks.append(" > ".join(calls))


class Probe:
    """Watches the window from within its event loop."""

    def __init__(self, window, pipeline) -> None:
        self.is_writing = True
        self.frames_behind: list[int] = []
        self.shown_ahead = 0
        self._pipeline = pipeline
        self.gaps_ms: list[float] = []
        self.delays_s: list[float] = []
        self.still_at_s: list[float] = []
        self.memory_mb: list[float] = []
        self.own_memory_mb: list[float] = []
        self._begin = time.perf_counter()
        self.last_tick_s = time.perf_counter()
        self._timer = QTimer(window, interval=_PROBE_MS)
        self._timer.timeout.connect(self._tick)
        self._timer.start()
        self._memory = QTimer(window, interval=2000)
        self._memory.timeout.connect(self._weigh)
        self._memory.start()
        window.bridge.inspection_changed.connect(self._note_delay)

    def restart(self) -> None:
        self.gaps_ms.clear()
        self.still_at_s.clear()
        self._begin = time.perf_counter()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.gaps_ms.append((now - self.last_tick_s) * 1e3)
        if self.gaps_ms[-1] > 100:
            self.still_at_s.append(round(now - self._begin, 1))
        self.last_tick_s = now

    def _note_delay(self, inspection) -> None:
        if inspection is not None and inspection.id.name and self.is_writing:
            self.delays_s.append(time.time() - float(inspection.id.name))
            self.shown_ahead += inspection.row is None

    def _weigh(self) -> None:
        if self.is_writing:
            self.frames_behind.append(self._pipeline.status().frames_behind)
        me = psutil.Process()
        total = 0
        for process in [me, *me.children(recursive=True)]:
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        self.memory_mb.append(total / 2**20)
        self.own_memory_mb.append(me.memory_info().rss / 2**20)


def measure(arguments: argparse.Namespace) -> dict[str, object]:
    application = app._make_application()
    settings = Settings()
    apply_theme(application, settings.theme)
    written = multiprocessing.get_context("spawn").Value("l", 0)
    with (
        tempfile.TemporaryDirectory(prefix="spi-live-") as directory,
        tempfile.TemporaryDirectory(prefix="spi-session-") as session,
        app.Engine(settings, arguments.model, Path(session) / "session") as engine,
    ):
        demo = app.DemoReplay(1.0)
        window = app._make_window(engine, settings, demo, arguments.model)
        window.resize(1920, 1080)
        window.show()
        window.opener.watch(Path(directory))
        probe = Probe(window, engine.pipeline)
        watch = StillWatch(probe, arguments.stacks_over_ms)
        writer = multiprocessing.get_context("spawn").Process(
            target=write_frames,
            args=(
                directory,
                arguments.rate,
                arguments.seconds,
                arguments.single_files,
                written,
            ),
        )

        used_s: list[dict[str, float]] = []

        def begin() -> None:
            used_s.append(processor_s(engine))
            probe.restart()
            watch.stacks.clear()
            writer.start()

        QTimer.singleShot(int(arguments.warm_up * 1e3), begin)
        deadline = time.monotonic() + arguments.warm_up + arguments.seconds + _PATIENCE_S
        ending = QTimer(window, interval=1000)

        def close_when_done() -> None:
            ended = writer.exitcode is not None
            probe.is_writing = not ended
            if (ended and engine.session.row_count >= written.value) or (
                time.monotonic() > deadline
            ):
                ending.stop()
                used_s.append(processor_s(engine))
                window.close()

        ending.timeout.connect(close_when_done)
        ending.start()
        window.closed.connect(application.quit)
        application.exec_()
        watch.stop()
        writer.join()
        rows = range(engine.session.row_count)
        ids = [engine.session.frame_id(row) for row in rows]
        seen = {(frame.path, frame.index) for frame in ids}
        in_order = all(a.index < b.index for a, b in itertools.pairwise(ids) if a.path == b.path)
    before, after = used_s
    gaps = np.array(probe.gaps_ms)
    delays = probe.delays_s or [float("nan")]
    return {
        "mode": "a file a frame" if arguments.single_files else "growing files (SWMR)",
        "rate_per_s": arguments.rate,
        "seconds": arguments.seconds,
        "frames_written": written.value,
        "frames_counted": len(ids),
        "counted_twice": len(ids) - len(seen),
        "in_order": in_order,
        "frames_shown": len(delays),
        "shown_ahead_of_their_turn": probe.shown_ahead,
        "frames_behind_max": max(probe.frames_behind, default=0),
        "delay_s_median": round(statistics.median(delays), 3),
        "delay_s_p99": round(float(np.quantile(delays, 0.99)), 3),
        "delay_s_max": round(max(delays), 3),
        "window_still_ms_p99": round(float(np.quantile(gaps, 0.99)), 1),
        "window_still_ms_max": round(float(gaps.max()), 1),
        "window_still_over_100_ms": int((gaps > 100).sum()),
        "window_still_at_s": probe.still_at_s,
        "window_still_in": watch.stacks,
        "processor_ms_per_frame": {
            name: round(1e3 * (used - before.get(name, 0.0)) / max(1, len(ids)), 2)
            for name, used in after.items()
        },
        "own_memory_mb": [round(value) for value in probe.own_memory_mb[5::10]],
        "memory_mb_early": round(float(np.mean(probe.memory_mb[10:15])), 0),
        "memory_mb_end": round(float(np.mean(probe.memory_mb[-5:])), 0),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--rate", type=float, default=120)
    parser.add_argument("--warm-up", type=float, default=8, help="for loading the model")
    parser.add_argument("--stacks-over-ms", type=float, default=90, help="note what took so long")
    parser.add_argument("--single-files", action="store_true")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    print(json.dumps(measure(parser.parse_args()), indent=2))
