from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt5.QtCore import QTimer
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from spi_viewer.gui.error_dialog import ErrorDialog, ErrorReporter


@pytest.fixture
def reporter(qapp: QApplication, tmp_path: Path) -> Iterator[ErrorReporter]:
    made = ErrorReporter(tmp_path / "spi-viewer.log")
    made.install()
    yield made
    made.uninstall()


def _fail(text: str = "oops") -> None:
    raise ValueError(text)


def _report(reporter: ErrorReporter, error: Exception) -> None:
    try:
        raise error
    except type(error):
        reporter.report(*sys.exc_info())  # type: ignore[arg-type]


def _boxes(qapp: QApplication) -> list[ErrorDialog]:
    return [w for w in qapp.topLevelWidgets() if isinstance(w, ErrorDialog) and w.isVisible()]


def test_a_hundred_errors_make_one_box(qapp: QApplication, reporter: ErrorReporter) -> None:
    for number in range(100):
        _report(reporter, ValueError(f"error {number}"))
    assert len(_boxes(qapp)) == 1
    assert reporter.dialog is not None
    assert reporter.dialog.more_count == 99


def test_an_error_that_was_shown_is_not_shown_again(
    qapp: QApplication, reporter: ErrorReporter
) -> None:
    for _ in range(3):
        _report(reporter, ValueError("same place"))
        if reporter.dialog is not None:
            reporter.dialog.reject()
    assert _boxes(qapp) == []


def test_an_error_in_a_slot_is_reported_and_the_program_goes_on(
    qtbot: QtBot, reporter: ErrorReporter
) -> None:
    with qtbot.captureExceptions():
        sys.excepthook = reporter.report  # captureExceptions took it
        QTimer.singleShot(0, _fail)
        qtbot.waitUntil(lambda: reporter.dialog is not None)
    assert "ValueError: oops" in reporter.dialog.report.toPlainText()


def test_an_error_in_a_thread_is_shown_on_the_gui_thread(
    qtbot: QtBot, reporter: ErrorReporter
) -> None:
    thread = threading.Thread(target=_fail)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: reporter.dialog is not None)
    assert "oops" in reporter.dialog.report.toPlainText()


def test_the_report_can_be_copied(qapp: QApplication, reporter: ErrorReporter) -> None:
    _report(reporter, ValueError("copy me"))
    reporter.dialog.copy_report()
    assert "copy me" in QApplication.clipboard().text()
    assert "PyQt" in QApplication.clipboard().text()


def test_uninstalling_gives_the_hooks_back(qapp: QApplication) -> None:
    before = (sys.excepthook, threading.excepthook)
    made = ErrorReporter()
    made.install()
    assert sys.excepthook != before[0]
    made.uninstall()
    assert (sys.excepthook, threading.excepthook) == before
