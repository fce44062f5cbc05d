"""Frames as points: click, loop, label."""

import time
from dataclasses import replace

import numpy as np
import pytest
from PyQt5.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt5.QtGui import QMouseEvent
from PyQt5.QtWidgets import QApplication

from spi_viewer.feature_planes import diffusion_plane
from spi_viewer.frames import OperatorLabel
from spi_viewer.gui.embedding_layout import GROUPS
from spi_viewer.gui.lasso import inside
from spi_viewer.session.row_selection import RowFilter


@pytest.fixture
def embedding(qtbot, viewer):
    """The tab in front, laid out."""
    viewer.window.layout_of_docks.docks["embedding"].raise_()
    view = viewer.window.embedding
    qtbot.waitUntil(view.isVisible)
    view.refresh()
    qtbot.waitUntil(lambda: view.row_count == 59)  # of 60: one frame has no pattern
    qtbot.waitUntil(lambda: view._layouts.is_idle)
    QApplication.processEvents()
    return view


def pixel(view, place: QPointF) -> QPoint:
    return view.plot.mapFromScene(view.box.mapViewToScene(place))


def drag(view, corners: list[QPoint]) -> None:
    """Press at the first corner, move through all, let go at the last."""
    held, let_go = Qt.MouseButtons(Qt.LeftButton), Qt.MouseButtons(Qt.NoButton)
    deeds = [(QEvent.MouseButtonPress, corners[0], held)]
    deeds += [(QEvent.MouseMove, corner, held) for corner in corners[1:]]
    deeds += [(QEvent.MouseButtonRelease, corners[-1], let_go)]
    for kind, corner, buttons in deeds:
        event = QMouseEvent(kind, corner, Qt.LeftButton, buttons, Qt.NoModifier)
        QApplication.sendEvent(view.plot.viewport(), event)


def test_inside_agrees_with_simple_shapes():
    points = np.array([[0.5, 0.5], [1.5, 0.5], [0.5, -0.1], [0.9, 0.9], [np.nan, 0.5]], np.float32)
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    assert inside(points, square).tolist() == [True, False, False, True, False]
    triangle = np.array([[0, 0], [1, 0], [0, 1]], float)
    assert inside(points, triangle).tolist() == [False, False, False, False, False]
    assert inside(points, square[:1]).tolist() == [False] * 5


def test_a_click_on_a_point_shows_its_frame(qtbot, viewer, embedding):
    qtbot.mouseClick(
        embedding.plot.viewport(), Qt.LeftButton, pos=pixel(embedding, embedding.place_of(17))
    )
    qtbot.waitUntil(lambda: not viewer.window.follow.is_following)
    shown = viewer.inspector.requests[-1]
    one, other = embedding.place_of(17), embedding.place_of(shown)
    assert (pixel(embedding, one) - pixel(embedding, other)).manhattanLength() < 20
    ringed = embedding._current.getData()
    assert (ringed[0][0], ringed[1][0]) == pytest.approx((other.x(), other.y()))


def test_a_loop_around_a_cluster_selects_it_and_g_labels_it(qtbot, viewer, embedding):
    window = viewer.window
    window.grid.set_filter(RowFilter.LABELLED)  # none is shown: the loop brings them back
    points = embedding._layout.points
    left = points[:, 0] < np.median(points[:, 0])
    expected = set(embedding._layout.rows[left].tolist())
    area = embedding.box.sceneBoundingRect()
    middle = pixel(embedding, QPointF(float(np.median(points[:, 0])), 0)).x()
    first = embedding.plot.mapFromScene(area.topLeft()) + QPoint(2, 2)
    last = embedding.plot.mapFromScene(area.bottomLeft()) + QPoint(2, -2)
    drag(embedding, [first, QPoint(middle, first.y()), QPoint(middle, last.y()), last])
    selected = set(window.grid.selected_rows().tolist())
    assert len(selected ^ expected) <= 3  # pixels are coarser than points
    assert len(selected) > 20
    assert f"{len(selected)} frames selected" in window.statusBar().currentMessage()
    qtbot.keyClick(window, Qt.Key_G)
    labels = viewer.session.labels(range(60))
    assert set(np.flatnonzero(labels == OperatorLabel.GOOD).tolist()) == selected
    qtbot.keyClick(window, Qt.Key_Z, Qt.ControlModifier)
    assert (viewer.session.labels(range(60)) == OperatorLabel.NONE).all()


def test_points_keep_their_places_while_a_loop_is_drawn(viewer, embedding):
    embedding.box.is_drawing = True
    viewer.pipeline.add_frames(0, 10, start=60)
    embedding.refresh()
    assert embedding._layouts.is_idle
    embedding.box.is_drawing = False


def test_the_diffusion_map_is_another_layout_and_is_remembered(qtbot, viewer, embedding):
    before = embedding._layout.points
    embedding.plane.setFocus()
    qtbot.keyClick(embedding.plane, Qt.Key_Down)
    qtbot.waitUntil(lambda: embedding._layout.points is not before)
    rows, values = viewer.pipeline.features.snapshot()
    assert set(rows) == set(embedding._layout.rows)
    expected = diffusion_plane(values)[np.argsort(rows)]
    shown = embedding._layout.points[np.argsort(embedding._layout.rows)]
    np.testing.assert_allclose(shown, expected, atol=1e-5)
    assert viewer.window._settings.embedding_plane == "diffusion"


def test_an_empty_loop_selects_nothing(viewer, embedding):
    before = viewer.window.grid.selected_rows().tolist()
    embedding._choose_loop(np.array([[1e5, 1e5], [1.1e5, 1e5], [1e5, 1.1e5]]))
    assert viewer.window.grid.selected_rows().tolist() == before


def test_what_changed_while_it_rested_is_shown_in_the_end(qtbot, viewer, embedding):
    embedding._rested_at_s = time.monotonic() + 0.4
    viewer.session.label(np.arange(60), OperatorLabel.GOOD)
    viewer.window.bridge.look()
    embedding.refresh()
    qtbot.waitUntil(lambda: (embedding._layout.group == GROUPS.index("good")).all())


def test_points_stay_under_a_loop_when_a_layout_comes(qtbot, viewer, embedding):
    before = embedding._layout
    chosen = []
    embedding.rows_chosen.connect(chosen.append)
    embedding.box.is_drawing = True
    other = replace(before, points=before.points[::-1] + 3, took_s=0.0)
    embedding._take(other)
    assert embedding._layout is before
    embedding.box.is_drawing = False
    middle = before.points.mean(0)
    left = np.array([[-1e3, -1e3], [middle[0], -1e3], [middle[0], 1e3], [-1e3, 1e3]])
    embedding._choose_loop(left)
    assert set(chosen[0]) == set(before.rows[before.points[:, 0] < middle[0]])
    assert embedding._layout is other


def test_a_layout_that_nobody_wants_any_more_is_dropped(qtbot, viewer, embedding):
    before = embedding._layout
    embedding._take(replace(before, points=before.points + 1, plane="diffusion"))
    assert embedding._layout is before


def test_another_layout_is_in_sight_though_the_last_was_zoomed(qtbot, viewer, embedding):
    embedding.box.setRange(xRange=(1e3, 1e3 + 1), yRange=(0, 1), disableAutoRange=True)
    embedding.plane.setFocus()
    qtbot.keyClick(embedding.plane, Qt.Key_Down)

    def are_seen():
        (left, right), (low, high) = embedding.box.viewRange()
        x, y = embedding._layout.points.T
        return (x >= left).all() and (x <= right).all() and (y >= low).all() and (y <= high).all()

    qtbot.waitUntil(lambda: embedding._layout.plane == "diffusion" and are_seen())


def test_a_click_on_a_point_leaves_the_arrows_to_the_thumbnails(qtbot, viewer, embedding):
    place = pixel(embedding, embedding.place_of(17))
    qtbot.mouseClick(embedding.plot.viewport(), Qt.LeftButton, pos=place)
    row = viewer.window.grid.current_row
    qtbot.keyClick(viewer.window.focusWidget(), Qt.Key_Right)
    assert viewer.window.grid.current_row != row


def test_only_frames_of_the_chosen_run_are_laid_out(qtbot, viewer, embedding):
    run = viewer.pipeline.open_file("/data/run1.cxi")
    viewer.pipeline.add_frames(run, 20, start=100)
    viewer.window.select_run(run)
    qtbot.waitUntil(lambda: 0 < embedding.row_count <= 20)
    viewer.window.select_run(None)
    viewer.window.bridge.look()
    qtbot.waitUntil(lambda: embedding.row_count > 60)


def test_a_model_without_features_is_no_fault(qtbot, empty_viewer):
    empty_viewer.window.layout_of_docks.docks["embedding"].raise_()
    view = empty_viewer.window.embedding
    qtbot.waitUntil(view.isVisible)
    assert "if the model has features" in view.note.text()
    qtbot.mouseClick(view.plot.viewport(), Qt.LeftButton, pos=view.plot.rect().center())
    assert view.row_count == 0
