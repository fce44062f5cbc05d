"""Where thumbnails lie in their grid: arithmetic on positions, the same for ten and a million."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from PyQt5.QtCore import QPoint, QRect
from PyQt5.QtWidgets import QAbstractItemView

from spi_viewer.gui.thumbnail_delegate import GAP_PX

SMALLEST_PX, LARGEST_PX = 48, 256


@dataclass(frozen=True)
class CellGeometry:
    """Cells in lines that fill the width evenly; in viewport coordinates, lengths in pixels.

    Attributes:
        width: of the viewport.
        height: of the viewport.
        picture_px: side of a picture as it is wanted.
        caption_px: height below a picture.
        count: number of cells.
        scrolled: how far down.
    """

    width: int
    height: int
    picture_px: int
    caption_px: int
    count: int
    scrolled: int

    @cached_property
    def columns(self) -> int:
        """Pictures side by side; smaller ones where the height holds no whole line."""
        line = self.height - self.caption_px
        cell = min(self.picture_px + 2 * GAP_PX, max(SMALLEST_PX, line))
        most = -(-self.width // line) if SMALLEST_PX <= line <= cell else 1
        return max(1, self.width // cell, most)

    @cached_property
    def cell_height(self) -> int:
        """Of a picture, what is around it, and its caption."""
        return self.width // self.columns + self.caption_px

    def rect(self, position: int) -> QRect:
        """Of the cell at a position."""
        line, column = divmod(position, self.columns)
        left = column * self.width // self.columns
        right = (column + 1) * self.width // self.columns
        # Pictures stay equally large although widths differ by the rounding.
        even = self.width // self.columns
        left += (right - left - even) // 2
        return QRect(left, line * self.cell_height - self.scrolled, even, self.cell_height)

    def position_at(self, point: QPoint) -> int:
        """Position under a point; above and below the cells, of one that is not there."""
        column = point.x() * self.columns // max(1, self.width)
        line = (point.y() + self.scrolled) // self.cell_height
        return line * self.columns + min(self.columns - 1, max(0, column))

    def nearest_position_at(self, point: QPoint) -> int:
        """Position under a point, or else the first or the last."""
        return self._clipped(self.position_at(point))

    def visible_positions(self) -> range:
        """Positions that are at least partly on screen."""
        first = self.scrolled // self.cell_height * self.columns
        last = ((self.scrolled + self.height) // self.cell_height + 1) * self.columns
        return range(max(0, first), min(self.count, last))

    def moved(self, position: int, action: QAbstractItemView.CursorAction) -> int:
        """Where a key leads from a position; to the first one if it is -1."""
        page = self.whole_lines * self.columns
        steps = {
            QAbstractItemView.MoveLeft: -1,
            QAbstractItemView.MovePrevious: -1,
            QAbstractItemView.MoveRight: 1,
            QAbstractItemView.MoveNext: 1,
            QAbstractItemView.MoveUp: -self.columns,
            QAbstractItemView.MoveDown: self.columns,
            QAbstractItemView.MovePageUp: -page,
            QAbstractItemView.MovePageDown: page,
            QAbstractItemView.MoveHome: -self.count,
            QAbstractItemView.MoveEnd: self.count,
        }
        return 0 if position < 0 else self._clipped(position + steps[action])

    def scrolled_to(self, position: int, hint: QAbstractItemView.ScrollHint) -> int:
        """How far down to be, from here no further than it takes to see the whole cell."""
        rect = self.rect(position)
        if hint == QAbstractItemView.PositionAtTop or rect.top() < 0:
            return self.scrolled + rect.top()
        if hint == QAbstractItemView.PositionAtCenter:
            return self.scrolled + rect.center().y() - self.height // 2
        if rect.bottom() > self.height:
            return self.scrolled + min(rect.bottom() - self.height + 1, rect.top())
        return self.scrolled

    @property
    def whole_lines(self) -> int:
        """Lines that fit on the screen, at least one."""
        return max(1, self.height // self.cell_height)

    @property
    def farthest(self) -> int:
        """How far down one can be."""
        lines = -(-self.count // self.columns)
        return max(0, lines * self.cell_height - self.height)

    def _clipped(self, position: int) -> int:
        return min(self.count - 1, max(0, position))
