"""All frames as thumbnails: filter, sort, choose, decide and go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QVBoxLayout, QWidget

from spi_viewer.frames import OperatorLabel
from spi_viewer.gui.thumbnail_cursor import ThumbnailCursor
from spi_viewer.gui.thumbnail_filters import ThumbnailFilters
from spi_viewer.gui.thumbnail_model import ThumbnailModel
from spi_viewer.gui.thumbnail_query import LiveQuery
from spi_viewer.gui.thumbnail_selection import Selected, undecided_rows
from spi_viewer.gui.thumbnail_view import ThumbnailView
from spi_viewer.session.row_selection import RowFilter, SortOrder
from spi_viewer.settings import Settings

if TYPE_CHECKING:
    from spi_viewer.session.session import Session

# Filters that a label may take a frame out of.
_LABEL_FILTERS = (RowFilter.LABELLED, RowFilter.DISAGREE)


class ThumbnailGrid(QWidget):
    """The session's frames. What the operator looks at never moves under his hands.

    As soon as somebody clicks, scrolls, moves or decides, frames that arrive later are held back
    and offered by a button ("12 new"), until `show_new`, or until `select_row` asks for one.

    Signals:
        current_row_changed: session row that the operator chose (never one set by `select_row`).
        row_opened: session row that was double clicked or entered.
        labels_changed: labels were written to the session.
        newest_requested: the operator wants to see new frames again.
        export_requested: the operator wants to export.
    """

    current_row_changed = pyqtSignal(int)
    row_opened = pyqtSignal(int)
    labels_changed = pyqtSignal()
    newest_requested = pyqtSignal()
    export_requested = pyqtSignal()

    def __init__(self, session: Session, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._settings = settings
        self.filters = ThumbnailFilters(self)
        self.model = ThumbnailModel(session, settings.colour_map, self)
        self.view = ThumbnailView(settings.thumbnail_size_px, self)
        self.view.setModel(self.model)
        self._cursor = ThumbnailCursor(self.view, self.model)
        self._query = LiveQuery(session, self)
        self.setFocusProxy(self.view)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(4)
        layout.addWidget(self.filters)
        layout.addWidget(self.view, 1)
        self._connect_parts()
        self._query.ask()

    def _connect_parts(self) -> None:
        self.filters.filter_chosen.connect(self.set_filter)
        self.filters.sort_chosen.connect(self.set_sort)
        self.filters.new_wanted.connect(self.show_new)
        self.filters.export_wanted.connect(self.export_requested)
        self._query.answered.connect(self._show)
        self._cursor.moved.connect(self._report_current)
        self._cursor.scrolled.connect(self._query.hold)
        self.view.opened.connect(
            lambda position: self.row_opened.emit(self._cursor.row_at(position))
        )
        self.view.size_changed.connect(self._remember_size)

    # What is shown

    @property
    def current_row(self) -> int | None:
        """Session row of the current thumbnail."""
        return self._cursor.row

    def selected_rows(self) -> NDArray[np.int64]:
        """Session rows that are selected, in display order; the current one if none is."""
        return self._cursor.selected_rows()

    def refresh(self) -> None:
        """Show what is new in the session. Cheap to call at any rate."""
        self._query.refresh()

    def set_run(self, run: int | None) -> None:
        """Show one run, or all."""
        if run != self._query.choice.run:
            self._query.choose(self._cursor.scroll_to_current, run=run)

    def set_filter(self, row_filter: RowFilter) -> None:
        """Show other frames; the current one stays current if it is among them."""
        self.filters.show_filter(row_filter)
        self._query.choose(self._cursor.scroll_to_current, row_filter=row_filter)

    def set_sort(self, order: SortOrder) -> None:
        """Show frames in another order."""
        self.filters.sort_box.setCurrentIndex(self.filters.sort_box.findData(order))
        self._query.choose(self._cursor.scroll_to_current, order=order)

    def set_colour_map(self, name: str) -> None:
        """Paint thumbnails in other colours."""
        self.model.set_colour_map(name)

    def _show(self, selected: Selected) -> None:
        self.model.forget_facts()
        self._cursor.keep_over(selected.rows)
        self.filters.show_new(selected.held_back)
        self.filters.show_counts(selected.counts)

    # What others choose

    def select_row(self, row: int) -> None:
        """Make a session row current, from outside: nothing is reported.

        New frames keep coming in while `row` is among the first ones shown, as it is when somebody
        follows the newest. A row that the filter leaves out is not shown.
        """
        was_held_back = self._query.holds_back(row)
        if was_held_back:
            self._query.let_in()
        if self.model.position_of(row) >= 0:
            self._show_row(row)
        elif was_held_back or not self._query.is_up_to_date:
            self._query.ask(lambda: self._show_row(row))

    def select_rows(self, rows: NDArray[np.int64]) -> None:
        """Select these session rows, from outside; the filter becomes 'all' if it leaves some out.

        The first of them in the grid's order becomes the current one.
        """
        self._query.hold()
        if np.isin(rows, self.model.rows).all():
            self._select(rows)
        else:
            self.filters.show_filter(RowFilter.ALL)
            self._query.choose(lambda: self._select(rows), row_filter=RowFilter.ALL)

    def _show_row(self, row: int) -> None:
        if self._cursor.choose(row) and self.view.verticalOffset() > 0:
            self._query.hold()

    def _select(self, rows: NDArray[np.int64]) -> None:
        if self._cursor.select(rows):
            self.current_row_changed.emit(self.current_row)

    # What the operator does

    def step(self, count: int) -> None:
        """Go on by so many thumbnails; negative goes back."""
        if len(self.model.rows):
            self._query.hold()
            self._cursor.step(count)

    def play_on(self, from_start_if_over: bool = False) -> bool:
        """Go on by one frame in a film's direction, forward in time; False at the end."""
        count = len(self.model.rows)
        newest_first = self._query.choice.order is SortOrder.NEWEST
        position = self._cursor.position
        following = position + (-1 if newest_first and position >= 0 else 1)
        if not 0 <= following < count:
            if not (from_start_if_over and count):
                return False
            following = count - 1 if newest_first else 0
        self._query.hold()
        self.view.choose(following)
        return True

    def decide(self, label: OperatorLabel) -> None:
        """Label the selected frames and go on to the next one.

        SessionError, with nothing changed, if the label cannot be kept.
        """
        rows = self.selected_rows()
        if rows.size == 0:
            return
        self._query.hold()
        last = self.model.position_of(int(rows[-1]))
        following = self.model.rows[last + 1 : last + 2]
        self._session.label(rows, label)
        if self._query.choice.row_filter in _LABEL_FILTERS:
            self._query.ask(lambda: self._cursor.go_on(following, last))
        else:
            self.model.forget_facts()
            self._cursor.go_on(following, last)
            self.refresh()
        self.labels_changed.emit()

    def next_unsure(self) -> bool:
        """Go to the next unsure frame that nobody has decided; False if there is none.

        Looks from the current frame to the end, then from the start; if the filter shows none,
        the filter becomes 'unsure'.
        """
        if self._undecided().size == 0:
            return False
        self._query.hold()
        if not self._go_to_undecided():
            self._query.choose(self._go_to_undecided, row_filter=RowFilter.UNSURE)
            self.filters.show_filter(RowFilter.UNSURE)
        return True

    def _undecided(self) -> NDArray[np.int64]:
        return undecided_rows(self._session, self._query.choice.run)

    def _go_to_undecided(self) -> bool:
        return self._cursor.go_to_next_of(self._undecided())

    def show_new(self) -> None:
        """Let new frames in again, and go to the top."""
        self._query.let_in()
        self._query.ask(self._cursor.scroll_to_top)
        self.newest_requested.emit()

    def _report_current(self, row: int) -> None:
        self._query.hold()
        self.current_row_changed.emit(row)

    def _remember_size(self, picture_px: int) -> None:
        self._settings.thumbnail_size_px = picture_px
