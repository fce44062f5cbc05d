"""Writes the frames that were asked for, and tells how it goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PyQt5.QtCore import QTimer
from PyQt5.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from spi_viewer.gui.background_task import BackgroundTask
from spi_viewer.gui.export_form import ExportForm, ExportOrder
from spi_viewer.gui.theme import set_tone

if TYPE_CHECKING:
    from spi_viewer.exporting.cxi import ExportReport

ExportFrames = Callable[
    [ExportOrder, Callable[[int, int], None], Callable[[], bool]], "ExportReport"
]

_POLL_MS = 100
_COUNT_MS = 500
_CLOSE_PATIENCE_S = 10.0


class ExportDialog(QDialog):
    """Asks, exports on a thread of its own, reports; the window stays alive meanwhile.

    Args:
        form: which frames, and where to.
        export_frames: `(order, progress, cancelled) -> ExportReport`, called on the export's
            thread.
    """

    def __init__(
        self, form: ExportForm, export_frames: ExportFrames, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export frames")
        self.form = form
        self._export_frames = export_frames
        self._task: BackgroundTask[Any] | None = None
        self.progress = QProgressBar()
        self.report = QLabel()
        self.export = QPushButton("Export")
        self.cancel = QPushButton("Close")
        self._lay_out()
        self.form.checked.connect(self._allow_export)
        self.export.clicked.connect(self.start_export)
        self.cancel.clicked.connect(self.cancel_or_close)
        self._count_timer, self._poll_timer = QTimer(self), QTimer(self)
        self._count_timer.timeout.connect(self.form.show_counts)
        self._poll_timer.timeout.connect(self._look_at_task)
        self._count_timer.start(_COUNT_MS)
        self._show_whether_exporting()

    @property
    def is_exporting(self) -> bool:
        """True while frames are being written."""
        return self._task is not None

    def start_export(self) -> None:
        """Write the chosen frames; the rows are fixed now."""
        order = self.form.order()

        def job(progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> Any:
            return self._export_frames(order, progress, cancelled)

        self._task = BackgroundTask(job, "export")
        self._task.start()
        self._poll_timer.start(_POLL_MS)
        self.progress.setRange(0, max(1, len(order.rows)))
        self.progress.setValue(0)
        self._say("", "")
        self._show_whether_exporting()

    def cancel_or_close(self) -> None:
        """Stop the export, or close the dialog when there is none."""
        if self._task is None:
            self.close()
        else:
            self._task.cancel()
            self._say("stopping…", "muted")

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.export)
        self.export.setDefault(True)
        self.report.setWordWrap(True)
        self.progress.hide()
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addWidget(self.form)
        column.addWidget(self.progress)
        column.addWidget(self.report)
        column.addStretch(1)
        column.addLayout(buttons)
        self.setMinimumWidth(36 * self.fontMetrics().averageCharWidth() * 2)

    def _show_whether_exporting(self) -> None:
        self.form.lock(self.is_exporting)
        self.progress.setVisible(self.is_exporting)
        self.cancel.setText("Cancel" if self.is_exporting else "Close")

    def _allow_export(self) -> None:
        self.export.setEnabled(self.form.is_complete and not self.is_exporting)

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
        self._show_whether_exporting()

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
