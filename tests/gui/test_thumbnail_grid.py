"""Triage by keys: decide, advance, filter, undo; and nothing moves under the operator's hands."""

import threading

import numpy as np
import pytest
from PyQt5.QtCore import Qt

from spi_viewer.frames import Crop, DecisionRule, FrameBatch, FrameId, OperatorLabel
from spi_viewer.gui.thumbnail_grid import ThumbnailGrid
from spi_viewer.session.row_selection import RowFilter, SortOrder
from spi_viewer.settings import Settings


def fill(session, p_good, run=None):
    """Append frames with these P(single); the rest is P(multi)."""
    if run is None:
        run = session.add_run("r0173", "/data/r0173.cxi", "watch")
    start, count = session.row_count, len(p_good)
    p_good = np.asarray(p_good, np.float32)
    batch = FrameBatch(
        ids=[FrameId("/data/r0173.cxi", "/data", start + n) for n in range(count)],
        counts=np.zeros((count, 128, 128), np.float32),
        valid=np.ones((count, 128, 128), bool),
        thumbnails=np.full((count, 64, 64), 80, np.uint8),
        flags=np.zeros(count, np.uint32),
        photons=np.arange(start, start + count, dtype=float),
        written_at_s=np.arange(start, start + count, dtype=float),
        crop=Crop(64, 64, 1),
    )
    probabilities = np.zeros((count, 4), np.float32)
    probabilities[:, 0], probabilities[:, 1] = p_good, 1 - p_good
    session.append(run, batch, probabilities, batch.flags)
    return run


@pytest.fixture
def grid(qtbot, session):
    grid = ThumbnailGrid(session, Settings())
    qtbot.addWidget(grid)
    grid.run = fill(session, [0.9, 0.1] * 100)
    grid.resize(1000, 300)
    grid.show()
    qtbot.waitUntil(grid.isVisible)
    grid.show_new()
    return grid


def refresh(grid, qtbot):
    """A refresh that may be put off until the grid has rested."""
    grid.refresh()
    qtbot.waitUntil(lambda: grid._query.is_up_to_date)


def shown(grid):
    return grid.model.rows.tolist()


def test_new_frames_appear_on_top_while_nobody_looks(grid, session, qtbot):
    fill(session, [0.5] * 3, grid.run)
    refresh(grid, qtbot)
    assert shown(grid)[:4] == [202, 201, 200, 199]


def test_getting_the_focus_chooses_nothing(grid, qtbot):
    rows = []
    grid.current_row_changed.connect(rows.append)
    grid.filters.setFocus()
    with qtbot.waitActive(grid):
        grid.activateWindow()
    grid.view.setFocus()
    assert grid.view.hasFocus()
    assert rows == []
    assert grid.current_row is None


def test_nothing_moves_once_the_operator_has_chosen_a_frame(grid, session, qtbot):
    point = grid.view.cell_rect(5).center()
    qtbot.mouseClick(grid.view.viewport(), Qt.LeftButton, pos=point)
    before = shown(grid)
    fill(session, [0.5] * 12, grid.run)
    refresh(grid, qtbot)
    assert shown(grid) == before
    assert grid.filters.new_button.text() == "↑ 12 new"
    qtbot.mouseClick(grid.filters.new_button, Qt.LeftButton)
    assert shown(grid)[0] == 211
    assert grid.filters.new_button.isHidden()
    assert grid.current_row == 194


def test_nothing_moves_once_the_operator_has_scrolled(grid, session, qtbot):
    grid.view.verticalScrollBar().setValue(100)
    before = shown(grid)
    fill(session, [0.5] * 12, grid.run)
    refresh(grid, qtbot)
    assert shown(grid) == before
    assert grid.view.verticalOffset() == 100


def test_frames_that_came_between_refresh_and_click_wait_too(grid, session, qtbot):
    before = shown(grid)
    fill(session, [0.5] * 3, grid.run)
    qtbot.mouseClick(grid.view.viewport(), Qt.LeftButton, pos=grid.view.cell_rect(2).center())
    refresh(grid, qtbot)
    assert shown(grid) == before


def test_following_the_newest_from_outside_holds_nothing_and_reports_nothing(grid, session, qtbot):
    reported = []
    grid.current_row_changed.connect(reported.append)
    for _ in range(3):
        fill(session, [0.5], grid.run)
        newest = session.row_count - 1
        grid.select_row(newest)
        assert grid.current_row == newest
        assert shown(grid)[0] == newest
    assert reported == []
    assert grid.filters.new_button.isHidden()


def test_the_oldest_first_grows_at_its_end(grid, session, qtbot):
    grid.set_sort(SortOrder.OLDEST)
    grid.step(1)
    fill(session, [0.5] * 4, grid.run)
    refresh(grid, qtbot)
    assert shown(grid)[-1] == 203
    assert grid.filters.new_button.isHidden()


def test_deciding_labels_and_goes_on(grid, session, qtbot):
    grid.select_row(199)
    rows = []
    grid.current_row_changed.connect(rows.append)
    with qtbot.waitSignal(grid.labels_changed):
        grid.decide(OperatorLabel.GOOD)
    grid.decide(OperatorLabel.BAD)
    grid.decide(OperatorLabel.NONE)
    assert session.labels([199, 198, 197]).tolist() == [1, 0, -1]
    assert rows == [198, 197, 196]


def test_a_whole_selection_is_decided_at_once(grid, session, qtbot):
    grid.step(1)
    for _ in range(4):
        qtbot.keyClick(grid.view, Qt.Key_Right, Qt.ShiftModifier)
    chosen = grid.selected_rows()
    assert chosen.size == 5
    grid.decide(OperatorLabel.BAD)
    assert (session.labels(chosen) == OperatorLabel.BAD).all()
    assert grid.current_row == chosen[-1] - 1
    assert grid.selected_rows().tolist() == [grid.current_row]


def test_undo_keeps_current_and_selection(grid, session, qtbot):
    grid.step(3)
    grid.decide(OperatorLabel.GOOD)
    qtbot.keyClick(grid.view, Qt.Key_Right, Qt.ShiftModifier)
    current, selected = grid.current_row, grid.selected_rows().tolist()
    session.undo()
    refresh(grid, qtbot)
    assert grid.current_row == current
    assert grid.selected_rows().tolist() == selected


def test_a_frame_that_leaves_the_filter_makes_room_for_the_next(grid, session):
    grid.set_filter(RowFilter.GOOD)
    session.label(np.arange(0, 200, 2), OperatorLabel.GOOD)
    grid.set_filter(RowFilter.LABELLED)
    grid.select_row(198)
    grid.decide(OperatorLabel.NONE)
    assert 198 not in shown(grid)
    assert grid.current_row == 196


def test_deciding_the_last_frame_stays_there(grid, session):
    grid.set_sort(SortOrder.OLDEST)
    grid.select_row(199)
    grid.decide(OperatorLabel.GOOD)
    assert grid.current_row == 199


def test_a_change_of_filter_keeps_the_current_frame_if_it_is_still_in(grid):
    grid.select_row(100)  # good
    grid.set_filter(RowFilter.GOOD)
    assert grid.current_row == 100
    grid.set_sort(SortOrder.P_GOOD_LOW)
    assert grid.current_row == 100
    grid.set_filter(RowFilter.MULTI)
    assert grid.current_row != 100


def test_filter_buttons_filter_and_count(grid, session, qtbot):
    button = grid.filters.button(RowFilter.GOOD)
    assert button.text() == "good 100"
    qtbot.mouseClick(button, Qt.LeftButton)
    assert set(shown(grid)) == set(range(0, 200, 2))
    session.label([0], OperatorLabel.BAD)
    refresh(grid, qtbot)
    assert grid.filters.button(RowFilter.DISAGREE).text() == "disagree 1"
    assert grid.filters.button(RowFilter.LABELLED).text() == "labelled 1"


def test_another_threshold_recounts_and_keeps_the_scroll_position(grid, session, qtbot):
    fill(session, np.linspace(0, 1, 400), grid.run)
    grid.set_filter(RowFilter.GOOD)
    grid.step(1)
    grid.view.verticalScrollBar().setValue(500)
    session.set_rule(DecisionRule(threshold=0.4))
    refresh(grid, qtbot)
    assert grid.view.verticalOffset() == 500
    assert f"{session.counts().good}" in grid.filters.button(RowFilter.GOOD).text()


def test_the_next_unsure_frame_is_one_that_nobody_decided(grid, session):
    fill(session, [0.5, 0.9, 0.55, 0.1, 0.45], grid.run)
    grid.show_new()
    session.label([202], OperatorLabel.GOOD)
    assert grid.next_unsure()
    assert grid.current_row == 204
    assert grid.next_unsure()
    assert grid.current_row == 200
    assert grid.next_unsure()
    assert grid.current_row == 204


def test_next_unsure_changes_the_filter_if_it_must(grid, session):
    fill(session, [0.45], grid.run)
    grid.show_new()
    grid.set_filter(RowFilter.GOOD)
    assert grid.next_unsure()
    assert grid.current_row == 200
    assert grid.filters.button(RowFilter.UNSURE).isChecked()


def test_without_unsure_frames_next_unsure_stays(grid):
    grid.select_row(50)
    assert not grid.next_unsure()
    assert grid.current_row == 50


def test_one_run_or_all(grid, session):
    other = fill(session, [0.9] * 3)
    grid.set_run(other)
    assert shown(grid) == [202, 201, 200]
    grid.set_run(None)
    assert len(shown(grid)) == 203


def test_keys_move_and_enter_opens(grid, qtbot):
    grid.setFocus()
    grid.select_row(199)
    with qtbot.waitSignal(grid.current_row_changed) as signal:
        qtbot.keyClick(grid.view, Qt.Key_Right)
    assert signal.args == [198]
    with qtbot.waitSignal(grid.row_opened) as signal:
        qtbot.keyClick(grid.view, Qt.Key_Return)
    assert signal.args == [198]


def test_no_button_takes_the_keys_away(grid, qtbot):
    with qtbot.waitActive(grid):
        grid.activateWindow()
    grid.setFocus()
    qtbot.mouseClick(grid.filters.button(RowFilter.GOOD), Qt.LeftButton)
    assert grid.view.hasFocus()
    assert grid.filters.sort_box.focusPolicy() == Qt.NoFocus


@pytest.fixture
def large_session_grid(grid, qtbot, monkeypatch):
    """A grid that takes its session for a large one and asks it off the GUI thread."""
    monkeypatch.setattr("spi_viewer.gui.thumbnail_query._INLINE_ROWS", 0)
    yield grid
    qtbot.waitUntil(lambda: grid._query.is_idle)


def test_a_large_session_is_sorted_off_the_gui_thread(large_session_grid, session, qtbot):
    grid = large_session_grid
    threads, select = [], session.select
    session.select = lambda *question: (
        threads.append(threading.current_thread()) or select(*question)
    )
    grid.set_sort(SortOrder.P_GOOD_LOW)
    grid.set_sort(SortOrder.PHOTONS)
    qtbot.waitUntil(lambda: shown(grid)[0] == 199)
    assert threading.main_thread() not in threads
    session.select = select


def test_deciding_in_a_large_session_goes_on_at_once(large_session_grid, session, qtbot):
    grid = large_session_grid
    grid.select_row(199)
    grid.decide(OperatorLabel.GOOD)
    assert grid.current_row == 198
    grid.set_filter(RowFilter.LABELLED)
    qtbot.waitUntil(lambda: shown(grid) == [199])
    grid.select_row(199)
    grid.decide(OperatorLabel.NONE)
    qtbot.waitUntil(lambda: shown(grid) == [])


def test_the_next_unsure_frame_of_a_large_session(large_session_grid, session, qtbot):
    grid = large_session_grid
    fill(session, [0.45], grid.run)
    grid.set_filter(RowFilter.GOOD)
    assert grid.next_unsure()
    qtbot.waitUntil(lambda: grid.current_row == 200)


def test_a_large_session_follows_and_holds(large_session_grid, session, qtbot):
    grid = large_session_grid
    fill(session, [0.5], grid.run)
    grid.select_row(200)
    qtbot.waitUntil(lambda: grid.current_row == 200)
    grid.step(2)
    fill(session, [0.5] * 4, grid.run)
    refresh(grid, qtbot)
    assert shown(grid)[0] == 200
    assert grid.filters.new_button.text() == "↑ 4 new"


def test_an_empty_session_is_no_problem(qtbot, session):
    grid = ThumbnailGrid(session, Settings())
    qtbot.addWidget(grid)
    grid.decide(OperatorLabel.GOOD)
    grid.step(1)
    grid.select_row(5)
    assert not grid.next_unsure()
    assert grid.selected_rows().size == 0
    assert not grid.grab().isNull()


def test_a_refresh_without_news_costs_nothing(grid, session, monkeypatch):
    monkeypatch.setattr(session, "select", None)
    grid.refresh()


def picture_of(grid, qtbot):
    """What the grid shows once it has painted all of it."""
    qtbot.waitUntil(lambda: grid.view.is_painted)
    return grid.view.viewport().grab().toImage()


def test_size_is_remembered_and_thumbnails_follow_the_colour_map(grid, qtbot):
    grid.view.size_changed.emit(120)
    assert grid._settings.thumbnail_size_px == 120
    before = picture_of(grid, qtbot)
    grid.set_colour_map("inferno")
    assert picture_of(grid, qtbot) != before


def test_good_and_bad_differ_in_shape_and_not_only_in_colour(grid):
    from spi_viewer.gui.thumbnail_delegate import verdict_mark

    cells = [grid.model.data(grid.model.index(n), grid.model.CELL_ROLE) for n in (0, 1)]
    assert {verdict_mark(cell) for cell in cells} == {"tick", "cross"}


def test_a_cell_that_is_kept_painted_looks_as_if_painted_anew(grid, session, qtbot):
    def picture():
        return picture_of(grid, qtbot)

    def anew():
        grid.view._delegate._drawn.clear()
        grid.view.dataChanged()
        return picture()

    first = picture()
    assert picture() == first
    session.label([199], OperatorLabel.BAD)
    refresh(grid, qtbot)
    labelled = picture()
    assert labelled != first
    assert labelled == anew()
    session.undo()
    refresh(grid, qtbot)
    assert picture() == first
    for change in (
        lambda: grid.set_colour_map("magma"),
        lambda: grid.view.set_picture_px(128),
        lambda: grid.step(1),
        lambda: session.label([198], OperatorLabel.BAD).size and refresh(grid, qtbot),
    ):
        before = picture()
        change()
        assert picture() == anew() != before


def test_no_more_cells_are_kept_painted_than_some_screens_full(grid, qtbot, monkeypatch):
    from spi_viewer.gui import thumbnail_delegate

    monkeypatch.setattr(thumbnail_delegate, "_CELLS_KEPT", 20)
    grid.view._delegate._drawn.clear()
    grid.view.dataChanged()
    picture_of(grid, qtbot)
    assert len(grid.view._delegate._drawn) == 20
