"""Where frames come from: open, watch, demo; a row a run; files that wait or were refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PyQt5.QtCore import QEvent, QPoint, Qt, pyqtSignal
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QHeaderView,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from spi_viewer.gui.run_model import ALL_RUNS, RunModel
from spi_viewer.gui.theme import scaled_font, theme_of

if TYPE_CHECKING:
    from spi_viewer.pipeline_status import PipelineStatus
    from spi_viewer.session.runs import Counts, RunSummary

_MAX_PROBLEMS_SHOWN = 200
_MAX_LINES = 2


class SourcePanel(QWidget):
    """Buttons, runs and troubled files.

    Signals:
        open_requested, watch_requested, demo_requested: a button was pressed.
        run_selected: run id, or None for all runs together.
        close_run_requested: run id whose reading shall stop.
    """

    open_requested = pyqtSignal()
    watch_requested = pyqtSignal()
    demo_requested = pyqtSignal()
    run_selected = pyqtSignal(object)
    close_run_requested = pyqtSignal(int)

    def __init__(self, demo_available: bool = True) -> None:
        super().__init__()
        self.model = RunModel(self)
        self.table = QTableView()
        self.troubles = QListWidget()
        self._trouble_texts: list[str] = []
        self._set_up_table()
        self._set_up_troubles()
        self._lay_out(self._make_buttons(demo_available))
        self.model.set_theme(theme_of(self.palette()))

    def show_runs(self, runs: list[RunSummary], total: Counts, selected: int | None) -> None:
        """Show the runs, all of them together, and mark the selected one (None: all)."""
        self.model.set_runs(runs, total)
        row = self.model.row_of(ALL_RUNS if selected is None else selected)
        chosen = self.table.selectionModel()
        with _Quiet(chosen):
            if row < 0:
                self.table.clearSelection()
            elif not chosen.isRowSelected(row, self.table.rootIndex()):
                self.table.selectRow(row)
        self.table.viewport().update()

    def show_status(self, status: PipelineStatus) -> None:
        """List files that wait (retried quietly) and files that were refused."""
        texts = [f"◌ {Path(path).name}: {why}" for path, why in status.waiting]
        texts += [_problem_text(problem) for problem in reversed(status.problems)]
        texts = texts[:_MAX_PROBLEMS_SHOWN]
        if texts == self._trouble_texts:
            return
        self._trouble_texts = texts
        self.troubles.clear()
        for text in texts:
            item = QListWidgetItem(text)
            item.setToolTip(text)
            self.troubles.addItem(item)
        line_px = int(1.5 * self.fontMetrics().height())
        self.troubles.setFixedHeight(line_px * min(_MAX_LINES, len(texts)) + 4)
        self.troubles.setVisible(bool(texts))

    def _make_buttons(self, demo_available: bool) -> list[QPushButton]:
        buttons = []
        for text, tip, signal in (
            ("Open…", "Open run files (Ctrl+O)", self.open_requested),
            ("Watch…", "Watch a folder where files arrive (Ctrl+W)", self.watch_requested),
            ("Demo", "Replay the bundled demo run (Ctrl+D)", self.demo_requested),
        ):
            button = QPushButton(text)
            button.setToolTip(tip)
            button.setFocusPolicy(Qt.TabFocus)  # after a click, arrows still move
            button.clicked.connect(lambda _checked, wanted=signal: wanted.emit())
            buttons.append(button)
        buttons[2].setEnabled(demo_available)
        return buttons

    def _set_up_table(self) -> None:
        table = self.table
        table.setModel(self.model)
        table.setSelectionBehavior(QAbstractItemView.SelectRows)
        table.setSelectionMode(QAbstractItemView.SingleSelection)
        table.setShowGrid(False)
        table.setFont(scaled_font(self.font(), 0.95))
        table.horizontalHeader().setFont(scaled_font(self.font(), 0.85))
        table.setWordWrap(False)
        table.setTextElideMode(Qt.ElideMiddle)  # run names differ at their ends
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(int(1.6 * self.fontMetrics().height()))
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(30)
        header.setSectionResizeMode(0, QHeaderView.Stretch)
        for column in (1, 2, 3):
            header.setSectionResizeMode(column, QHeaderView.ResizeToContents)
        table.setContextMenuPolicy(Qt.CustomContextMenu)
        table.customContextMenuRequested.connect(self._offer_run_menu)
        table.selectionModel().selectionChanged.connect(self._announce_selection)

    def _set_up_troubles(self) -> None:
        self.troubles.setFocusPolicy(Qt.ClickFocus)
        self.troubles.setTextElideMode(Qt.ElideRight)
        self.troubles.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        self.troubles.hide()

    def _lay_out(self, buttons: list[QPushButton]) -> None:
        row = QGridLayout()
        row.setSpacing(6)
        for column, button in enumerate(buttons):
            row.addWidget(button, 0, column)
        column_layout = QVBoxLayout(self)
        column_layout.setContentsMargins(8, 8, 8, 8)
        column_layout.setSpacing(6)
        column_layout.addLayout(row)
        column_layout.addWidget(self.table, 1)
        column_layout.addWidget(self.troubles)

    def _announce_selection(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        run = self.model.run_at(rows[0].row()) if rows else None
        if run is not None:
            self.run_selected.emit(None if run.run == ALL_RUNS else run.run)

    def _offer_run_menu(self, position: QPoint) -> None:
        run = self.model.run_at(self.table.indexAt(position).row())
        if run is None or run.run == ALL_RUNS:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WA_DeleteOnClose)
        stop = menu.addAction("Stop reading this run")
        stop.setEnabled(run.state.name in ("WAITING", "READING", "LIVE"))
        stop.triggered.connect(lambda: self.close_run_requested.emit(run.run))
        menu.popup(self.table.viewport().mapToGlobal(position))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.PaletteChange:
            self.model.set_theme(theme_of(self.palette()))
        super().changeEvent(event)


class _Quiet:
    """Within it, an object sends no signals: for changes that the operator did not make."""

    def __init__(self, source: object) -> None:
        self._source = source

    def __enter__(self) -> None:
        self._was_blocked = self._source.blockSignals(True)  # type: ignore[attr-defined]

    def __exit__(self, *_: object) -> None:
        self._source.blockSignals(self._was_blocked)  # type: ignore[attr-defined]


def _problem_text(problem: object) -> str:
    path, text = getattr(problem, "path", ""), getattr(problem, "text", str(problem))
    text = text.removeprefix(f"{path}: ")
    return f"⚠ {Path(path).name}: {text}" if path else f"⚠ {text}"
