from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PyQt5.QtCore import Qt
from pytestqt.qtbot import QtBot

from spi_viewer.errors import ExportCancelledError, ExportError
from spi_viewer.gui.export_dialog import ExportDialog
from spi_viewer.gui.export_form import ExportForm, ExportOrder

ROWS = {"network": 30, "operator": 0, "final": 31, "selection": 2}


class FakeExport:
    """Writes frame by frame, as fast as the test lets it."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.orders: list[ExportOrder] = []
        self.error: Exception | None = None

    def __call__(
        self,
        order: ExportOrder,
        progress: Callable[[int, int], None],
        cancelled: Callable[[], bool],
    ) -> str:
        self.orders.append(order)
        progress(1, len(order.rows))
        while not self.go_on.wait(0.01):
            if cancelled():
                raise ExportCancelledError("cancelled")
        if self.error:
            raise self.error
        progress(len(order.rows), len(order.rows))
        return f"{len(order.rows)} frames written"


@pytest.fixture
def export() -> FakeExport:
    return FakeExport()


def _unsure(rows: np.ndarray) -> int:
    return 3 if len(rows) == ROWS["final"] else 0


@pytest.fixture
def dialog(qtbot: QtBot, export: FakeExport, tmp_path: Path) -> ExportDialog:
    form = ExportForm(lambda name: np.arange(ROWS[name]), _unsure, str(tmp_path))
    made = ExportDialog(form, export)
    qtbot.addWidget(made, before_close_func=lambda _: export.go_on.set())
    made.show()
    return made


def test_each_policy_shows_how_many_frames_it_means(dialog: ExportDialog) -> None:
    assert {name: label.text() for name, label in dialog.form.counts.items()} == {
        name: f"{count} frames" + (", 3 unsure" if name == "final" else "")
        for name, count in ROWS.items()
    }


def test_a_policy_without_frames_cannot_be_exported(dialog: ExportDialog) -> None:
    dialog.form.policies.button(1).click()
    assert not dialog.export.isEnabled()
    dialog.form.policies.button(0).click()
    assert dialog.export.isEnabled()


def test_progress_is_shown_and_the_report_at_the_end(
    qtbot: QtBot, dialog: ExportDialog, export: FakeExport
) -> None:
    dialog.export.click()
    qtbot.waitUntil(lambda: dialog.progress.value() == 1)
    assert dialog.progress.isVisible()
    export.go_on.set()
    qtbot.waitUntil(lambda: not dialog.is_exporting)
    assert dialog.report.text() == "31 frames written"
    assert export.orders[0].policy == "final"
    assert not export.orders[0].overwrite


def test_cancelling_says_that_nothing_was_written(qtbot: QtBot, dialog: ExportDialog) -> None:
    dialog.export.click()
    dialog.cancel.click()
    qtbot.waitUntil(lambda: not dialog.is_exporting)
    assert "No file was written" in dialog.report.text()
    assert dialog.isVisible()


def test_a_failed_export_says_why(qtbot: QtBot, dialog: ExportDialog, export: FakeExport) -> None:
    export.error = ExportError("the disk is full")
    export.go_on.set()
    dialog.export.click()
    qtbot.waitUntil(lambda: not dialog.is_exporting)
    assert "the disk is full" in dialog.report.text()


def test_an_unexpected_error_is_reported_too(
    qtbot: QtBot, dialog: ExportDialog, export: FakeExport
) -> None:
    export.error = ZeroDivisionError("oops")
    export.go_on.set()
    dialog.export.click()
    qtbot.waitUntil(lambda: not dialog.is_exporting)
    assert "ZeroDivisionError" in dialog.report.text()


def test_a_file_that_is_there_is_replaced_only_when_asked(
    qtbot: QtBot, dialog: ExportDialog, export: FakeExport, tmp_path: Path
) -> None:
    there = tmp_path / "there.cxi"
    there.touch()
    dialog.form.destination.setText(str(there))
    assert not dialog.export.isEnabled()
    assert dialog.form.overwrite.isVisible()
    dialog.form.overwrite.setChecked(True)
    assert dialog.export.isEnabled()
    export.go_on.set()
    dialog.export.click()
    qtbot.waitUntil(lambda: not dialog.is_exporting)
    assert export.orders[0].overwrite


def test_agreeing_to_replace_one_file_does_not_hold_for_another(
    dialog: ExportDialog, tmp_path: Path
) -> None:
    for name in ("one.cxi", "two.cxi"):
        (tmp_path / name).touch()
    dialog.form.destination.setText(str(tmp_path / "one.cxi"))
    dialog.form.overwrite.setChecked(True)
    dialog.form.destination.setText(str(tmp_path / "two.cxi"))
    assert not dialog.export.isEnabled()


@pytest.mark.parametrize("name", ["~no-such-user/good.cxi", "/root/" + "x" * 300, "a/" * 3000])
def test_an_odd_path_is_no_fault_while_it_is_typed(dialog: ExportDialog, name: str) -> None:
    dialog.form.destination.setText(name)
    assert dialog.form.is_complete


def test_closing_during_an_export_ends_it_first(
    qtbot: QtBot, dialog: ExportDialog, export: FakeExport
) -> None:
    dialog.export.click()
    dialog.close()
    assert not dialog.is_exporting
    assert not [thread for thread in threading.enumerate() if thread.name == "export"]


@pytest.mark.parametrize("way", ["button", "escape", "frame"])
def test_it_closes(qtbot: QtBot, dialog: ExportDialog, way: str) -> None:
    ways = {
        "button": dialog.cancel.click,
        "escape": lambda: qtbot.keyClick(dialog, Qt.Key_Escape),
        "frame": dialog.close,
    }
    with qtbot.waitSignal(dialog.finished):
        ways[way]()
    assert not dialog.isVisible()
