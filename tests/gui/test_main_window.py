from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PyQt5.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt5.QtGui import QDropEvent
from PyQt5.QtWidgets import QAction, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from spi_viewer.frames import Crop, OperatorLabel
from spi_viewer.gui import recent_files
from spi_viewer.gui.adapt_dialog import AdaptDialog
from spi_viewer.gui.dataset_chooser import DatasetChooser
from spi_viewer.gui.keys_dialog import KeysDialog
from spi_viewer.gui.model_choice import ModelChoice
from spi_viewer.gui.score_panel import ScorePanel
from spi_viewer.gui.settings_dialog import SettingsDialog
from spi_viewer.gui.theme import THEMES, theme_of
from spi_viewer.pipeline_status import DatasetChoice, PipelineStatus, Problem, UnjudgedFrame
from spi_viewer.session.row_selection import RowFilter
from spi_viewer.settings import Settings
from spi_viewer.sources.reader import Position


def _label(viewer, row: int) -> int:
    return int(viewer.session.labels([row])[0])


def _press(qtbot: QtBot, viewer, key: Qt.Key, modifiers=Qt.NoModifier) -> None:
    qtbot.keyClick(viewer.window, key, modifiers)


def look_anew(window) -> None:
    """A look that shows all, also what was shown a moment ago."""
    window.bridge.refresh()
    window.bridge.look()


def test_the_strip_shows_the_counts_of_the_session(viewer) -> None:
    counts = viewer.session.counts(0)
    strip = viewer.window.strip
    assert strip.good.value.text() == str(counts.good)
    assert strip.bad.value.text() == str(counts.bad)
    assert f"multi {counts.multi}" in strip.bad.detail.text()
    assert "±" in strip.hit_rate.detail.text()


def test_invalid_frames_are_shown_apart_from_bad_ones(viewer) -> None:
    assert viewer.session.counts().invalid == 1
    assert viewer.window.strip.invalid.isVisible()
    assert viewer.window.strip.invalid.value.text() == "1"


def test_frames_that_come_too_fast_are_shown_before_they_are_judged(qtbot: QtBot, viewer) -> None:
    window = viewer.window
    position = Position("/data/newest.cxi", None, 0, 0.0)
    viewer.pipeline.unjudged = UnjudgedFrame(0, position, Crop(128.0, 128.0, 2.0))
    qtbot.waitUntil(lambda: window.pattern.drawn.row is None)
    assert "newest.cxi" in viewer.title
    assert "not counted yet" in window.pattern.header.verdict.text()
    assert window.follow.is_following
    _press(qtbot, viewer, Qt.Key_G)  # there is no row to label, and no other must be
    assert (viewer.session.labels(np.arange(60)) == OperatorLabel.NONE).all()
    assert "not labelled" in window.statusBar().currentMessage()
    viewer.pipeline.unjudged = None
    viewer.pipeline.add_frames(0, 1, start=60)
    qtbot.waitUntil(lambda: viewer.title == "run0.cxi · frame 60")
    _press(qtbot, viewer, Qt.Key_G)
    assert _label(viewer, 60) == OperatorLabel.GOOD


def test_only_judged_frames_are_shown_where_good_ones_are_followed(qtbot: QtBot, viewer) -> None:
    viewer.window.follow.set_only_good(True)
    position = Position("/data/newest.cxi", None, 0, 0.0)
    viewer.pipeline.unjudged = UnjudgedFrame(0, position, Crop(128.0, 128.0, 2.0))
    viewer.pipeline.add_frames(0, 30, start=60)
    others = ("", "newest.cxi · frame 7", "run0.cxi · frame 59")
    qtbot.waitUntil(lambda: viewer.title not in others)
    assert all(isinstance(wanted, int) for wanted in viewer.inspector.requests)


def test_the_newest_frame_is_shown_until_one_is_chosen(viewer) -> None:
    assert viewer.inspector.requests[-1] == 59
    viewer.window.grid.step(3)
    chosen = viewer.inspector.requests[-1]
    assert chosen != 59
    assert not viewer.window.follow.is_following
    viewer.pipeline.add_frames(0, 5, start=60)
    viewer.window.bridge.look()
    assert viewer.inspector.requests[-1] == chosen


def test_home_follows_the_newest_frame_again(qtbot: QtBot, viewer) -> None:
    viewer.window.show_row(3)
    _press(qtbot, viewer, Qt.Key_Home)
    assert viewer.window.follow.is_following
    qtbot.waitUntil(lambda: viewer.inspector.requests[-1] == 59)
    assert viewer.window.badge.isChecked()


def test_g_labels_the_shown_frame_and_goes_on(qtbot: QtBot, viewer) -> None:
    viewer.window.show_row(40)
    viewer.window.grid.select_row(40)
    _press(qtbot, viewer, Qt.Key_G)
    assert _label(viewer, 40) == OperatorLabel.GOOD
    assert viewer.inspector.requests[-1] == 39  # newest first: the next is the one before


def test_a_decision_while_following_labels_the_frame_on_the_screen(qtbot: QtBot, viewer) -> None:
    _press(qtbot, viewer, Qt.Key_B)
    assert _label(viewer, 59) == OperatorLabel.BAD
    assert not viewer.window.follow.is_following


def test_a_whole_triage_goes_by_keys_alone(qtbot: QtBot, viewer) -> None:
    viewer.window.show_row(50)
    viewer.window.grid.select_row(50)
    for key in (Qt.Key_G, Qt.Key_B, Qt.Key_Right, Qt.Key_G):
        _press(qtbot, viewer, key)
    assert [_label(viewer, row) for row in (50, 49, 48, 47)] == [1, 0, -1, 1]
    _press(qtbot, viewer, Qt.Key_Z, Qt.ControlModifier)
    assert _label(viewer, 47) == OperatorLabel.NONE
    _press(qtbot, viewer, Qt.Key_Z, Qt.ControlModifier | Qt.ShiftModifier)
    assert _label(viewer, 47) == OperatorLabel.GOOD


def test_undo_is_offered_only_when_there_is_something_to_undo(viewer) -> None:
    undo = viewer.window.actions_by_name["undo"]
    assert not undo.isEnabled()
    viewer.session.label([1], OperatorLabel.GOOD)
    viewer.window.bridge.look()
    assert undo.isEnabled()


def test_keys_work_when_a_button_has_the_focus(qtbot: QtBot, viewer) -> None:
    viewer.window.activateWindow()
    target = viewer.window.sources.findChild(QPushButton)
    target.setFocus()
    viewer.window.grid.select_row(20)
    viewer.window.show_row(20)
    qtbot.keyClick(target, Qt.Key_G)
    assert _label(viewer, 20) == OperatorLabel.GOOD


def test_a_text_field_keeps_its_letters(qtbot: QtBot, viewer) -> None:
    field = QLineEdit(viewer.window.statusBar())
    field.show()
    field.setFocus()
    qtbot.keyClicks(field, "gbu")
    assert field.text() == "gbu"
    assert viewer.session.counts().labelled == 0


def test_no_two_actions_share_a_key(viewer) -> None:
    actions = {*viewer.window.findChildren(QAction)}
    keys = Counter(
        key.toString() for action in actions for key in action.shortcuts() if key.toString()
    )
    assert [key for key, count in keys.items() if count > 1] == []


def test_the_key_list_names_every_action_that_has_a_key(qtbot: QtBot, viewer) -> None:
    viewer.window.show_keys()
    dialog = viewer.window.findChild(KeysDialog)
    listed = " ".join(keys for keys, _ in dialog.entries)
    for action in viewer.window.findChildren(QAction):
        for key in action.shortcuts():
            assert key.toString() in listed, action.text()


def test_clicking_the_strip_chart_shows_that_frame(qtbot: QtBot, viewer) -> None:
    plot = viewer.window.counts.plot
    middle = plot.getViewBox().viewRect().center().y()
    where = plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(0.0, middle)))
    qtbot.mouseClick(plot.viewport(), Qt.LeftButton, pos=where + QPoint(1, 0))
    assert viewer.inspector.requests[-1] == 0
    assert not viewer.window.follow.is_following


def test_the_threshold_judges_anew(viewer) -> None:
    before = viewer.session.counts().good
    viewer.window.findChild(ScorePanel).number.setValue(0.95)
    assert viewer.session.rule.threshold == pytest.approx(0.95)
    assert viewer.session.counts().good < before
    assert "0.95" in viewer.window.strip.model.detail.text()


def test_dropped_files_open_and_dropped_folders_are_watched(viewer, tmp_path: Path) -> None:
    run = tmp_path / "run.cxi"
    run.touch()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(run)), QUrl.fromLocalFile(str(tmp_path))])
    drop = QDropEvent(
        QPoint(5, 5), Qt.CopyAction, data, Qt.LeftButton, Qt.NoModifier, QDropEvent.Drop
    )
    viewer.window.dropEvent(drop)
    assert viewer.pipeline.opened[-2:] == [("file", str(run)), ("watch", str(tmp_path))]


def test_opened_paths_are_remembered(viewer, tmp_path: Path) -> None:
    viewer.window.opener.watch(tmp_path)
    assert recent_files.load_recent()[0] == str(tmp_path)


def test_starting_the_demo_again_ends_the_first(viewer) -> None:
    viewer.window.opener.start_demo()
    first = len(viewer.session.runs()) - 1
    viewer.window.opener.start_demo()
    assert viewer.pipeline.closed == [first]


def test_an_ambiguous_file_asks_once_which_dataset(qtbot: QtBot, viewer) -> None:
    choice = DatasetChoice(0, "/data/two.h5", ("/entry/a", "/entry/b"))
    viewer.pipeline.state = replace(viewer.pipeline.state, choices=(choice,))
    look_anew(viewer.window)
    viewer.pipeline.state = replace(viewer.pipeline.state, frames_behind=3)
    look_anew(viewer.window)
    choosers = viewer.window.findChildren(DatasetChooser)
    assert len(choosers) == 1
    choosers[0].list.setCurrentRow(1)
    choosers[0].accept()
    assert viewer.pipeline.chosen == [(0, "/entry/b")]


def test_refused_files_are_listed_quietly(viewer) -> None:
    problems = tuple(Problem(0.0, f"/data/f{n}.h5", "the file is cut short") for n in range(50))
    viewer.pipeline.state = replace(viewer.pipeline.state, problems=problems)
    look_anew(viewer.window)
    troubles = viewer.window.sources.troubles
    assert troubles.count() == 50
    assert "f49.h5: the file is cut short" in troubles.item(0).text()


def test_a_dragged_crop_reaches_the_pipeline(viewer) -> None:
    viewer.window.pattern.crop_changed.emit(Crop(10.0, 20.0, 2.0))
    viewer.window.pattern.crop_changed.emit(None)
    assert viewer.pipeline.crops == [(0, Crop(10.0, 20.0, 2.0)), (0, None)]


def test_a_crop_is_dragged_for_the_run_on_the_screen_though_all_are_selected(viewer, qtbot) -> None:
    second = viewer.pipeline.open_file("/data/run1.cxi")
    viewer.pipeline.add_frames(second, 10, start=100)
    viewer.window.select_run(None)
    viewer.window.follow.choose(0)
    qtbot.waitUntil(lambda: viewer.window.pattern.drawn.row == 0)
    ahead = UnjudgedFrame(
        second, Position("/data/run1.cxi", None, 10, 0.0), Crop(128.0, 128.0, 2.0)
    )
    viewer.inspector.request(ahead)
    qtbot.waitUntil(lambda: viewer.window.pattern.drawn.row is None)
    viewer.window.pattern.crop_changed.emit(Crop(10.0, 20.0, 2.0))
    assert viewer.pipeline.crops == [(second, Crop(10.0, 20.0, 2.0))]


def test_selecting_all_runs_counts_them_together(viewer) -> None:
    second = viewer.pipeline.open_file("/data/run1.cxi")
    viewer.pipeline.add_frames(second, 10, start=100)
    viewer.window.select_run(None)
    assert viewer.window.strip.run.value.text() == "all runs"
    assert viewer.window.strip.good.value.text() == str(viewer.session.counts().good)


def test_the_light_theme_reaches_the_whole_window(qapp, qtbot: QtBot, viewer) -> None:
    _press(qtbot, viewer, Qt.Key_T, Qt.ControlModifier)
    assert viewer.settings.theme == "light"
    assert theme_of(viewer.window.palette()) is THEMES["light"]
    _press(qtbot, viewer, Qt.Key_T, Qt.ControlModifier)
    assert theme_of(viewer.window.palette()) is THEMES["dark"]


def test_the_layout_is_remembered_and_can_be_reset(qtbot: QtBot, viewer) -> None:
    docks = viewer.window.layout_of_docks.docks
    docks["hit_rate"].close()
    viewer.window.remember_layout()
    docks["hit_rate"].show()
    layout = viewer.window.layout_of_docks
    assert layout.restore(viewer.settings.window_geometry, viewer.settings.window_layout)
    assert not docks["hit_rate"].isVisible()
    viewer.window.reset_layout()
    assert docks["hit_rate"].isVisible()


@pytest.mark.parametrize("text", ["", "nonsense", "AAAA", "@@@"])
def test_a_broken_remembered_layout_is_ignored(viewer, text: str) -> None:
    assert not viewer.window.layout_of_docks.restore(text, text)


def test_the_window_fits_a_small_screen(qtbot: QtBot, viewer) -> None:
    viewer.window.resize(1366, 768)
    assert viewer.window.size().width() == 1366
    assert viewer.window.size().height() == 768
    hint = viewer.window.minimumSizeHint()
    assert hint.width() <= 1366
    assert hint.height() <= 740


def test_closing_stops_looking_and_leaves_no_thread(qtbot: QtBot, viewer) -> None:
    others = threading.active_count()
    with qtbot.waitSignal(viewer.window.closed):
        viewer.window.close()
    viewer.pipeline.add_frames(0, 5, start=60)
    seen = len(viewer.inspector.requests)
    with qtbot.assertNotEmitted(viewer.window.bridge.ticked, wait=150):
        pass
    assert len(viewer.inspector.requests) == seen
    assert threading.active_count() <= others


def test_the_export_dialog_takes_the_final_verdicts_of_the_selected_run(
    qtbot: QtBot, viewer, tmp_path: Path
) -> None:
    _press(qtbot, viewer, Qt.Key_E, Qt.ControlModifier)
    dialog = viewer.window.dialogs.export_dialog
    dialog.form.destination.setText(str(tmp_path / "good.cxi"))
    dialog.start_export()
    qtbot.waitUntil(lambda: not dialog.is_exporting)
    order = viewer.exported[0]
    good = np.flatnonzero(viewer.session.final_verdicts(np.arange(60)) == 1)
    assert order.rows.tolist() == good.tolist()
    assert order.policy == "final"


def _add_unfamiliar(viewer, count: int, p_good: float) -> list[int]:
    """Frames that the network has never seen the like of; returns their rows."""
    first = viewer.session.row_count
    viewer.pipeline.add_unfamiliar_frames(0, count, p_good)
    viewer.window.bridge.refresh()
    viewer.window.bridge.look()
    return list(range(first, first + count))


def test_an_unknown_kind_of_frame_is_not_silently_good(qtbot: QtBot, viewer) -> None:
    window, unsure = viewer.window, viewer.session.counts(0).unsure
    assert not window.strip.unfamiliar.isVisible()
    rows = _add_unfamiliar(viewer, 3, 0.99)
    assert window.strip.unfamiliar.value.text() == "3"
    assert window.strip.unsure.value.text() == str(unsure + 3)
    qtbot.mouseClick(window.grid.filters.button(RowFilter.UNFAMILIAR), Qt.LeftButton)
    assert sorted(window.grid.model.rows) == rows
    qtbot.waitUntil(lambda: "≠ unfamiliar" in window.pattern.header.verdict.text())
    assert window.pattern.header.verdict.property("tone") == "unsure"
    _press(qtbot, viewer, Qt.Key_G)  # somebody has looked
    assert not window.grid.model.index(0).data(window.grid.model.CELL_ROLE).is_unsure


def test_a_run_that_the_network_does_not_know_raises_an_alarm(viewer) -> None:
    _add_unfamiliar(viewer, 60, 0.01)
    assert "check by eye" in viewer.window.strip.unfamiliar.detail.text()


def test_another_model_is_asked_for_in_the_settings(qtbot: QtBot, viewer) -> None:
    _press(qtbot, viewer, Qt.Key_Comma, Qt.ControlModifier)
    dialog = viewer.window.findChild(SettingsDialog)
    dialog.model.setFocus()
    dialog.model.lineEdit().selectAll()
    qtbot.keyClicks(dialog.model.lineEdit(), "best")
    qtbot.keyClick(dialog, Qt.Key_Return)
    assert viewer.models_asked == ["best"]
    assert viewer.settings.model == "best"
    assert "Ctrl+J" in viewer.window.statusBar().currentMessage()


def test_frames_are_judged_again_by_a_key_and_stopped_by_it(qtbot: QtBot, viewer) -> None:
    window, action = viewer.window, viewer.window.actions_by_name["judge_again"]
    window.select_run(0)
    _press(qtbot, viewer, Qt.Key_J, Qt.ControlModifier)
    assert viewer.pipeline.judged_again == [0]
    look_anew(window)
    assert action.isChecked()
    assert window.strip.model.detail.text().startswith("again: 25")
    window.show_row(3)
    viewer.inspector.requests.clear()
    _press(qtbot, viewer, Qt.Key_J, Qt.ControlModifier)
    look_anew(window)
    assert viewer.pipeline.status().judging_again is None
    assert viewer.inspector.requests == [3]  # its verdict may be another now
    assert not action.isChecked()
    assert "threshold" in window.strip.model.detail.text()


def test_other_settings_leave_the_model_alone(qtbot: QtBot, viewer) -> None:
    _press(qtbot, viewer, Qt.Key_Comma, Qt.ControlModifier)
    dialog = viewer.window.findChild(SettingsDialog)
    dialog.thumbnail_size.setValue(128)
    dialog.accept()
    assert viewer.models_asked == []
    assert viewer.settings.thumbnail_size_px == 128


def test_the_strip_says_what_judges(viewer) -> None:
    model = viewer.window.strip.model
    for state, text in (
        (PipelineStatus(loading_model=True), "loading…"),
        (PipelineStatus(), "none"),
        (PipelineStatus(model="best"), "best"),
    ):
        viewer.pipeline.state = state
        look_anew(viewer.window)
        assert model.value.text() == text


def test_a_decision_while_following_is_about_the_frame_on_the_screen(qtbot: QtBot, viewer) -> None:
    window = viewer.window
    qtbot.waitUntil(lambda: viewer.title == "run0.cxi · frame 59")
    window.pattern._renderer.request = lambda _work: None  # drawing is slow
    viewer.pipeline.add_frames(0, 1, start=60)
    window.follow.set_following(True)
    window.bridge.look()
    assert window.follow.row == 60
    _press(qtbot, viewer, Qt.Key_G)
    assert [_label(viewer, row) for row in (59, 60)] == [OperatorLabel.GOOD, OperatorLabel.NONE]


def _good_and_bad(viewer) -> tuple[np.ndarray, np.ndarray]:
    good = viewer.session.select(RowFilter.GOOD)
    return good, np.setdiff1d(viewer.session.select(RowFilter.ALL), good)


def test_a_frame_that_the_filter_leaves_out_is_labelled_when_it_is_shown(
    qtbot: QtBot, viewer
) -> None:
    """Chosen in a chart or stayed at, beside the grid and its old current frame."""
    window, (good, bad) = viewer.window, _good_and_bad(viewer)
    window.grid.set_filter(RowFilter.GOOD)
    qtbot.waitUntil(lambda: np.isin(window.grid.model.rows, good).all())
    window.grid.select_row(int(good[3]))
    window.grid.current_row_changed.emit(int(good[3]))
    window.show_row(int(bad[2]))
    _press(qtbot, viewer, Qt.Key_B)
    assert _label(viewer, int(bad[2])) == OperatorLabel.BAD
    assert _label(viewer, int(good[3])) == OperatorLabel.NONE
    window.bridge.look()
    assert window.actions_by_name["undo"].isEnabled()


def test_a_decision_taken_back_can_be_taken_anew_under_any_filter(qtbot: QtBot, viewer) -> None:
    window = viewer.window
    for row in (20, 40):
        viewer.session.label([row], OperatorLabel.GOOD)
    window.grid.set_filter(RowFilter.LABELLED)
    qtbot.waitUntil(lambda: sorted(window.grid.model.rows) == [20, 40])
    window.grid.select_row(20)
    window.show_row(20)
    window.bridge.look()
    _press(qtbot, viewer, Qt.Key_Z, Qt.ControlModifier)
    assert viewer.inspector.requests[-1] == 40
    _press(qtbot, viewer, Qt.Key_B)
    assert [_label(viewer, row) for row in (20, 40)] == [OperatorLabel.GOOD, OperatorLabel.BAD]


def test_keys_are_labels_again_once_a_threshold_is_given(qtbot: QtBot, viewer) -> None:
    window = viewer.window
    window.show_row(30)
    window.grid.select_row(30)
    number = window.findChild(ScorePanel).number
    number.setFocus()
    number.lineEdit().selectAll()
    qtbot.keyClicks(number, "0.9")
    qtbot.keyClick(number, Qt.Key_Return)
    assert not number.hasFocus()
    qtbot.keyClick(window.focusWidget() or window, Qt.Key_G)
    assert _label(viewer, 30) == OperatorLabel.GOOD
    assert viewer.session.rule.threshold == pytest.approx(0.9)


def test_a_run_that_ended_long_ago_is_shown_when_it_is_selected(qtbot: QtBot, viewer) -> None:
    other = viewer.pipeline.open_file("/data/run1.cxi")
    viewer.pipeline.add_frames(other, 600)
    viewer.window.select_run(other)
    look_anew(viewer.window)
    viewer.window.select_run(0)
    assert viewer.window.follow.is_following
    look_anew(viewer.window)
    assert viewer.inspector.requests[-1] == 59


def test_the_run_that_the_model_was_adapted_to_is_judged_again(qtbot: QtBot, viewer) -> None:
    window = viewer.window
    window.adapt()
    dialog = window.findChild(AdaptDialog)
    window.select_run(viewer.pipeline.open_file("/data/run1.cxi"))
    dialog.model_chosen.emit("/models/adapted")
    assert viewer.models_asked == ["/models/adapted"]
    assert viewer.pipeline.judged_again == [0]


def test_no_export_is_suggested_where_runs_are_watched_for(viewer, tmp_path: Path) -> None:
    watched = tmp_path / "runs"
    watched.mkdir()
    viewer.window.opener.watch(watched)
    assert viewer.settings.last_directory == str(watched)
    viewer.window.export()
    form = viewer.window.dialogs.export_dialog.form
    assert Path(form.destination.text()).parent == tmp_path


def test_without_a_frame_the_window_says_what_to_do(empty_viewer) -> None:
    window, pipeline = empty_viewer.window, empty_viewer.pipeline
    message = window.pattern.canvas.message
    look_anew(window)
    assert "Ctrl+O" in message()
    pipeline.open_file("/data/a.cxi")
    look_anew(window)
    assert message() == "no frame yet"
    pipeline.state = PipelineStatus(loading_model=True)
    look_anew(window)
    assert "loading the model" in message()
    pipeline.state = PipelineStatus()
    look_anew(window)
    assert "settings (Ctrl+,)" in message()


def test_all_panels_speak_of_the_pattern_on_the_screen(qtbot: QtBot, viewer) -> None:
    window = viewer.window
    request, waiting = window.pattern._renderer.request, []
    window.pattern._renderer.request = waiting.append  # drawing is slow
    viewer.pipeline.add_frames(0, 1, start=60)
    window.follow.set_following(True)
    window.bridge.look()
    window.bridge.look()
    assert window.follow.row == 60
    assert window.activation._inspection.row == 59
    assert window.grid.current_row == 59
    request(waiting[-1])
    qtbot.waitUntil(lambda: window.activation._inspection.row == 60)
    assert viewer.title == "run0.cxi · frame 60"
    qtbot.waitUntil(lambda: window.grid.current_row == 60)  # an event later


def test_of_several_files_opened_at_once_none_comes_first(empty_viewer, tmp_path: Path) -> None:
    """The last may be the one that is refused, and would hide the others."""
    opened: list[int | None] = []
    empty_viewer.window.opener.opened.connect(opened.append)
    files = [tmp_path / "one.h5", tmp_path / "two.h5"]
    empty_viewer.window.opener.open_paths(files)
    empty_viewer.window.opener.open_paths(files[:1])
    assert opened == [None, 2]


def test_the_window_is_as_large_as_the_screen_until_the_user_makes_it_smaller(
    qtbot: QtBot, new_viewer
) -> None:
    first = new_viewer(Settings())
    first.window.appear()
    qtbot.waitExposed(first.window)
    assert first.window.isMaximized()
    first.window.showNormal()
    first.window.resize(900, 600)
    first.window.close()
    again = new_viewer(first.settings).window
    again.appear()
    qtbot.waitExposed(again)
    assert not again.isMaximized()
    again.close()


def test_a_selection_is_what_is_exported(qtbot: QtBot, viewer, tmp_path: Path) -> None:
    viewer.window.choose_rows(np.array([4, 9, 17]))
    _press(qtbot, viewer, Qt.Key_E, Qt.ControlModifier)
    dialog = viewer.window.dialogs.export_dialog
    dialog.form.destination.setText(str(tmp_path / "chosen.cxi"))
    dialog.start_export()
    qtbot.waitUntil(lambda: not dialog.is_exporting)
    assert sorted(viewer.exported[0].rows) == [4, 9, 17]


def test_another_threshold_judges_the_frame_on_the_screen_anew(qtbot: QtBot, viewer) -> None:
    window = viewer.window
    window.show_row(30)
    qtbot.waitUntil(lambda: window.pattern.drawn is not None and window.pattern.drawn.row == 30)
    for threshold in (0.999, 0.001):
        viewer.window.findChild(ScorePanel).number.setValue(threshold)
        window.bridge.look()
        qtbot.waitUntil(lambda t=threshold: window.pattern.drawn.threshold == pytest.approx(t))
        verdict = viewer.session.verdicts([30])[0]
        assert window.pattern.drawn.verdict == verdict


def test_letters_label_while_the_threshold_has_the_focus(qtbot: QtBot, viewer) -> None:
    window = viewer.window
    window.show_row(30)
    window.grid.select_row(30)
    number = window.findChild(ScorePanel).number
    number.setFocus()
    number.stepUp()
    qtbot.keyClick(number, Qt.Key_G)
    assert _label(viewer, 30) == OperatorLabel.GOOD


def test_arrows_move_from_the_start(viewer) -> None:
    assert viewer.window.focusWidget() is viewer.window.grid.view


def test_a_frame_that_takes_long_is_said_to(qtbot: QtBot, viewer) -> None:
    window = viewer.window
    window.show_row(30)
    qtbot.waitUntil(lambda: window.pattern.drawn is not None and window.pattern.drawn.row == 30)
    window.follow.row_wanted.disconnect(viewer.inspector.request)
    window.show_row(29)
    qtbot.waitUntil(lambda: "still the one before" in window.pattern.canvas.message())


def test_a_model_that_failed_can_be_asked_for_again() -> None:
    asked: list[str] = []
    choice = ModelChoice(("best",), "best", asked.append, lambda: len(asked) == 1)
    assert choice.ask("/my/model")
    assert choice.ask("/my/model")  # it could not be loaded
    assert not choice.ask("/my/model")
    assert asked == ["/my/model"] * 2
