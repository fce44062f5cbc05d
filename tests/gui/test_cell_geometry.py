"""Where cells lie: for any window, size and scroll, what one is told of a cell fits together."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PyQt5.QtCore import QPoint, QRect
from PyQt5.QtWidgets import QAbstractItemView as View

from spi_viewer.gui.cell_geometry import LARGEST_PX, SMALLEST_PX, CellGeometry


@st.composite
def geometries(draw):
    geometry = CellGeometry(
        width=draw(st.integers(1, 3000)),
        height=draw(st.integers(1, 2000)),
        picture_px=draw(st.integers(SMALLEST_PX, LARGEST_PX)),
        caption_px=draw(st.integers(0, 30)),
        count=draw(st.integers(1, 5000)),
        scrolled=0,
    )
    return CellGeometry(
        **{**vars_of(geometry), "scrolled": draw(st.integers(0, geometry.farthest))}
    )


def vars_of(geometry: CellGeometry) -> dict[str, int]:
    names = ("width", "height", "picture_px", "caption_px", "count", "scrolled")
    return {name: getattr(geometry, name) for name in names}


def with_scroll(geometry: CellGeometry, scrolled: int) -> CellGeometry:
    return CellGeometry(**{**vars_of(geometry), "scrolled": scrolled})


@given(geometries(), st.data())
def test_a_click_in_a_cell_is_on_that_cell(geometry, data):
    position = data.draw(st.sampled_from(range(geometry.count)))
    assert geometry.position_at(geometry.rect(position).center()) == position


@given(geometries())
def test_cells_of_a_line_lie_side_by_side_within_the_width(geometry):
    cells = [geometry.rect(position) for position in range(geometry.columns)]
    assert cells[0].left() >= 0
    assert cells[-1].right() < geometry.width
    for one, other in itertools.pairwise(cells):
        assert one.right() < other.left()
    assert len({(cell.width(), cell.top()) for cell in cells}) == 1


@given(geometries())
def test_what_is_visible_is_what_lies_in_the_viewport(geometry):
    viewport = QRect(0, 0, geometry.width, geometry.height)
    shown = set(geometry.visible_positions())
    for position in range(geometry.count):
        if geometry.rect(position).intersects(viewport):
            assert position in shown
    lines = geometry.height // geometry.cell_height + 2
    assert len(shown) <= lines * geometry.columns  # however many there are


@given(geometries(), st.data())
def test_scrolled_to_a_cell_it_is_seen_as_far_as_it_fits(geometry, data):
    position = data.draw(st.sampled_from(range(geometry.count)))
    there = with_scroll(geometry, geometry.scrolled_to(position, View.EnsureVisible))
    cell = there.rect(position)
    assert cell.top() >= 0
    assert cell.bottom() < geometry.height or cell.top() == 0
    assert there.scrolled_to(position, View.EnsureVisible) == there.scrolled
    assert there.scrolled <= max(geometry.farthest, geometry.scrolled)


@given(geometries(), st.data())
def test_keys_lead_to_a_cell_and_back(geometry, data):
    position = data.draw(st.sampled_from(range(geometry.count)))
    down = geometry.moved(position, View.MoveDown)
    assert geometry.moved(position, View.MoveHome) == 0
    assert geometry.moved(position, View.MoveEnd) == geometry.count - 1
    assert 0 <= geometry.moved(position, View.MovePageUp) <= position
    assert position <= geometry.moved(position, View.MovePageDown) < geometry.count
    if position + geometry.columns < geometry.count:
        assert geometry.rect(down).left() == geometry.rect(position).left()
        assert geometry.moved(down, View.MoveUp) == position


def test_without_a_current_cell_any_key_leads_to_the_first():
    geometry = CellGeometry(600, 400, 100, 16, 50, 0)
    assert geometry.moved(-1, View.MovePageDown) == 0


@pytest.mark.parametrize(("x", "y", "position"), [(-5, 10, 0), (10, -40, 0), (599, 10**6, 49)])
def test_a_drag_beyond_the_cells_is_on_the_nearest(x, y, position):
    geometry = CellGeometry(600, 400, 100, 16, 50, 0)
    assert geometry.nearest_position_at(QPoint(x, y)) == position


def test_a_low_strip_shows_smaller_pictures_rather_than_half_of_them():
    low = CellGeometry(1000, 120, 200, 16, 50, 0)
    assert low.cell_height <= 120
    assert CellGeometry(1000, 600, 200, 16, 50, 0).columns < low.columns
