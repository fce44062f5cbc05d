"""The program with a window: builds everything, shows it, and ends it cleanly."""

from __future__ import annotations

import gc
import logging
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyqtgraph as pg
from PyQt5.QtCore import QCoreApplication, Qt
from PyQt5.QtWidgets import QApplication

from spi_viewer.gui.demo_replay import DemoReplay
from spi_viewer.gui.error_dialog import ErrorReporter
from spi_viewer.gui.main_window import MainWindow
from spi_viewer.gui.model_choice import ModelChoice
from spi_viewer.gui.session_adaptation import SessionAdaptation
from spi_viewer.gui.session_export import SessionExport
from spi_viewer.gui.theme import apply_theme
from spi_viewer.inspector import Inspector
from spi_viewer.logs import start_logging
from spi_viewer.paths import models_dir, user_data_dir
from spi_viewer.pipeline import Pipeline
from spi_viewer.session.session import Session
from spi_viewer.settings import Settings, load_settings, save_settings
from spi_viewer.sources.reader_process import ReaderProcess

if TYPE_CHECKING:
    from spi_viewer.classifiers import FrameClassifier

_log = logging.getLogger(__name__)
_DEMO_FRAMES_PER_S = 10.0
_SWITCH_INTERVAL_S = 0.001


def run_viewer(
    paths: list[Path],
    watch: list[Path],
    model: str | None = None,
    session_path: Path | None = None,
    demo_frames_per_s: float | None = None,
) -> int:
    """Show the window until it is closed; the process's exit status.

    Args:
        paths: run files to open, and folders of them.
        watch: folders to watch.
        model: a bundled model or a model folder; None: the one in the settings.
        session_path: folder of the session; None: a new one in the user's data folder.
        demo_frames_per_s: start the demo at this rate; None: only when the user asks.
    """
    log_path = start_logging()
    application = _make_application()
    settings = load_settings()
    apply_theme(application, settings.theme)
    reporter = ErrorReporter(log_path)
    reporter.install()
    try:
        model = model or settings.model
        with Engine(settings, model, session_path) as engine:
            demo = DemoReplay(demo_frames_per_s or _DEMO_FRAMES_PER_S)
            try:
                window = _make_window(engine, settings, demo, model)
                _end_on_signals(window)
                window.appear()
                _open_at_start(window, paths, watch, demo_frames_per_s is not None)
                return int(application.exec_())
            finally:
                demo.stop()
    finally:
        save_settings(settings)
        reporter.uninstall()


class Engine:
    """Session, pipeline and inspector: made together, started together, ended in order."""

    def __init__(self, settings: Settings, model: str, session_path: Path | None) -> None:
        def make_reader() -> ReaderProcess:
            return ReaderProcess(timeout_s=lambda: settings.read_timeout_s)

        self.session = Session(session_path or new_session_path())
        self.pipeline = Pipeline(self.session, partial(_load_model, model), make_reader)
        self.inspector = Inspector(
            self.session, self.pipeline.classifier, self.pipeline.pixel_statistics, make_reader
        )

    def use_model(self, model: str) -> None:
        """Judge from now on with another bundled model or model folder."""
        self.pipeline.use_model(partial(_load_model, model))

    def __enter__(self) -> Engine:
        self.pipeline.start()
        self.inspector.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ask, wait, forget; a part that fails does not keep the others alive."""
        for end in (self.inspector.stop, self.pipeline.stop, self.session.close):
            try:
                end()
            except Exception:  # noqa: BLE001  the others must still end
                _log.exception("%s failed while closing", end)


def _load_model(model: str) -> FrameClassifier:
    # Imported here: torch takes seconds to load, and the window need not wait for it.
    from spi_viewer.classifiers import load_classifier
    from spi_viewer.networks.devices import leave_a_core_to_others

    leave_a_core_to_others()
    classifier = load_classifier(model)
    # What torch brings stays for ever: a full collection would look through it all again
    # and again, and the window would stand still for a tenth of a second each time.
    gc.freeze()
    return classifier


def new_session_path() -> Path:
    """A folder of its own for a session that begins now."""
    return user_data_dir() / "sessions" / time.strftime("%Y-%m-%d_%H-%M-%S")


def _make_application() -> QApplication:
    # The window asks for the interpreter's lock every few milliseconds while a worker computes;
    # five times sooner than Python's 5 ms it gets it, and never stands still.
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    QCoreApplication.setAttribute(Qt.AA_EnableHighDpiScaling)
    QCoreApplication.setAttribute(Qt.AA_UseHighDpiPixmaps)
    application = QApplication(["spi-viewer"])
    application.setApplicationName("SPI Viewer")
    application.setDesktopFileName("spi-viewer")
    # Row-major: an image's first axis is y, as in the files. No OpenGL: remote displays.
    pg.setConfigOptions(imageAxisOrder="row-major", antialias=True, useOpenGL=False)
    return application


def _make_window(engine: Engine, settings: Settings, demo: DemoReplay, model: str) -> MainWindow:
    return MainWindow(
        engine.session,
        engine.pipeline,
        engine.inspector,
        settings,
        export_frames=SessionExport(engine.session),
        adaptation=SessionAdaptation(engine.session, user_data_dir() / "models"),
        start_demo=demo.start if demo.is_available else None,
        models=ModelChoice(
            tuple(sorted(card.parent.name for card in models_dir().glob("*/model.json"))),
            model,
            engine.use_model,
            lambda: engine.pipeline.model_has_failed,
        ),
    )


def _open_at_start(
    window: MainWindow, run_paths: list[Path], watch: list[Path], start_demo: bool
) -> None:
    window.opener.open_all(run_paths, watch)
    if start_demo:
        window.opener.start_demo()


def _end_on_signals(window: MainWindow) -> None:
    """Ctrl+C and SIGTERM close the window like its button; the bridge's timer lets them in."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: window.close())
