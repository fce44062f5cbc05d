"""Errors that nobody caught: logged all, shown once each, in one box that cannot storm."""

from __future__ import annotations

import logging
import platform
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from PyQt5.QtCore import PYQT_VERSION_STR, QT_VERSION_STR, QObject, pyqtSignal
from PyQt5.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from spi_viewer import __version__

_log = logging.getLogger(__name__)

_MAX_REMEMBERED = 100


class ErrorDialog(QDialog):
    """A report to copy; it counts what comes while it is open."""

    def __init__(self, report: str, log_path: Path | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Something went wrong")
        where = f" It is also in the log: {log_path}" if log_path else ""
        text = QLabel(
            "SPI Viewer met an error that it did not expect and went on. "
            f"Please send this report to the people who look after it.{where}"
        )
        text.setWordWrap(True)
        self.report = QPlainTextEdit(report)
        self.report.setReadOnly(True)
        self.more = QLabel()
        self.more_count = 0
        buttons = QDialogButtonBox(QDialogButtonBox.Close)
        copy = buttons.addButton("Copy", QDialogButtonBox.ActionRole)
        copy.clicked.connect(self.copy_report)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        for widget in (text, self.report, self.more, buttons):
            column.addWidget(widget)
        self.resize(90 * self.fontMetrics().averageCharWidth(), 24 * self.fontMetrics().height())

    def count_another(self) -> None:
        """One more error came while the box was open."""
        self.more_count += 1
        self.more.setText(f"and {self.more_count} more, see the log")

    def copy_report(self) -> None:
        """Put the report on the clipboard."""
        clipboard = QApplication.clipboard()
        assert clipboard is not None
        clipboard.setText(self.report.toPlainText())


class ErrorReporter(QObject):
    """Takes errors from any thread and shows them on the GUI thread.

    One box at a time, and each distinct error once: an error that comes 20 times a second is one
    box and many log lines.
    """

    _reported = pyqtSignal(str, str)  # key, report

    def __init__(self, log_path: Path | None = None) -> None:
        super().__init__()
        self._log_path = log_path
        self._known: set[str] = set()
        self._hooks: tuple[Any, Any] | None = None
        self.dialog: ErrorDialog | None = None
        self._reported.connect(self._show)

    def install(self) -> None:
        """Take over uncaught errors of all threads; PyQt aborts the process otherwise."""
        self._hooks = (sys.excepthook, threading.excepthook)
        sys.excepthook = self.report
        threading.excepthook = self._report_from_thread

    def uninstall(self) -> None:
        """Give the hooks back."""
        if self._hooks is not None:
            sys.excepthook, threading.excepthook = self._hooks
            self._hooks = None
        if self.dialog is not None:
            self.dialog.close()

    def report(
        self,
        error_type: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
    ) -> None:
        """Log an error and show it; callable from any thread."""
        if issubclass(error_type, KeyboardInterrupt):
            QApplication.quit()
            return
        lines = traceback.format_exception(error_type, error, trace)
        _log.error("unexpected error\n%s", "".join(lines))
        places = traceback.extract_tb(trace)
        where = f"{places[-1].filename}:{places[-1].lineno}" if places else ""
        key = f"{error_type.__name__} {where}"
        self._reported.emit(key, f"{_versions()}\n\n{''.join(lines)}")

    def _report_from_thread(self, hook: threading.ExceptHookArgs) -> None:
        if hook.exc_value is not None:
            self.report(hook.exc_type, hook.exc_value, hook.exc_traceback)

    def _show(self, key: str, report: str) -> None:
        if self.dialog is not None:
            self.dialog.count_another()
            return
        if key in self._known or len(self._known) >= _MAX_REMEMBERED:
            return
        self._known.add(key)
        self.dialog = ErrorDialog(report, self._log_path)
        self.dialog.finished.connect(self._forget_dialog)
        self.dialog.show()

    def _forget_dialog(self) -> None:
        if self.dialog is not None:
            self.dialog.deleteLater()
            self.dialog = None


def _versions() -> str:
    return (
        f"SPI Viewer {__version__}, Python {platform.python_version()}, "
        f"Qt {QT_VERSION_STR}, PyQt {PYQT_VERSION_STR}, {platform.platform()}"
    )
