"""Which frames to write, where to, and how it went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import QTimer
from PyQt5.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from spi_viewer.gui.background_task import BackgroundTask
from spi_viewer.gui.texts import format_count
from spi_viewer.gui.theme import set_tone

if TYPE_CHECKING:
    from spi_viewer.exporting.cxi import ExportReport

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ExportOrder:
    """What the user asked for.

    Attributes:
        policy: whose word chose the rows; one of POLICIES.
        overwrite: the user agreed to replace the file that is there.
    """

    rows: Rows
    destination: Path
    overwrite: bool
    policy: str


ExportFrames = Callable[
    [ExportOrder, Callable[[int, int], None], Callable[[], bool]], "ExportReport"
]

_POLL_MS = 100
_COUNT_MS = 500
_CLOSE_PATIENCE_S = 10.0
POLICIES = (
    ("network", "Good by the network"),
    ("operator", "Good by your labels"),
    ("final", "Good by your label, else by the network"),
    ("selection", "The frames selected in the grid"),
)


class ExportDialog(QDialog):
    """Asks, exports on a thread of its own, reports; the window stays alive meanwhile.

    Args:
        rows_of: session rows of a policy (see POLICIES), asked again and again for live counts.
        unsure_of: how many of these rows are worth a look first.
        export_frames: `(order, progress, cancelled) -> ExportReport`, called on the export's
            thread.
        directory: where the suggested file lies.
    """

    def __init__(
        self,
        rows_of: Callable[[str], Rows],
        unsure_of: Callable[[Rows], int],
        export_frames: ExportFrames,
        directory: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export frames")
        self._rows_of, self._unsure_of, self._export_frames = rows_of, unsure_of, export_frames
        self._task: BackgroundTask[Any] | None = None
        self.policies = QButtonGroup(self)
        self.counts: dict[str, QLabel] = {}
        self.destination = QLineEdit(str(Path(directory or Path.home()) / "good_frames.cxi"))
        self.browse = QPushButton("Browse…")
        self.overwrite = QCheckBox("Replace the file that is there")
        self.progress = QProgressBar()
        self.report = QLabel()
        self.export = QPushButton("Export")
        self.cancel = QPushButton("Close")
        self._lay_out()
        self._connect()
        self._count_timer, self._poll_timer = QTimer(self), QTimer(self)
        self._count_timer.timeout.connect(self._show_counts)
        self._poll_timer.timeout.connect(self._look_at_task)
        self._count_timer.start(_COUNT_MS)
        self._show_counts()
        self._check()

    @property
    def policy(self) -> str:
        """The chosen policy's name."""
        return POLICIES[self.policies.checkedId()][0]

    @property
    def is_exporting(self) -> bool:
        """True while frames are being written."""
        return self._task is not None

    def start_export(self) -> None:
        """Write the chosen frames; the rows are fixed now."""
        destination = Path(self.destination.text()).expanduser()
        order = ExportOrder(
            self._rows_of(self.policy), destination, self._may_overwrite(), self.policy
        )

        def job(progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> Any:
            return self._export_frames(order, progress, cancelled)

        self._task = BackgroundTask(job, "export")
        self._task.start()
        self._poll_timer.start(_POLL_MS)
        self.progress.setRange(0, max(1, len(order.rows)))
        self.progress.setValue(0)
        self._say("", "")
        self._check()

    def cancel_or_close(self) -> None:
        """Stop the export, or close the dialog when there is none."""
        if self._task is None:
            self.close()
        else:
            self._task.cancel()
            self._say("stopping…", "muted")

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setColumnStretch(0, 1)
        for number, (name, text) in enumerate(POLICIES):
            button, count = QRadioButton(text), QLabel("–")
            set_tone(count, "muted")
            self.policies.addButton(button, number)
            self.counts[name] = count
            grid.addWidget(button, number, 0)
            grid.addWidget(count, number, 1)
        self.policies.button(2).setChecked(True)
        where = QHBoxLayout()
        where.addWidget(self.destination, 1)
        where.addWidget(self.browse)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.export)
        self.export.setDefault(True)
        self.report.setWordWrap(True)
        self.progress.hide()
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addWidget(QLabel("Frames"))
        column.addLayout(grid)
        column.addWidget(QLabel("To file (CXI)"))
        column.addLayout(where)
        column.addWidget(self.overwrite)
        column.addWidget(self.progress)
        column.addWidget(self.report)
        column.addStretch(1)
        column.addLayout(buttons)
        self.setMinimumWidth(36 * self.fontMetrics().averageCharWidth() * 2)

    def _connect(self) -> None:
        self.policies.buttonClicked.connect(self._check)
        self.destination.textChanged.connect(self._check_new_destination)
        self.overwrite.toggled.connect(self._check)
        self.browse.clicked.connect(self._browse)
        self.export.clicked.connect(self.start_export)
        self.cancel.clicked.connect(self.cancel_or_close)

    def _show_counts(self) -> None:
        if self._task is not None:
            return
        for name, label in self.counts.items():
            rows = self._rows_of(name)
            text = "1 frame" if len(rows) == 1 else f"{format_count(len(rows))} frames"
            unsure = self._unsure_of(rows)
            label.setText(f"{text}, {format_count(unsure)} unsure" if unsure else text)
        self._check()

    def _may_overwrite(self) -> bool:
        return not self.overwrite.isHidden() and self.overwrite.isChecked()

    def _check(self) -> None:
        """Allow what is possible now; ask before a file that is there is replaced."""
        working = self._task is not None
        target = Path(self.destination.text()).expanduser()
        exists = bool(self.destination.text()) and target.is_file()
        self.overwrite.setVisible(exists and not working)
        if not exists:
            self.overwrite.setChecked(False)
        refused = exists and not self.overwrite.isChecked()
        has_name = bool(self.destination.text().strip()) and not target.is_dir()
        has_rows = not self.counts[self.policy].text().startswith("0 ")
        self.export.setEnabled(not working and has_name and has_rows and not refused)
        self.progress.setVisible(working)
        self.cancel.setText("Cancel" if working else "Close")
        for widget in (*self.policies.buttons(), self.destination, self.browse):
            widget.setEnabled(not working)

    def _check_new_destination(self) -> None:
        # Consent to replace one file is no consent to replace another.
        self.overwrite.setChecked(False)
        self._check()

    def _browse(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(
            self,
            "Export to",
            self.destination.text(),
            "CXI files (*.cxi);;HDF5 files (*.h5)",
            options=QFileDialog.DontConfirmOverwrite,  # the dialog's own box asks
        )
        if chosen:
            self.destination.setText(chosen if Path(chosen).suffix else f"{chosen}.cxi")

    def _look_at_task(self) -> None:
        task = self._task
        if task is None:
            return
        self.progress.setMaximum(max(1, task.total or self.progress.maximum()))
        self.progress.setValue(task.done)
        if not task.is_done:
            return
        self._poll_timer.stop()
        self._task = None
        if task.error is None:
            self._say(_report_text(task.result), "good")
        elif task.is_cancelled:
            self._say("Cancelled. No file was written.", "muted")
        else:
            self._say(f"Not exported: {task.error}", "bad")
        self._check()

    def _say(self, text: str, tone: str) -> None:
        set_tone(self.report, tone)
        self.report.setText(text)

    def reject(self) -> None:
        """Close, by the button, by Escape or by the window's frame."""
        self._stop()
        super().reject()

    def _stop(self) -> None:
        """Ask the export to stop and wait for it: nothing half-written stays behind."""
        self._count_timer.stop()
        self._poll_timer.stop()
        if self._task is not None:
            self._task.cancel()
            self._task.wait(_CLOSE_PATIENCE_S)
            self._task = None


def _report_text(report: Any) -> str:
    summary = getattr(report, "summary", None)
    return str(summary() if callable(summary) else summary or report)
