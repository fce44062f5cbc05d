"""The demo: the bundled run, written into a temporary folder as if it were being measured."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from spi_viewer import paths
from spi_viewer.sources.run_replay import ReplayProcess


class DemoReplay:
    """Starts and ends the writing process and its temporary folder.

    Args:
        frames_per_s: how fast the run is replayed.
        run: the run to replay; None: the bundled one.
    """

    def __init__(self, frames_per_s: float, run: Path | None = None) -> None:
        self._frames_per_s = frames_per_s
        self._run = run or paths.demo_run()
        self._replay: ReplayProcess | None = None
        self._folder: Path | None = None

    @property
    def is_available(self) -> bool:
        """True if the run is there."""
        return self._run.is_file()

    def start(self) -> Path:
        """Begin anew and return the folder to watch."""
        self.stop()
        self._folder = Path(tempfile.mkdtemp(prefix="spi-viewer-demo-"))
        watched = self._folder / "demo"  # the run is called by its folder's name
        watched.mkdir()
        self._replay = ReplayProcess(self._run, watched, self._frames_per_s)
        self._replay.start()
        return watched

    def stop(self) -> None:
        """End the process and remove its folder."""
        if self._replay is not None:
            self._replay.stop()
            self._replay = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
