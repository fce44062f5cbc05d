"""Frames as a film."""

from PyQt5.QtCore import Qt

from spi_viewer.session.row_selection import SortOrder


def test_p_plays_forward_in_time_and_p_stops(qtbot, viewer):
    window = viewer.window
    window.show_row(10)
    window.grid.select_row(10)
    qtbot.keyClick(window, Qt.Key_P)
    assert window.film.is_playing
    assert window.actions_by_name["play"].isChecked()
    qtbot.waitUntil(lambda: window.grid.current_row >= 13)
    qtbot.keyClick(window, Qt.Key_P)
    assert not window.film.is_playing
    row = window.grid.current_row
    assert viewer.inspector.requests[-1] == row
    assert viewer.inspector.requests[-3:] == [row - 2, row - 1, row]
    assert not window.follow.is_following


def test_from_the_newest_it_starts_at_the_oldest(viewer):
    viewer.window.grid.select_row(59)
    viewer.window.film.set_playing(True)
    assert viewer.window.grid.current_row == 0
    viewer.window.film.set_playing(False)


def test_it_ends_with_the_last_frame(viewer):
    film, grid = viewer.window.film, viewer.window.grid
    grid.set_sort(SortOrder.P_GOOD_HIGH)
    grid.select_row(int(grid.model.rows[-2]))
    film.set_playing(True)
    assert grid.current_row == grid.model.rows[-1]
    film.advance()
    assert not film.is_playing
    assert not viewer.window.actions_by_name["play"].isChecked()


def test_it_ends_when_another_frame_is_chosen(qtbot, viewer):
    film, grid = viewer.window.film, viewer.window.grid
    grid.select_row(10)
    film.set_playing(True)
    qtbot.keyClick(viewer.window, Qt.Key_Right)
    chosen = grid.current_row
    film.advance()
    assert not film.is_playing
    assert grid.current_row == chosen


def test_without_frames_there_is_no_film(viewer):
    viewer.window.grid.set_run(viewer.pipeline.open_file("/data/empty.cxi"))
    viewer.window.film.set_playing(True)
    viewer.window.film.advance()
    assert not viewer.window.film.is_playing
