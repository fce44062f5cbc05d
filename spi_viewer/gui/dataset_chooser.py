"""Asks which of several datasets holds the frames."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QListWidget,
    QVBoxLayout,
    QWidget,
)


class DatasetChooser(QDialog):
    """A list of candidates, the likeliest first and chosen already; not modal.

    Signals:
        dataset_chosen: path of the dataset inside the file.
    """

    dataset_chosen = pyqtSignal(str)

    def __init__(
        self, path: str, candidates: tuple[str, ...], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Which dataset holds the frames?")
        question = QLabel(
            f"Several datasets in {Path(path).name} could hold the frames. Which one is to be read?"
        )
        question.setWordWrap(True)
        question.setToolTip(path)
        self.list = QListWidget()
        self.list.addItems(candidates)
        self.list.setCurrentRow(0)
        self.list.itemDoubleClicked.connect(self.accept)
        buttons = QDialogButtonBox(QDialogButtonBox.Open | QDialogButtonBox.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(question)
        column.addWidget(self.list)
        column.addWidget(buttons)
        self.resize(70 * self.fontMetrics().averageCharWidth(), self.sizeHint().height())

    def accept(self) -> None:
        """Announce the choice."""
        chosen = self.list.currentItem()
        if chosen is not None:
            self.dataset_chosen.emit(chosen.text())
        super().accept()
