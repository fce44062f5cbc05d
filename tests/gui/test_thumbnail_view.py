"""The grid over a million frames: layout by arithmetic, keys and mouse."""

import numpy as np
import pytest
from PyQt5.QtCore import QPoint, QPointF, Qt
from PyQt5.QtGui import QWheelEvent
from PyQt5.QtWidgets import QApplication

from spi_viewer.frames import DecisionRule, FrameId
from spi_viewer.gui.thumbnail_model import ThumbnailModel
from spi_viewer.gui.thumbnail_view import ThumbnailView


class MillionFrames:
    """Answers like a session of a million frames, and notes how many were asked for."""

    rule = DecisionRule()

    def __init__(self):
        self.asked = set()

    def thumbnails(self, rows):
        self.asked.update(rows)
        return np.full((len(rows), 64, 64), 90, np.uint8)

    def probabilities(self, rows):
        return np.tile(np.array([0.7, 0.1, 0.1, 0.1], np.float32), (len(rows), 1))

    def verdicts(self, rows):
        return np.ones(len(rows), np.int8)

    def labels(self, rows):
        return np.full(len(rows), -1, np.int8)

    def flags(self, rows):
        return np.zeros(len(rows), np.uint32)

    def unsure(self, rows):
        return np.zeros(len(rows), bool)

    def model(self, row):
        return "resnet10", "0"

    def frame_id(self, row):
        return FrameId("/data/r0173.cxi", "/data", row)


@pytest.fixture
def view(qtbot):
    view = ThumbnailView(96)
    qtbot.addWidget(view)
    view.frames = MillionFrames()
    view.rows = ThumbnailModel(view.frames, "viridis", view)
    view.rows.set_rows(np.arange(1_000_000)[::-1])
    view.setModel(view.rows)
    view.resize(1354, 300)
    view.show()
    qtbot.waitUntil(view.isVisible)
    view.grab()
    return view


def position(view):
    return view.currentIndex().row()


def test_only_what_is_seen_is_fetched(view):
    view.verticalScrollBar().setValue(view.verticalScrollBar().maximum())
    view.grab()
    assert 0 in view.frames.asked  # the very last one
    assert len(view.frames.asked) < 400


def test_cells_fill_the_width_evenly(view):
    columns = view.columns
    first, last = view.cell_rect(0), view.cell_rect(columns - 1)
    assert first.left() <= 4
    assert view.viewport().width() - last.right() <= 4
    assert view.cell_rect(columns).top() == first.bottom() + 1
    gaps = {view.cell_rect(n + 1).left() - view.cell_rect(n).right() for n in range(columns - 1)}
    assert max(gaps) - min(gaps) <= 2
    sizes = {(view.cell_rect(n).width(), view.cell_rect(n).height()) for n in range(columns)}
    assert len(sizes) == 1


def test_a_low_grid_shows_whole_thumbnails(view, qtbot):
    for height in (70, 90, 110, 130):
        view.resize(1354, height)
        assert view.cell_rect(0).height() <= view.viewport().height()
        assert view.cell_rect(0).height() > 0.8 * min(110, view.viewport().height())


def test_every_cell_is_found_under_its_own_centre(view):
    for number in (*range(0, 40), 999_999):
        view.scrollTo(view.rows.index(number))
        assert view.indexAt(view.cell_rect(number).center()).row() == number


def test_arrows_pages_and_ends(view, qtbot):
    view.choose(0)
    columns = view.columns
    for key, expected in (
        (Qt.Key_Right, 1),
        (Qt.Key_Down, 1 + columns),
        (Qt.Key_Left, columns),
        (Qt.Key_Up, 0),
        (Qt.Key_Up, 0),
        (Qt.Key_End, 999_999),
        (Qt.Key_Right, 999_999),
        (Qt.Key_Home, 0),
    ):
        qtbot.keyClick(view, key)
        assert position(view) == expected
        assert view.viewport().rect().intersects(view.cell_rect(expected))
    qtbot.keyClick(view, Qt.Key_PageDown)
    assert position(view) % columns == 0
    assert position(view) > 0


def test_shift_extends_in_reading_order(view, qtbot):
    view.choose(3)
    qtbot.keyClick(view, Qt.Key_Down, Qt.ShiftModifier)
    qtbot.keyClick(view, Qt.Key_Right, Qt.ShiftModifier)
    assert list(view.selected_positions()) == list(range(3, 3 + view.columns + 2))
    qtbot.keyClick(view, Qt.Key_Left, Qt.ShiftModifier)
    qtbot.keyClick(view, Qt.Key_Up, Qt.ShiftModifier)
    assert list(view.selected_positions()) == [3]


def test_clicks_choose_add_and_extend(view, qtbot):
    def click(number, modifier=Qt.NoModifier):
        point = view.cell_rect(number).center()
        qtbot.mouseClick(view.viewport(), Qt.LeftButton, modifier, point)

    click(2)
    click(5, Qt.ControlModifier)
    assert list(view.selected_positions()) == [2, 5]
    click(8)
    click(6, Qt.ShiftModifier)
    assert list(view.selected_positions()) == [6, 7, 8]


def test_everything_can_be_selected(view):
    view.selectAll()
    assert view.selected_positions().size == 1_000_000


def test_a_selection_can_be_restored(view):
    wanted = np.array([1, 2, 3, 70, 900_000])
    view.choose(2)
    view.select_positions(wanted)
    np.testing.assert_array_equal(view.selected_positions(), wanted)
    assert position(view) == 2


def test_frames_inserted_on_top_leave_current_and_selection_on_their_frames(view):
    view.choose(10)
    row = view.rows.rows[10]
    view.rows.set_rows(np.arange(1_000_005)[::-1])
    assert position(view) == 15
    assert view.rows.rows[position(view)] == row
    assert list(view.selected_positions()) == [15]


def test_enter_and_double_click_open(view, qtbot):
    view.choose(7)
    with qtbot.waitSignal(view.opened) as signal:
        qtbot.keyClick(view, Qt.Key_Return)
    assert signal.args == [7]
    point = view.cell_rect(3).center()
    with qtbot.waitSignal(view.opened) as signal:
        qtbot.mouseClick(view.viewport(), Qt.LeftButton, pos=point)
        qtbot.mouseDClick(view.viewport(), Qt.LeftButton, pos=point)
    assert signal.args == [3]


def test_ctrl_and_wheel_change_the_size_and_keep_the_current_frame_in_sight(view, qtbot):
    view.choose(5000)
    before = view.columns
    event = QWheelEvent(
        QPointF(50, 50), QPointF(50, 50), QPoint(), QPoint(0, 120), Qt.NoButton,
        Qt.ControlModifier, Qt.NoScrollPhase, False,
    )  # fmt: skip
    with qtbot.waitSignal(view.size_changed) as signal:
        for _ in range(4):
            QApplication.sendEvent(view.viewport(), event)
    assert signal.args == [104]
    assert view.columns < before
    assert view.viewport().rect().intersects(view.cell_rect(5000))


def test_letters_are_no_search(view, qtbot):
    view.choose(4)
    qtbot.keyClicks(view, "g1")
    assert position(view) == 4


@pytest.mark.parametrize("width", [1, 60, 330, 4000])
def test_any_width_is_drawn(view, width):
    view.resize(width, 200)
    assert not view.grab().isNull()
    assert view.columns >= 1
