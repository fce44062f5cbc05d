"""The demo: a process that writes the bundled run into a folder as if it were being measured."""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
from pathlib import Path

from spi_viewer import paths
from spi_viewer.sources.run_replay import replay_run

_STOP_PATIENCE_S = 3.0


class DemoReplay:
    """Starts and ends the writing process and its temporary folder."""

    def __init__(self, frames_per_s: float) -> None:
        self._frames_per_s = frames_per_s
        self._process: multiprocessing.process.BaseProcess | None = None
        self._folder: Path | None = None

    @property
    def is_available(self) -> bool:
        """True if the bundled run is there."""
        return paths.demo_run().is_file()

    def start(self) -> Path:
        """Begin anew and return the folder to watch."""
        self.stop()
        self._folder = Path(tempfile.mkdtemp(prefix="spi-viewer-demo-"))
        self._process = multiprocessing.get_context("spawn").Process(
            target=replay_run,
            args=(paths.demo_run(), self._folder, self._frames_per_s),
            name="demo-replay",
            daemon=True,
        )
        self._process.start()
        return self._folder

    def stop(self) -> None:
        """End the process and remove its folder."""
        if self._process is not None:
            self._process.terminate()
            self._process.join(_STOP_PATIENCE_S)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
            self._process.close()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
