"""The model made to fit a run: with whose labels, where to, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt5.QtCore import QTimer, pyqtSignal
from PyQt5.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from spi_viewer.gui.background_task import BackgroundTask
from spi_viewer.gui.texts import format_count
from spi_viewer.gui.theme import set_tone

if TYPE_CHECKING:
    from spi_viewer.adapt_run import AdaptationReport


@dataclass(frozen=True, slots=True)
class AdaptationOrder:
    """What the user asked for.

    Attributes:
        folder: for the adapted model.
        use_labels: fit to the operator's labels and judge by them.
    """

    folder: Path
    use_labels: bool


AdaptModel = Callable[[AdaptationOrder, Callable[[], bool]], "AdaptationReport"]

ENOUGH_LABELS = 5  # of each kind: part of them is held out to judge by
_POLL_MS = 100
_COUNT_MS = 500
_CLOSE_PATIENCE_S = 15.0
_TEXT = (
    "A detector or a sample that the network never saw makes it less sure than it could be. Its "
    "normalisation is measured anew on 256 frames of this run; with your labels it also learns "
    "to tell your good frames from your bad ones. The old model stays as it is."
)


class AdaptDialog(QDialog):
    """Asks, adapts in the background, shows before and after, and offers what came of it.

    Args:
        model: name of the model to adapt.
        folder: suggested for the adapted one.
        label_counts: how many good and bad labels there are, asked again and again.
        adapt: `(order, cancelled) -> AdaptationReport`, called on a thread of its own.

    Signals:
        model_chosen(str): judge with the model in this folder.
    """

    model_chosen = pyqtSignal(str)

    def __init__(
        self,
        model: str,
        folder: Path,
        label_counts: Callable[[], tuple[int, int]],
        adapt: AdaptModel,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Adapt {model}")
        self._label_counts, self._adapt = label_counts, adapt
        self._task: BackgroundTask[AdaptationReport] | None = None
        self._written: Path | None = None
        self.use_labels = QCheckBox()
        self.use_labels.setChecked(True)
        self.folder = QLineEdit(str(folder))
        self.browse = QPushButton("Browse…")
        self.progress = QProgressBar()
        self.report = QLabel()
        self.start = QPushButton("Adapt")
        self.judge = QPushButton("Judge with it")
        self.cancel = QPushButton("Close")
        self._lay_out()
        self._connect()
        self._count_timer, self._poll_timer = QTimer(self), QTimer(self)
        self._count_timer.timeout.connect(self._check)
        self._poll_timer.timeout.connect(self._look_at_task)
        self._count_timer.start(_COUNT_MS)
        self._check()

    @property
    def is_adapting(self) -> bool:
        """True while the adaptation runs."""
        return self._task is not None

    def start_adapting(self) -> None:
        """Adapt with what is asked for now."""
        wants_labels = self.use_labels.isEnabled() and self.use_labels.isChecked()
        order = AdaptationOrder(self._target(), wants_labels)
        self._task = BackgroundTask(lambda _, cancelled: self._adapt(order, cancelled), "adapt")
        self._written = None
        self._task.start()
        self._poll_timer.start(_POLL_MS)
        self._say("", "")
        self._check()

    def cancel_or_close(self) -> None:
        """Stop the adaptation, or close the dialog when there is none."""
        if self._task is None:
            self.close()
        else:
            self._task.cancel()
            self._say("stopping…", "muted")

    def _lay_out(self) -> None:
        text = QLabel(_TEXT)
        for label in (text, self.report):
            label.setWordWrap(True)
        set_tone(text, "muted")
        where = QHBoxLayout()
        where.addWidget(self.folder, 1)
        where.addWidget(self.browse)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for button in (self.cancel, self.start, self.judge):
            buttons.addWidget(button)
        self.start.setDefault(True)
        self.progress.setRange(0, 0)  # it does not say how far it is
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addWidget(text)
        column.addWidget(self.use_labels)
        column.addWidget(QLabel("New model's folder"))
        column.addLayout(where)
        column.addWidget(self.progress)
        column.addWidget(self.report)
        column.addStretch(1)
        column.addLayout(buttons)
        self.setMinimumWidth(76 * self.fontMetrics().averageCharWidth())

    def _connect(self) -> None:
        self.folder.textChanged.connect(self._check)
        self.browse.clicked.connect(self._browse)
        self.start.clicked.connect(self.start_adapting)
        self.judge.clicked.connect(self._judge_with_it)
        self.cancel.clicked.connect(self.cancel_or_close)

    def _target(self) -> Path:
        return Path(os.path.expanduser(self.folder.text().strip()))  # raises for no name

    def _check(self) -> None:
        """Allow what is possible now."""
        working = self._task is not None
        good, bad = self._label_counts()
        enough = min(good, bad) >= ENOUGH_LABELS
        self.use_labels.setText(
            f"Use your labels: {format_count(good)} good, {format_count(bad)} bad"
            + ("" if enough else f" (at least {ENOUGH_LABELS} of each; G and B label)")
        )
        self.use_labels.setEnabled(enough and not working)
        holds_a_model = os.path.lexists(self._target() / "model.json")
        is_new = bool(self.folder.text().strip()) and not holds_a_model
        self.start.setEnabled(is_new and not working)
        self.start.setToolTip("There is a model in this folder already" if holds_a_model else "")
        self.judge.setVisible(self._written is not None)
        self.progress.setVisible(working)
        self.cancel.setText("Cancel" if working else "Close")
        for widget in (self.folder, self.browse):
            widget.setEnabled(not working)

    def _browse(self) -> None:
        above = str(self._target().parent)
        chosen = QFileDialog.getExistingDirectory(self, "Folder for the new model", above)
        if chosen:
            self.folder.setText(str(Path(chosen) / self._target().name))

    def _look_at_task(self) -> None:
        task = self._task
        if task is None or not task.is_done:
            return
        self._poll_timer.stop()
        self._task = None
        if task.result is not None:
            self._show_report(task.result)
        elif task.is_cancelled:
            self._say("Cancelled. The old model stays.", "muted")
        else:
            self._say(f"Not adapted: {task.error}", "bad")
        self._check()

    def _show_report(self, report: AdaptationReport) -> None:
        self._written = self._target() if report.is_written else None
        self._say(report.text, "good" if report.is_written else "muted")
        if self._written is not None:
            self.judge.setFocus()

    def _judge_with_it(self) -> None:
        if self._written is not None:
            self.model_chosen.emit(str(self._written))
            self.close()

    def _say(self, text: str, tone: str) -> None:
        set_tone(self.report, tone)
        self.report.setText(text)
        self.layout().activate()
        needed = self.layout().totalHeightForWidth(self.width())
        self.resize(self.width(), max(self.height(), needed))

    def reject(self) -> None:
        """Close, by the button, by Escape or by the window's frame."""
        self._stop()
        super().reject()

    def _stop(self) -> None:
        """End the adaptation and wait for it."""
        self._count_timer.stop()
        self._poll_timer.stop()
        if self._task is not None:
            self._task.cancel()
            self._task.wait(_CLOSE_PATIENCE_S)
            self._task = None
