"""Which frames to write, and where to."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from spi_viewer.gui.texts import format_count
from spi_viewer.gui.theme import set_tone

Rows = NDArray[np.int64]

POLICIES = (
    ("network", "Good by the network"),
    ("operator", "Good by your labels"),
    ("final", "Good by your label, else by the network"),
    ("selection", "The frames selected in the grid"),
)


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


class ExportForm(QWidget):
    """Asks for a policy and a file, and before a file that is there is replaced.

    Args:
        rows_of: session rows of a policy (see POLICIES), asked again and again for live counts.
        unsure_of: how many of these rows are worth a look first.
        directory: where the suggested file lies.

    Attributes:
        is_complete: True when there are frames to write and a file that may be written.

    Signals:
        checked: the answers were looked at again; is_complete may have changed.
    """

    checked = pyqtSignal()

    def __init__(
        self, rows_of: Callable[[str], Rows], unsure_of: Callable[[Rows], int], directory: str
    ) -> None:
        super().__init__()
        self._rows_of, self._unsure_of = rows_of, unsure_of
        self._is_locked = self.is_complete = False
        self.policies = QButtonGroup(self)
        self.counts: dict[str, QLabel] = {}
        self._has_rows: dict[str, bool] = {}
        self.destination = QLineEdit(str(Path(directory or Path.home()) / "good_frames.cxi"))
        self.browse = QPushButton("Browse…")
        self.overwrite = QCheckBox("Replace the file that is there")
        self._lay_out()
        self.policies.buttonClicked.connect(self._check)
        self.destination.textChanged.connect(self._check_new_destination)
        self.overwrite.toggled.connect(self._check)
        self.browse.clicked.connect(self._browse)
        self.show_counts()

    def order(self) -> ExportOrder:
        """The answers as they are now, with the rows that they mean now."""
        policy = self._policy()
        may_overwrite = not self.overwrite.isHidden() and self.overwrite.isChecked()
        return ExportOrder(self._rows_of(policy), self._target(), may_overwrite, policy)

    def choose(self, policy: str) -> None:
        """Preset one of POLICIES, unless the frames are being written."""
        if not self._is_locked:
            names = [name for name, _ in POLICIES]
            self.policies.button(names.index(policy)).setChecked(True)
            self.show_counts()

    def lock(self, locked: bool) -> None:
        """Keep the answers as they are while they are carried out, or let them be changed again."""
        self._is_locked = locked
        for widget in (*self.policies.buttons(), self.destination, self.browse):
            widget.setEnabled(not locked)
        self._check()

    def show_counts(self) -> None:
        """Count the frames of each policy again, unless they are being written."""
        if self._is_locked:
            return
        for name, label in self.counts.items():
            rows = self._rows_of(name)
            self._has_rows[name] = len(rows) > 0
            text = "1 frame" if len(rows) == 1 else f"{format_count(len(rows))} frames"
            unsure = self._unsure_of(rows)
            label.setText(f"{text}, {format_count(unsure)} unsure" if unsure else text)
        self._check()

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
        self.policies.button([name for name, _ in POLICIES].index("final")).setChecked(True)
        where = QHBoxLayout()
        where.addWidget(self.destination, 1)
        where.addWidget(self.browse)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(QLabel("Frames"))
        column.addLayout(grid)
        column.addWidget(QLabel("To file (CXI)"))
        column.addLayout(where)
        column.addWidget(self.overwrite)

    def _policy(self) -> str:
        return POLICIES[self.policies.checkedId()][0]

    def _target(self) -> Path:
        return Path(os.path.expanduser(self.destination.text()))  # raises for no name at all

    def _check(self) -> None:
        target = self._target()
        exists = bool(self.destination.text()) and os.path.isfile(target)
        self.overwrite.setVisible(exists and not self._is_locked)
        if not exists:
            self.overwrite.setChecked(False)
        refused = exists and not self.overwrite.isChecked()
        has_name = bool(self.destination.text().strip()) and not os.path.isdir(target)
        has_rows = self._has_rows.get(self._policy(), False)
        self.is_complete = has_name and has_rows and not refused
        self.checked.emit()

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
            options=QFileDialog.DontConfirmOverwrite,  # the form's own box asks
        )
        if chosen:
            self.destination.setText(chosen if Path(chosen).suffix else f"{chosen}.cxi")
