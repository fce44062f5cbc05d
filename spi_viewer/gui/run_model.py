"""The runs of a session as a table: state, name, frames, good, hit rate."""

from __future__ import annotations

from typing import Any

from PyQt5.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from PyQt5.QtGui import QColor

from spi_viewer.gui.texts import format_count, format_interval, format_percent
from spi_viewer.gui.theme import DARK, Theme
from spi_viewer.session.runs import Counts, RunState, RunSummary

_COLUMNS = ("run", "frames", "good", "hit rate")
_SHAPES = {"WAITING": "◌", "READING": "▸", "LIVE": "●", "DONE": "✓", "FAILED": "⚠"}
_STATE_TEXTS = {
    "WAITING": "waiting for complete frames",
    "READING": "reading",
    "LIVE": "live",
    "DONE": "done",
    "FAILED": "refused",
}


ALL_RUNS = -1


def _all_runs(total: Counts) -> RunSummary:
    return RunSummary(ALL_RUNS, "all runs", "", "file", RunState.DONE, "", total)


class RunModel(QAbstractTableModel):
    """One row a run, the newest on top; a refused run gives its reason in the tool tip."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runs: list[RunSummary] = []
        self._theme = DARK

    def set_theme(self, theme: Theme) -> None:
        """Colour the states for this theme."""
        self._theme = theme
        self._announce_change(range(len(self._runs)))

    def set_runs(self, runs: list[RunSummary], total: Counts | None = None) -> None:
        """Replace the runs; a change of figures alone leaves a selection where it is.

        With several runs, `total` makes a first row for all of them, whose run is ALL_RUNS.
        """
        newest_first = list(reversed(runs))
        if total is not None and len(runs) > 1:
            newest_first.insert(0, _all_runs(total))
        if [run.run for run in newest_first] == [run.run for run in self._runs]:
            changed = [
                row
                for row, (old, new) in enumerate(zip(self._runs, newest_first, strict=True))
                if old != new
            ]
            self._runs = newest_first
            self._announce_change(changed)
            return
        self.beginResetModel()
        self._runs = newest_first
        self.endResetModel()

    def run_at(self, row: int) -> RunSummary | None:
        """The run in a row, None outside."""
        return self._runs[row] if 0 <= row < len(self._runs) else None

    def row_of(self, run: int) -> int:
        """The row of a run id, -1 if it is not there."""
        return next((row for row, entry in enumerate(self._runs) if entry.run == run), -1)

    def _announce_change(self, rows: Any) -> None:
        for row in rows:
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(_COLUMNS) - 1))

    def _text(self, run: RunSummary, column: int) -> str:
        counts = run.counts
        if column == 0:
            if run.run == ALL_RUNS:
                return f"Σ {run.name}"
            return f"{_SHAPES.get(run.state.name, ' ')} {run.name}"
        if run.state.name == "FAILED" and not counts.frames:
            return "refused" if column == 3 else "–"
        if column == 1:
            return format_count(counts.frames)
        if column == 2:
            return format_count(counts.good)
        if not counts.good + counts.bad:
            return "–"
        interval = format_interval(counts.hit_rate, counts.hit_rate_low, counts.hit_rate_high)
        if not interval.startswith("±"):
            return f"{format_percent(counts.hit_rate)} ({interval.removesuffix('%').rstrip()})"
        return f"{format_percent(counts.hit_rate).removesuffix('%').rstrip()} {interval}"

    def _tip(self, run: RunSummary) -> str:
        if run.run == ALL_RUNS:
            return "All runs together (Ctrl+0)"
        state = _STATE_TEXTS.get(run.state.name, run.state.name.lower())
        lines = [run.path, state + (f": {run.message}" if run.message else "")]
        return "\n".join(lines)

    def _colour(self, run: RunSummary, column: int) -> QColor | None:
        tones = {"FAILED": self._theme.bad, "WAITING": self._theme.unsure}
        if run.state.name == "LIVE" and column == 0:
            return QColor(self._theme.good)
        tone = tones.get(run.state.name)
        return QColor(tone) if tone else None

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Count of runs."""
        return 0 if parent is not None and parent.isValid() else len(self._runs)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Count of columns."""
        return 0 if parent is not None and parent.isValid() else len(_COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.DisplayRole
    ) -> Any:
        """Column captions."""
        if orientation != Qt.Horizontal:
            return None
        if role == Qt.DisplayRole:
            return _COLUMNS[section]
        if role == Qt.TextAlignmentRole:
            return int(Qt.AlignVCenter | (Qt.AlignLeft if section == 0 else Qt.AlignRight))
        return None

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> Any:
        """Text, alignment, colour and tool tip of a cell."""
        run = self.run_at(index.row()) if index.isValid() else None
        if run is None:
            return None
        if role == Qt.DisplayRole:
            return self._text(run, index.column())
        if role == Qt.TextAlignmentRole:
            return int(Qt.AlignVCenter | (Qt.AlignLeft if index.column() == 0 else Qt.AlignRight))
        if role == Qt.ForegroundRole:
            return self._colour(run, index.column())
        if role == Qt.ToolTipRole:
            return self._tip(run)
        return None
