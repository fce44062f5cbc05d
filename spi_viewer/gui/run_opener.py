"""Opening runs: by dialog, by drop, from the recent list, the demo; and datasets to choose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt5.QtCore import QMimeData, QObject, pyqtSignal
from PyQt5.QtWidgets import QFileDialog, QMenu, QWidget

from spi_viewer.errors import SpiViewerError
from spi_viewer.gui import recent_files
from spi_viewer.gui.dataset_chooser import DatasetChooser

if TYPE_CHECKING:
    from spi_viewer.pipeline import Pipeline
    from spi_viewer.pipeline_status import PipelineStatus
    from spi_viewer.settings import Settings

_FILTER = (
    "Run files (*.h5 *.hdf5 *.cxi *.nxs *.hdf *.tif *.tiff *.cbf *.edf *.img *.mccd);;All files (*)"
)


class RunOpener(QObject):
    """Asks for runs and hands them to the pipeline; a refusal is a message, not a dialog.

    Signals:
        opened: run id; None where several were opened at once.
        refused: text for the status line.
    """

    opened = pyqtSignal(object)
    refused = pyqtSignal(str)

    def __init__(
        self,
        pipeline: Pipeline,
        settings: Settings,
        start_demo: Callable[[], Path] | None,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._pipeline, self._settings, self._start_demo = pipeline, settings, start_demo
        self._window = parent
        self._demo_run: int | None = None
        self._choosers: dict[int, DatasetChooser] = {}

    @property
    def has_demo(self) -> bool:
        """True if there is a demo to start."""
        return self._start_demo is not None

    def ask_for_files(self) -> None:
        """Let the user choose run files."""
        chosen, _ = QFileDialog.getOpenFileNames(
            self._window, "Open run files", self._settings.last_directory, _FILTER
        )
        self.open_paths([Path(name) for name in chosen])

    def ask_for_folder(self) -> None:
        """Let the user choose a folder to watch."""
        chosen = QFileDialog.getExistingDirectory(
            self._window, "Watch a folder", self._settings.last_directory
        )
        if chosen:
            self.watch(Path(chosen))

    def open_paths(self, paths: list[Path]) -> None:
        """Open files; watch folders."""
        self.open_all(
            [path for path in paths if not path.is_dir()],
            [path for path in paths if path.is_dir()],
        )

    def watch(self, folder: Path) -> None:
        """Watch a folder where files arrive."""
        self.open_all([], [folder])

    def open_all(self, complete: list[Path], watched: list[Path]) -> None:
        """Open run files, and folders of them that are complete; watch others."""
        runs = [self._open(path, self._pipeline.open_file) for path in complete]
        runs += [self._open(folder, self._pipeline.watch) for folder in watched]
        opened = [run for run in runs if run is not None]
        if opened:
            # Of several none comes first: the last may be the one that is refused.
            self.opened.emit(opened[0] if len(opened) == 1 else None)

    def start_demo(self) -> None:
        """Start the demo anew."""
        if self._start_demo is None:
            return
        if self._demo_run is not None:
            self._pipeline.close_run(self._demo_run)
        try:
            folder = self._start_demo()
            self._demo_run = self._pipeline.watch(folder, kind="demo")
        except (SpiViewerError, OSError) as error:
            self.refused.emit(f"the demo does not start: {error}")
            return
        self.opened.emit(self._demo_run)

    def fill_recent_menu(self, menu: QMenu) -> None:
        """Put the recent paths into a menu that is about to be shown."""
        menu.clear()
        recent = recent_files.load_recent()
        for name in recent:
            entry = menu.addAction(name)
            entry.triggered.connect(lambda _checked, name=name: self.open_paths([Path(name)]))
        if not recent:
            menu.addAction("none yet").setEnabled(False)

    def offer_choices(self, status: PipelineStatus) -> None:
        """Ask once for each file in which several datasets could hold the frames."""
        open_choices = {choice.run for choice in status.choices}
        for choice in status.choices:
            if choice.run in self._choosers:
                continue
            chooser = DatasetChooser(choice.path, choice.candidates, self._window)
            chooser.dataset_chosen.connect(
                lambda dataset, run=choice.run: self._pipeline.choose_dataset(run, dataset)
            )
            chooser.rejected.connect(lambda run=choice.run: self._pipeline.close_run(run))
            self._choosers[choice.run] = chooser
            chooser.show()
        for run in set(self._choosers) - open_choices:
            self._choosers.pop(run).deleteLater()

    def _open(self, path: Path, start: Callable[[Path], int]) -> int | None:
        try:
            run = start(path)
        except (SpiViewerError, OSError) as error:
            self.refused.emit(str(error))
            return None
        self._settings.last_directory = str(path if path.is_dir() else path.parent)
        recent_files.remember(str(path.absolute()))
        return run


def dropped_paths(data: QMimeData) -> list[Path]:
    """Local files and folders in what is being dragged over the window."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
