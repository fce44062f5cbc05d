"""The window: makes the views and puts them in their places.

`window_content` says which places, `wiring` connects the views, `decisions` and `preferences` carry
out what the operator decides and prefers, `dialogs` holds the windows beside this one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import pyqtSignal
from PyQt5.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QShowEvent
from PyQt5.QtWidgets import QApplication, QMainWindow

from spi_viewer.gui.action_states import ActionStates
from spi_viewer.gui.actions import Actions
from spi_viewer.gui.activation_panel import ActivationPanel
from spi_viewer.gui.bridge import Bridge
from spi_viewer.gui.counts_panel import CountsPanel
from spi_viewer.gui.decisions import Decisions
from spi_viewer.gui.dialogs import Dialogs
from spi_viewer.gui.embedding_view import EmbeddingView
from spi_viewer.gui.export_dialog import ExportFrames
from spi_viewer.gui.film import Film
from spi_viewer.gui.follow_badge import FollowBadge
from spi_viewer.gui.frame_info_panel import FrameInfoPanel
from spi_viewer.gui.live_follow import LiveFollow
from spi_viewer.gui.model_choice import ModelChoice
from spi_viewer.gui.pattern_view import PatternView
from spi_viewer.gui.preferences import Preferences
from spi_viewer.gui.run_opener import RunOpener, dropped_paths
from spi_viewer.gui.score_panel import ScorePanel
from spi_viewer.gui.session_figures import SessionFigures
from spi_viewer.gui.shown_frame import ShownFrame
from spi_viewer.gui.source_panel import SourcePanel
from spi_viewer.gui.status_bar import StatusStrip
from spi_viewer.gui.texts import format_count, idle_text
from spi_viewer.gui.thumbnail_grid import ThumbnailGrid
from spi_viewer.gui.window_content import fill_menus, fill_status_bar, panels_of
from spi_viewer.gui.window_layout import WindowLayout
from spi_viewer.gui.wiring import connect_actions, connect_views

if TYPE_CHECKING:
    from spi_viewer.gui.session_adaptation import SessionAdaptation
    from spi_viewer.inspector import Inspector
    from spi_viewer.pipeline import Pipeline
    from spi_viewer.session.session import Session
    from spi_viewer.settings import Settings

_MESSAGE_MS = 6000


class MainWindow(QMainWindow):
    """All views of one session.

    Args:
        export_frames: see ExportDialog.
        adaptation: adapts the model to a run.
        models: what there is to judge with.
        start_demo: starts the demo's writer and returns the folder to watch; None: no demo.

    Signals:
        closed: the user closed the window; workers may end now.
    """

    closed = pyqtSignal()

    def __init__(
        self,
        session: Session,
        pipeline: Pipeline,
        inspector: Inspector,
        settings: Settings,
        export_frames: ExportFrames,
        adaptation: SessionAdaptation,
        models: ModelChoice,
        start_demo: Callable[[], Path] | None = None,
    ) -> None:
        super().__init__()
        self._session, self._pipeline, self._settings = session, pipeline, settings
        self.inspector = inspector
        self._run: int | None = None
        self.bridge = Bridge(session, pipeline, inspector)
        self.follow = LiveFollow(session, pipeline.newest_unjudged)
        self.opener = RunOpener(pipeline, settings, start_demo, self)
        self.preferences = Preferences(settings, models, self)
        self.dialogs = Dialogs(self, session, settings, export_frames, adaptation, models)
        self._make_views()
        self.shown = ShownFrame(
            inspector, self.follow, self.activation, self.frame_info, self.grid, session, self
        )
        self.decisions = Decisions(
            session, pipeline, inspector, self.follow, self.grid, lambda: self.pattern.drawn
        )
        self.actions_by_name = Actions(self)
        self.states = ActionStates(self.actions_by_name, session, self)
        self._lay_out()
        fill_menus(self)
        connect_views(self)
        connect_actions(self)
        self.actions_by_name["demo"].setEnabled(self.opener.has_demo)
        self.states.show_theme(settings.theme)
        self.states.show_following(self.follow.is_following)
        self.setAcceptDrops(True)
        self.bridge.start()

    # -- what is shown -------------------------------------------------------------------------

    def select_run(self, run: int | None) -> None:
        """Show the counts, charts and frames of one run, or of all (None)."""
        self._run = run
        for part in (self.follow, self.decisions, self.figures, self.grid, self.embedding):
            part.set_run(run)
        self.bridge.refresh()

    def show_row(self, row: int) -> None:
        """Stay on one frame."""
        self.follow.choose(row)

    def choose_rows(self, rows: NDArray[np.int64]) -> None:
        """Select a cluster of frames in the grid, to be labelled or exported."""
        self.grid.select_rows(rows)
        plural = "frame" if len(rows) == 1 else "frames"
        self.say(f"{format_count(len(rows))} {plural} selected: G, B or U labels, Ctrl+E exports")

    def show_idle_reason(self) -> None:
        """Say in the middle why there is no frame yet, and what to do about it."""
        if self.pattern.drawn is None:
            has_runs = bool(self._session.runs())
            self.pattern.show_idle_text(idle_text(self._pipeline.status(), has_runs))

    def say(self, text: str) -> None:
        """Put a message into the status line for a while."""
        self.statusBar().showMessage(text, _MESSAGE_MS)

    def export(self) -> None:
        """Open the export dialog, or raise the one that is open."""
        self.dialogs.export(self._run, self.grid)

    def adapt(self) -> None:
        """Open the adaptation dialog, or raise the one that is open."""
        self.dialogs.adapt(self._run, partial(self._judge_all_with, self._run))

    def _judge_all_with(self, run: int | None, model: str) -> None:
        """Judge the frames so far of a run with another model, too."""
        self.preferences.judge_with(model)
        self.decisions.judge_again(True, run)

    def show_keys(self) -> None:
        """List all keys."""
        views = {
            "Pattern": self.pattern,
            "Why": self.activation,
            "Frame info": self.frame_info,
            "Grid": self.grid,
        }
        self.dialogs.show_keys(self.actions_by_name, views)

    # -- where it stands -----------------------------------------------------------------------

    def appear(self) -> None:
        """Show it where it was last, the first time as large as the screen allows.

        Maximised, for only the window manager knows how much its frame takes.
        """
        if self._is_restored:
            self.show()
        else:
            self.showMaximized()

    def reset_layout(self) -> None:
        """Put all panels where they stand at first."""
        self.layout_of_docks.reset()

    def remember_layout(self) -> None:
        """Put geometry and layout into the settings."""
        saved = self.layout_of_docks.save()
        self._settings.window_geometry, self._settings.window_layout = saved

    # -- putting together ----------------------------------------------------------------------

    def _make_views(self) -> None:
        self.strip = StatusStrip()
        self.sources = SourcePanel(demo_available=self.opener.has_demo)
        self.counts = CountsPanel()
        self.pattern = PatternView(self._settings)
        self.activation = ActivationPanel()
        self.scores = ScorePanel(self._session.rule)
        self.embedding = EmbeddingView(self._session, self._pipeline.features, self._settings)
        self.frame_info = FrameInfoPanel()
        self.grid = ThumbnailGrid(self._session, self._settings)
        self.film = Film(self.grid)
        self.badge = FollowBadge()
        self.figures = SessionFigures(
            self._session, self.strip, self.sources, self.counts, self.scores
        )

    def _lay_out(self) -> None:
        self.setWindowTitle("SPI Viewer")
        self.setCentralWidget(self.pattern)
        fill_status_bar(self)
        self.setContentsMargins(4, 0, 4, 0)
        self.resize(QApplication.primaryScreen().availableSize())
        self.layout_of_docks = WindowLayout(self, panels_of(self))
        self.layout_of_docks.add_strip(self.strip)
        self._is_restored = self.layout_of_docks.restore(
            self._settings.window_geometry, self._settings.window_layout
        )

    # -- Qt's own ------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Share out the window among the docks once its size is known."""
        super().showEvent(event)
        if not self._is_restored:
            self._is_restored = True
            self.layout_of_docks.share_out()
        self.grid.view.setFocus()  # arrows move from the start

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files and folders."""
        if dropped_paths(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open files, watch folders."""
        event.acceptProposedAction()
        self.opener.open_paths(dropped_paths(event.mimeData()))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop looking, close what belongs to the window, announce it."""
        self.bridge.stop()
        self.remember_layout()
        self.dialogs.close()
        super().closeEvent(event)
        self.closed.emit()
