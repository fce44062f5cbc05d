"""The window: it puts the views together and connects them; siblings never talk directly."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QShowEvent
from PyQt5.QtWidgets import QAction, QApplication, QLabel, QMainWindow, QMessageBox

from spi_viewer import __version__
from spi_viewer.errors import SpiViewerError
from spi_viewer.frames import Crop, DecisionRule, OperatorLabel
from spi_viewer.gui.actions import GESTURES, Actions
from spi_viewer.gui.activation_panel import ActivationPanel
from spi_viewer.gui.bridge import Bridge
from spi_viewer.gui.counts_panel import CountsPanel
from spi_viewer.gui.export_dialog import ExportDialog, ExportFrames, Rows
from spi_viewer.gui.follow_badge import FollowBadge
from spi_viewer.gui.frame_info_panel import FrameInfoPanel
from spi_viewer.gui.help_window import HelpWindow
from spi_viewer.gui.keys_dialog import KeysDialog
from spi_viewer.gui.live_follow import LiveFollow
from spi_viewer.gui.pattern_view import PatternView
from spi_viewer.gui.run_opener import RunOpener, dropped_paths
from spi_viewer.gui.score_panel import ScorePanel
from spi_viewer.gui.session_figures import SessionFigures
from spi_viewer.gui.settings_dialog import SettingsDialog
from spi_viewer.gui.source_panel import SourcePanel
from spi_viewer.gui.status_bar import StatusStrip
from spi_viewer.gui.theme import apply_theme, set_tone
from spi_viewer.gui.thumbnail_grid import ThumbnailGrid
from spi_viewer.gui.window_layout import Panel, WindowLayout
from spi_viewer.session.session import ExportPolicy

if TYPE_CHECKING:
    from spi_viewer.inspector import Inspection, Inspector
    from spi_viewer.pipeline import Pipeline
    from spi_viewer.session.session import Session
    from spi_viewer.settings import Settings

_MESSAGE_MS = 6000
_HINTS = "G good    B bad    U unlabel    ← → move    Space next unsure    Ctrl+E export    ? keys"


class MainWindow(QMainWindow):
    """All views of one session.

    Args:
        export_frames: see ExportDialog.
        start_demo: starts the demo's writer and returns the folder to watch; None: no demo.
        models: names of the bundled models, for the settings.

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
        start_demo: Callable[[], Path] | None = None,
        models: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self._session, self._pipeline, self._inspector = session, pipeline, inspector
        self._settings, self._export_frames, self._models = settings, export_frames, models
        self._run: int | None = None
        self._export_dialog: ExportDialog | None = None
        self._help: HelpWindow | None = None
        self.bridge = Bridge(session, pipeline, inspector)
        self.follow = LiveFollow(session)
        self.opener = RunOpener(pipeline, settings, start_demo, self)
        self._make_views()
        self.actions_by_name = Actions(self)
        self._lay_out()
        self._fill_menus()
        self._connect_views()
        self._connect_actions()
        self.setAcceptDrops(True)
        self._show_following(True)
        self.bridge.start()

    # -- what is shown -------------------------------------------------------------------------

    def select_run(self, run: int | None) -> None:
        """Show the counts, charts and frames of one run, or of all (None)."""
        self._run = run
        self.follow.set_run(run)
        self.figures.set_run(run)
        self.grid.set_run(run)
        self.bridge.refresh()

    def show_row(self, row: int) -> None:
        """Stay on one frame."""
        self.follow.choose(row)

    def _show_wanted(self, row: int) -> None:
        self._inspector.request(row)
        if self.follow.is_following:
            self.grid.select_row(row)

    def _show_inspection(self, inspection: Inspection | None) -> None:
        for view in (self.pattern, self.activation, self.frame_info):
            view.show_inspection(inspection)

    def _show_following(self, following: bool) -> None:
        self.actions_by_name["follow"].setChecked(following)
        self.badge.show_following(following)

    def _show_label_state(self) -> None:
        self.actions_by_name["undo"].setEnabled(self._session.can_undo)
        self.actions_by_name["redo"].setEnabled(self._session.can_redo)
        if self._session.problem:
            self._say(f"⚠ {self._session.problem}")

    def _say(self, text: str) -> None:
        self.statusBar().showMessage(text, _MESSAGE_MS)

    # -- what the operator does ----------------------------------------------------------------

    def decide(self, label: OperatorLabel) -> None:
        """Label what is shown and go on; while following, that is the newest frame."""
        shown = self.follow.row
        try:
            if self.follow.is_following and shown is not None:
                self.follow.set_following(False)
                self.grid.select_row(shown)
                if self.grid.current_row != shown:  # the grid's filter leaves it out
                    self._session.label([shown], label)
                    return
            self.grid.decide(label)
        except SpiViewerError as error:
            self._say(f"⚠ not labelled: {error}")

    def undo(self) -> None:
        """Take the last decision back."""
        self._step_back(self._session.undo, "taken back")

    def redo(self) -> None:
        """Have the undone decision again."""
        self._step_back(self._session.redo, "labelled again")

    def export(self) -> None:
        """Open the export dialog, or raise the one that is open."""
        if self._export_dialog is None:
            name = "all runs" if self._run is None else self._session.runs()[self._run].name
            dialog = ExportDialog(
                self._rows_to_export, self._export_frames, self._settings.last_directory, self
            )
            dialog.setWindowTitle(f"Export frames of {name}")
            dialog.finished.connect(self._forget_export_dialog)
            self._export_dialog = dialog
        self._export_dialog.show()
        self._export_dialog.raise_()

    def edit_settings(self) -> None:
        """Ask for other settings and use them."""
        dialog = SettingsDialog(self._settings, self._models, self)
        dialog.setAttribute(Qt.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._use_settings(dialog.settings()))
        dialog.open()

    def show_keys(self) -> None:
        """List all keys."""
        groups = self.actions_by_name.by_menu()
        for title, view in (
            ("Pattern", self.pattern),
            ("Why", self.activation),
            ("Frame info", self.frame_info),
            ("Grid", self.grid),
        ):
            groups[title] = list(dict.fromkeys(view.findChildren(QAction)))
        dialog = KeysDialog(groups, GESTURES, self)
        dialog.setAttribute(Qt.WA_DeleteOnClose)
        dialog.show()

    def show_guide(self) -> None:
        """Open the guide."""
        if self._help is None:
            self._help = HelpWindow()
        self._help.show()
        self._help.raise_()

    def reset_layout(self) -> None:
        """Put all panels where they stand at first."""
        self.layout_of_docks.reset()

    def _step_back(self, step: Callable[[], np.ndarray], deed: str) -> None:
        try:
            rows = step()
        except SpiViewerError as error:
            self._say(f"⚠ {error}")
            return
        if len(rows):
            self._say(f"{len(rows)} frame{'s' if len(rows) > 1 else ''} {deed}")
            self.grid.refresh()
            self.grid.select_row(int(rows[0]))
            self.show_row(int(rows[0]))
        self._show_label_state()

    def _set_crop(self, crop: Crop | None) -> None:
        row = self.follow.row
        run = self._run if row is None else self._session.run_of(row)
        if run is not None:
            self._pipeline.set_crop(run, crop)
            self._inspector.set_crop(run, crop)
            if row is not None:
                self._inspector.request(row)
            where = "automatic again" if crop is None else "as you set it"
            self._say(f"Centre and crop {where} for the frames from now on")

    def _set_rule(self, rule: DecisionRule) -> None:
        self._session.set_rule(rule)
        self.strip.show_rule(rule)

    def _stop_run(self, run: int | None) -> None:
        if run is not None:
            self._pipeline.close_run(run)

    def _use_settings(self, edited: Settings) -> None:
        for name in ("theme", "model", "read_timeout_s", "thumbnail_size_px"):
            setattr(self._settings, name, getattr(edited, name))
        self._wear(edited.theme)
        self.grid.view.set_picture_px(edited.thumbnail_size_px)

    def _wear(self, theme: str) -> None:
        self._settings.theme = theme
        self.actions_by_name["light"].setChecked(theme == "light")
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        apply_theme(application, theme)

    def _rows_to_export(self, policy: str) -> Rows:
        if policy == "selection":
            return np.asarray(self.grid.selected_rows(), np.int64)
        return self._session.decided_rows(ExportPolicy(policy), self._run)

    def _forget_export_dialog(self) -> None:
        if self._export_dialog is not None:
            self._export_dialog.deleteLater()
            self._export_dialog = None

    def _show_about(self) -> None:
        QMessageBox.about(
            self,
            "SPI Viewer",
            f"<b>SPI Viewer {__version__}</b><p>Judges single-particle-imaging diffraction "
            "patterns while the run is going on.</p><p>GPL-3.0-or-later</p>",
        )

    # -- putting together ----------------------------------------------------------------------

    def _make_views(self) -> None:
        self.strip = StatusStrip()
        self.sources = SourcePanel(demo_available=self.opener.has_demo)
        self.counts = CountsPanel()
        self.pattern = PatternView(self._settings)
        self.activation = ActivationPanel()
        self.scores = ScorePanel(self._session.rule)
        self.frame_info = FrameInfoPanel()
        self.grid = ThumbnailGrid(self._session, self._settings)
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
        left, right, bottom = (
            Qt.LeftDockWidgetArea,
            Qt.RightDockWidgetArea,
            Qt.BottomDockWidgetArea,
        )
        panels = (
            Panel("sources", "Sources", self.sources, left, 0.22, 330),
            Panel("hit_rate", "Hit rate", self.counts, left, 0.22, 330),
            Panel("why", "Why", self.activation, right, 0.32),
            Panel("scores", "Scores", self.scores, right, 0.32),
            Panel("frame_info", "Frame info", self.frame_info, right, 0.32),
            Panel("thumbnails", "Frames", self.grid, bottom, 0.36),
        )
        self.layout_of_docks = WindowLayout(self, panels)
        self.layout_of_docks.add_strip(self.strip)
        self._is_restored = self.layout_of_docks.restore(
            self._settings.window_geometry, self._settings.window_layout
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

    def _connect_views(self) -> None:
        bridge, follow = self.bridge, self.follow
        bridge.status_changed.connect(self.strip.show_status)
        bridge.status_changed.connect(self.sources.show_status)
        bridge.status_changed.connect(self.opener.offer_choices)
        bridge.rows_changed.connect(self.grid.refresh)
        bridge.rows_changed.connect(self._show_label_state)
        bridge.counts_due.connect(self.figures.show_counts)
        bridge.charts_due.connect(self.figures.show_charts)
        bridge.inspection_changed.connect(self._show_inspection)
        bridge.ticked.connect(follow.look)
        follow.row_wanted.connect(self._show_wanted)
        follow.following_changed.connect(self._show_following)
        self.badge.following_requested.connect(follow.set_following)
        self.sources.open_requested.connect(self.opener.ask_for_files)
        self.sources.watch_requested.connect(self.opener.ask_for_folder)
        self.sources.demo_requested.connect(self.opener.start_demo)
        self.sources.run_selected.connect(self.select_run)
        self.sources.close_run_requested.connect(self._stop_run)
        self.opener.run_opened.connect(self.select_run)
        self.opener.refused.connect(self._say)
        self.counts.row_chosen.connect(self.show_row)
        self.counts.row_chosen.connect(self.grid.select_row)
        self.grid.current_row_changed.connect(self.show_row)
        self.grid.labels_changed.connect(self._show_label_state)
        self.grid.newest_requested.connect(lambda: follow.set_following(True))
        self.grid.export_requested.connect(self.export)
        self.pattern.crop_changed.connect(self._set_crop)
        self.pattern.colour_map_changed.connect(self.grid.set_colour_map)
        self.activation.label_requested.connect(self.decide)
        self.activation.activation_class_changed.connect(self.pattern.set_activation_class)
        self.scores.rule_changed.connect(self._set_rule)

    def _connect_actions(self) -> None:
        deeds: dict[str, Callable[[], object]] = {
            "open": self.opener.ask_for_files,
            "watch": self.opener.ask_for_folder,
            "demo": self.opener.start_demo,
            "stop_run": lambda: self._stop_run(self._run),
            "export": self.export,
            "settings": self.edit_settings,
            "quit": self.close,
            "label_good": lambda: self.decide(OperatorLabel.GOOD),
            "label_bad": lambda: self.decide(OperatorLabel.BAD),
            "label_none": lambda: self.decide(OperatorLabel.NONE),
            "undo": self.undo,
            "redo": self.redo,
            "previous": lambda: self.grid.step(-1),
            "next": lambda: self.grid.step(1),
            "next_unsure": self.grid.next_unsure,
            "all_runs": lambda: self.select_run(None),
            "reset_layout": self.reset_layout,
            "keys": self.show_keys,
            "guide": self.show_guide,
            "about": self._show_about,
        }
        for name, deed in deeds.items():
            self.actions_by_name[name].triggered.connect(lambda _checked, deed=deed: deed())
        states: dict[str, Callable[[bool], object]] = {
            "follow": self.follow.set_following,
            "follow_good": self.follow.set_only_good,
            "light": lambda light: self._wear("light" if light else "dark"),
            "full_screen": lambda full: self.showFullScreen() if full else self.showNormal(),
        }
        for name, use in states.items():
            self.actions_by_name[name].triggered.connect(use)
        self.actions_by_name["demo"].setEnabled(self.opener.has_demo)
        self.actions_by_name["light"].setChecked(self._settings.theme == "light")

    def remember_layout(self) -> None:
        """Put geometry and layout into the settings."""
        saved = self.layout_of_docks.save()
        self._settings.window_geometry, self._settings.window_layout = saved

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
        if self._export_dialog is not None:
            self._export_dialog.close()
        if self._help is not None:
            self._help.close()
        super().closeEvent(event)
        self.closed.emit()
