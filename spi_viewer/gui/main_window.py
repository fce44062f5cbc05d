"""The window: makes the views and puts them in their places.

`wiring` connects them, `decisions` carries out what the operator decides, `dialogs` holds the
windows beside this one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QShowEvent
from PyQt5.QtWidgets import QApplication, QLabel, QMainWindow

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
from spi_viewer.gui.run_opener import RunOpener, dropped_paths
from spi_viewer.gui.score_panel import ScorePanel
from spi_viewer.gui.session_figures import SessionFigures
from spi_viewer.gui.source_panel import SourcePanel
from spi_viewer.gui.status_bar import StatusStrip
from spi_viewer.gui.texts import format_count, idle_text
from spi_viewer.gui.theme import apply_theme, set_tone
from spi_viewer.gui.thumbnail_grid import ThumbnailGrid
from spi_viewer.gui.window_layout import Panel, WindowLayout
from spi_viewer.gui.wiring import connect_actions, connect_views

if TYPE_CHECKING:
    from spi_viewer.gui.session_adaptation import SessionAdaptation
    from spi_viewer.inspection import Inspection
    from spi_viewer.inspector import Inspector
    from spi_viewer.pipeline import Pipeline
    from spi_viewer.pipeline_status import PipelineStatus, UnjudgedFrame
    from spi_viewer.session.session import Session
    from spi_viewer.settings import Settings

_MESSAGE_MS = 6000
_HINTS = (
    "G good    B bad    U unlabel    ← → move    Space next unsure    P play    "
    "Ctrl+E export    ? all keys"
)


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
        self._session, self._pipeline, self._inspector = session, pipeline, inspector
        self._settings, self._models = settings, models
        self._run: int | None = None
        self._explained: Inspection | None = None
        self._was_judging_again = False
        self.bridge = Bridge(session, pipeline, inspector)
        self.follow = LiveFollow(session, pipeline.newest_unjudged)
        self.opener = RunOpener(pipeline, settings, start_demo, self)
        self.dialogs = Dialogs(self, session, settings, export_frames, adaptation, models)
        self._make_views()
        self.decisions = Decisions(
            session, pipeline, inspector, self.follow, self.grid, lambda: self.pattern.drawn
        )
        self.actions_by_name = Actions(self)
        self._lay_out()
        self._fill_menus()
        connect_views(self)
        connect_actions(self)
        self.actions_by_name["demo"].setEnabled(self.opener.has_demo)
        self.actions_by_name["light"].setChecked(settings.theme == "light")
        self.setAcceptDrops(True)
        self.show_following(True)
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

    def inspect_row(self, row: int) -> None:
        """Have a frame read and explained."""
        self._inspector.request(row)

    def inspect_unjudged(self, frame: UnjudgedFrame) -> None:
        """Have a frame read and explained before its turn."""
        self._inspector.request(frame)

    def explain_drawn(self, inspection: Inspection | None) -> None:
        """Explain the pattern that is on the screen: one never contradicts the other."""
        if inspection is not self._explained:
            self._explained = inspection
            self.activation.show_inspection(inspection)

    def go_with_drawn(self, inspection: Inspection | None) -> None:
        """Describe that frame and, while the newest is followed, have the grid go along."""
        self.frame_info.show_inspection(inspection)
        row = inspection.row if inspection is not None else None
        if row is not None and self.follow.is_following:
            self.grid.select_row(row)

    def show_idle_reason(self) -> None:
        """Say in the middle why there is no frame yet, and what to do about it."""
        if self.pattern.drawn is None:
            has_runs = bool(self._session.runs())
            self.pattern.show_idle_text(idle_text(self._pipeline.status(), has_runs))

    def show_following(self, following: bool) -> None:
        """Say whether the newest frame is shown."""
        self.actions_by_name["follow"].setChecked(following)
        self.badge.show_following(following)

    def show_playing(self, playing: bool) -> None:
        """Say whether a film runs."""
        self.actions_by_name["play"].setChecked(playing)
        self.say("▶ playing; P stops" if playing else "")

    def show_judging_again(self, status: PipelineStatus) -> None:
        """Check the action while frames are judged again, and show what came of it at the end."""
        is_judging = status.judging_again is not None
        self.actions_by_name["judge_again"].setChecked(is_judging)
        if self._was_judging_again and not is_judging and self.follow.row is not None:
            self.inspect_row(self.follow.row)
        self._was_judging_again = is_judging

    def show_label_state(self) -> None:
        """Offer undo and redo where there is something to do; say if nothing can be kept."""
        self.actions_by_name["undo"].setEnabled(self._session.can_undo)
        self.actions_by_name["redo"].setEnabled(self._session.can_redo)
        if self._session.problem:
            self.say(f"⚠ {self._session.problem}")

    def say(self, text: str) -> None:
        """Put a message into the status line for a while."""
        self.statusBar().showMessage(text, _MESSAGE_MS)

    def export(self) -> None:
        """Open the export dialog, or raise the one that is open."""
        self.dialogs.export(self._run, self.grid)

    def adapt(self) -> None:
        """Open the adaptation dialog, or raise the one that is open."""
        self.dialogs.adapt(self._run, self._judge_all_with)

    def show_keys(self) -> None:
        """List all keys."""
        views = {
            "Pattern": self.pattern,
            "Why": self.activation,
            "Frame info": self.frame_info,
            "Grid": self.grid,
        }
        self.dialogs.show_keys(self.actions_by_name, views)

    # -- how it looks --------------------------------------------------------------------------

    def use_settings(self, edited: Settings) -> None:
        """Take over what the settings dialog changed."""
        for name in ("theme", "read_timeout_s", "thumbnail_size_px"):
            setattr(self._settings, name, getattr(edited, name))
        self.wear(edited.theme)
        self.grid.view.set_picture_px(edited.thumbnail_size_px)
        self.judge_with(edited.model)

    def judge_with(self, model: str) -> None:
        """Judge from now on with another bundled model or model folder, and remember it."""
        if self._models.ask(model):
            self._settings.model = model
            self.say("The other model judges the frames that come now; Ctrl+J: the others, too")

    def _judge_all_with(self, model: str) -> None:
        """Judge the selected run's frames so far with another model, too."""
        self.judge_with(model)
        self.decisions.judge_again(True)

    def appear(self) -> None:
        """Show it where it was last, the first time as large as the screen allows.

        Maximised, for only the window manager knows how much its frame takes.
        """
        if self._is_restored:
            self.show()
        else:
            self.showMaximized()

    def wear(self, theme: str) -> None:
        """Change to another theme and remember it."""
        self._settings.theme = theme
        self.actions_by_name["light"].setChecked(theme == "light")
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        apply_theme(application, theme)

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
        self.embedding = EmbeddingView(self._session, self._pipeline.features)
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
        hints = QLabel(_HINTS)
        set_tone(hints, "muted")
        self.statusBar().addWidget(hints)
        self.statusBar().addPermanentWidget(self.badge)
        self.statusBar().setSizeGripEnabled(False)
        self.setContentsMargins(4, 0, 4, 0)
        self.resize(QApplication.primaryScreen().availableSize())
        self.layout_of_docks = WindowLayout(self, self._panels())
        self.layout_of_docks.add_strip(self.strip)
        self._is_restored = self.layout_of_docks.restore(
            self._settings.window_geometry, self._settings.window_layout
        )

    def _panels(self) -> tuple[Panel, ...]:
        left, right = Qt.LeftDockWidgetArea, Qt.RightDockWidgetArea
        return (
            Panel("sources", "Sources", self.sources, left, 0.22, 330),
            Panel("hit_rate", "Hit rate", self.counts, left, 0.22, 330),
            Panel("why", "Why", self.activation, right, 0.32),
            Panel("scores", "Scores", self.scores, right, 0.32),
            Panel("embedding", "Embedding", self.embedding, right, 0.32),
            Panel("frame_info", "Frame info", self.frame_info, right, 0.32),
            Panel("thumbnails", "Frames", self.grid, Qt.BottomDockWidgetArea, 0.36),
        )

    def _fill_menus(self) -> None:
        for title, actions in self.actions_by_name.by_menu().items():
            menu = self.menuBar().addMenu(f"&{title}")
            menu.addActions(actions)
            if title == "File":
                recent = menu.addMenu("Open &recent")
                menu.insertMenu(actions[3], recent)
                menu.insertSeparator(actions[3])
                menu.insertSeparator(actions[-1])
                recent.aboutToShow.connect(partial(self.opener.fill_recent_menu, recent))
            if title == "View":
                menu.addSeparator()
                for dock in self.layout_of_docks.docks.values():
                    menu.addAction(dock.toggleViewAction())

    # -- Qt's own ------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Share out the window among the docks once its size is known."""
        super().showEvent(event)
        if not self._is_restored:
            self._is_restored = True
            self.layout_of_docks.share_out()

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
