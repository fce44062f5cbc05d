"""Adapting from the window: what may be asked for, what is shown, and what judges afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PyQt5.QtCore import Qt
from pytestqt.qtbot import QtBot

from spi_viewer.adapt_run import AdaptationReport
from spi_viewer.errors import ModelError
from spi_viewer.gui.adapt_dialog import AdaptationOrder, AdaptDialog


class FakeAdapt:
    """Adapts for as long as the test lets it."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.orders: list[AdaptationOrder] = []
        self.report = AdaptationReport(True, "as trained: 0.68\nbatch norms of the run: 0.84")
        self.error: Exception | None = None

    def __call__(self, order: AdaptationOrder, cancelled: Callable[[], bool]) -> AdaptationReport:
        self.orders.append(order)
        while not self.go_on.wait(0.01):
            if cancelled():
                raise ModelError("cancelled")
        if self.error:
            raise self.error
        return self.report


@pytest.fixture
def adapt() -> FakeAdapt:
    return FakeAdapt()


@pytest.fixture
def labels() -> list[int]:
    return [7, 9]


@pytest.fixture
def dialog(qtbot: QtBot, adapt: FakeAdapt, labels: list[int], tmp_path: Path) -> AdaptDialog:
    made = AdaptDialog("resnet10", tmp_path / "new", lambda: (labels[0], labels[1]), adapt)
    qtbot.addWidget(made, before_close_func=lambda _: adapt.go_on.set())
    made.show()
    return made


def ended(qtbot: QtBot, dialog: AdaptDialog) -> None:
    qtbot.waitUntil(lambda: not dialog.is_adapting)


def test_before_and_after_are_shown_and_the_new_model_is_offered(
    qtbot: QtBot, dialog: AdaptDialog, adapt: FakeAdapt, tmp_path: Path
) -> None:
    dialog.start.click()
    assert dialog.progress.isVisible()
    assert not dialog.folder.isEnabled()
    assert not dialog.judge.isVisible()
    adapt.go_on.set()
    ended(qtbot, dialog)
    assert adapt.orders == [AdaptationOrder(tmp_path / "new", use_labels=True)]
    assert dialog.report.text() == adapt.report.text
    with qtbot.waitSignal(dialog.model_chosen) as chosen:
        dialog.judge.click()
    assert chosen.args == [str(tmp_path / "new")]
    assert not dialog.isVisible()


def test_a_long_report_is_not_cut_off(qtbot: QtBot, dialog: AdaptDialog, adapt: FakeAdapt) -> None:
    adapt.report = AdaptationReport(
        True, "\n".join(["a line as long as the dialog is wide " * 3] * 5)
    )
    adapt.go_on.set()
    dialog.start.click()
    ended(qtbot, dialog)
    qtbot.waitUntil(
        lambda: dialog.report.height() >= dialog.report.heightForWidth(dialog.report.width())
    )


def test_too_few_labels_are_counted_but_not_used(
    qtbot: QtBot, dialog: AdaptDialog, adapt: FakeAdapt, labels: list[int]
) -> None:
    labels[0] = 2
    qtbot.waitUntil(lambda: not dialog.use_labels.isEnabled())
    assert "2 good, 9 bad (at least 5 of each" in dialog.use_labels.text()
    adapt.go_on.set()
    dialog.start.click()
    ended(qtbot, dialog)
    assert not adapt.orders[0].use_labels


def test_a_model_that_would_be_worse_is_not_offered(
    qtbot: QtBot, dialog: AdaptDialog, adapt: FakeAdapt
) -> None:
    adapt.report = AdaptationReport(False, "the old one stays the best")
    adapt.go_on.set()
    dialog.start.click()
    ended(qtbot, dialog)
    assert dialog.report.text() == "the old one stays the best"
    assert not dialog.judge.isVisible()


def test_a_failure_says_why_and_may_be_tried_again(
    qtbot: QtBot, dialog: AdaptDialog, adapt: FakeAdapt
) -> None:
    adapt.error = ModelError("lit is no network")
    adapt.go_on.set()
    dialog.start.click()
    ended(qtbot, dialog)
    assert "lit is no network" in dialog.report.text()
    assert dialog.start.isEnabled()


def test_cancelling_leaves_the_dialog_and_the_old_model(qtbot: QtBot, dialog: AdaptDialog) -> None:
    dialog.start.click()
    dialog.cancel.click()
    ended(qtbot, dialog)
    assert "The old model stays" in dialog.report.text()
    assert dialog.isVisible()


def test_a_folder_that_holds_a_model_is_refused(dialog: AdaptDialog, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "model.json").touch()
    dialog.folder.setText(str(tmp_path / "there"))
    assert not dialog.start.isEnabled()
    assert "already" in dialog.start.toolTip()
    dialog.folder.setText(str(tmp_path / "elsewhere"))
    assert dialog.start.isEnabled()


def test_closing_ends_the_adaptation(dialog: AdaptDialog, adapt: FakeAdapt) -> None:
    dialog.start.click()
    dialog.close()
    assert not dialog.isVisible()
    assert not dialog.is_adapting
    assert not [one for one in threading.enumerate() if one.name == "adapt"]


def test_by_keys_a_run_is_labelled_and_its_model_adapted_and_used(qtbot: QtBot, viewer) -> None:
    window = viewer.window
    window.select_run(0)
    window.show_row(40)
    for key in [Qt.Key_G] * 5 + [Qt.Key_B] * 5:
        qtbot.keyClick(window, key)
    qtbot.keyClick(window, Qt.Key_A, Qt.ControlModifier | Qt.ShiftModifier)
    dialog = window.findChild(AdaptDialog)
    assert dialog.windowTitle() == "Adapt resnet10 to run0.cxi"
    assert dialog.folder.text() == "/models/resnet10-run0"
    assert "5 good, 5 bad" in dialog.use_labels.text()
    qtbot.keyClick(dialog, Qt.Key_Return)
    ended(qtbot, dialog)
    assert viewer.adaptation.orders == [
        ("resnet10", 0, AdaptationOrder(Path("/models/resnet10-run0"), use_labels=True))
    ]
    dialog.judge.click()
    assert viewer.models_asked == ["/models/resnet10-run0"]
    assert viewer.pipeline.judged_again == [0]
    assert viewer.settings.model == "/models/resnet10-run0"
