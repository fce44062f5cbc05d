"""All frames as thumbnails: filter, sort, choose, decide and go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import QModelIndex, QTimer, pyqtSignal
from PyQt5.QtWidgets import QVBoxLayout, QWidget

from spi_viewer.frames import OperatorLabel
from spi_viewer.gui.newest_result import NewestResult
from spi_viewer.gui.thumbnail_filters import ThumbnailFilters
from spi_viewer.gui.thumbnail_model import ThumbnailModel
from spi_viewer.gui.thumbnail_selection import Choice, Selected, select_shown
from spi_viewer.gui.thumbnail_view import ThumbnailView
from spi_viewer.session.row_selection import RowFilter, SortOrder
from spi_viewer.settings import Settings

if TYPE_CHECKING:
    from spi_viewer.session.session import Session

_REST_PER_WORK = 6  # a refresh of a huge session waits this many times its own duration
_NEWS_INTERVAL_S = 0.4  # a hundred thumbnails are painted anew for each
_INLINE_ROWS = 30_000  # sorting more takes longer than the GUI thread has
_WAIT_MS = 30
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
        self._choice = Choice()
        self._after: Callable[[], object] | None = None  # to do once the choice is shown
        self._selecting = NewestResult(self)
        self._selecting.ready.connect(self._apply)
        self._shown_count = 0
        self._quiet = False
        self._seen_revision = -1
        self._rested_at_s = 0.0
        self.filters = ThumbnailFilters(self)
        self.model = ThumbnailModel(session, settings.colour_map, self)
        self.view = ThumbnailView(settings.thumbnail_size_px, self)
        self.view.setModel(self.model)
        self.setFocusProxy(self.view)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self.refresh)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(4)
        layout.addWidget(self.filters)
        layout.addWidget(self.view, 1)
        self._connect_parts()
        self._ask()

    def _connect_parts(self) -> None:
        self.filters.filter_chosen.connect(self.set_filter)
        self.filters.sort_chosen.connect(self.set_sort)
        self.filters.new_wanted.connect(self.show_new)
        self.filters.export_wanted.connect(self.export_requested)
        self.view.selectionModel().currentChanged.connect(self._report_current)
        self.view.opened.connect(lambda position: self.row_opened.emit(self._row_at(position)))
        self.view.size_changed.connect(self._remember_size)
        self.view.verticalScrollBar().valueChanged.connect(self._hold_if_scrolled)

    # What is shown

    @property
    def current_row(self) -> int | None:
        """Session row of the current thumbnail."""
        index = self.view.currentIndex()
        return self._row_at(index.row()) if index.isValid() else None

    def selected_rows(self) -> NDArray[np.int64]:
        """Session rows that are selected, in display order; the current one if none is."""
        positions = self.view.selected_positions()
        if positions.size == 0 and self.view.currentIndex().isValid():
            positions = np.array([self.view.currentIndex().row()])
        return self.model.rows[positions]

    def refresh(self) -> None:
        """Show what is new in the session. Cheap to call at any rate."""
        if self._session.revision == self._seen_revision:
            return
        wait_ms = int(1000 * (self._rested_at_s - time.monotonic())) + 1
        if not self._selecting.is_idle:
            wait_ms = max(wait_ms, _WAIT_MS)
        if wait_ms <= 1:
            self._ask()
        elif not self._later.isActive():
            self._later.start(wait_ms)

    def set_run(self, run: int | None) -> None:
        """Show one run, or all."""
        if run != self._choice.run:
            self._choose(run=run)

    def set_filter(self, row_filter: RowFilter) -> None:
        """Show other frames; the current one stays current if it is among them."""
        self.filters.show_filter(row_filter)
        self._choose(row_filter=row_filter)

    def set_sort(self, order: SortOrder) -> None:
        """Show frames in another order."""
        self.filters.sort_box.setCurrentIndex(self.filters.sort_box.findData(order))
        self._choose(order=order)

    def set_colour_map(self, name: str) -> None:
        """Paint thumbnails in other colours."""
        self.model.set_colour_map(name)

    def _choose(self, after: Callable[[], object] | None = None, **changes: Any) -> None:
        """Another choice of frames: with the newest of them too."""
        if self._choice.held_from is not None:
            changes["held_from"] = self._session.row_count
        self._choice = replace(self._choice, **changes)
        self._ask(after or self._scroll_to_current)

    def _scroll_to_current(self) -> None:
        current = self.view.currentIndex()
        if current.isValid():
            self._quietly(lambda: self.view.scrollTo(current))
        else:
            self._quietly(self.view.scrollToTop)

    def _ask(self, after: Callable[[], object] | None = None) -> None:
        """Ask for the choice, at once for a small session, else off the GUI thread."""
        self._after = after or self._after
        session, choice = self._session, self._choice
        if session.row_count <= _INLINE_ROWS:
            self._apply(select_shown(session, choice))
        else:
            self._selecting.request(lambda: select_shown(session, choice))

    def _apply(self, selected: Selected) -> None:
        if selected.choice != self._choice:
            return  # another question has been asked meanwhile
        started_s = time.monotonic()
        self._seen_revision, self._shown_count = selected.revision, selected.row_count
        self.model.forget_facts()
        self._quietly(lambda: self._set_rows(selected.rows))
        self.filters.show_new(selected.held_back)
        self.filters.show_counts(selected.counts)
        after, self._after = self._after, None
        if after is not None:
            after()
        ended_s = time.monotonic()
        rest_s = max(_NEWS_INTERVAL_S, _REST_PER_WORK * (ended_s - started_s))
        self._rested_at_s = ended_s + rest_s

    def _set_rows(self, rows: NDArray[np.int64]) -> None:
        current, scrolled = self.current_row, self.view.verticalOffset()
        selected = self.model.rows[self.view.selected_positions()]
        if self.model.set_rows(rows):
            return
        position = self.model.position_of(current) if current is not None else -1
        if position >= 0:
            self.view.choose(position)
            if selected.size > 1:
                self.view.select_positions(np.flatnonzero(np.isin(rows, selected)))
            self.view.verticalScrollBar().setValue(scrolled)

    # What the operator does

    def select_row(self, row: int) -> None:
        """Make a session row current, from outside: nothing is reported.

        New frames keep coming in while `row` is among the first ones shown, as it is when somebody
        follows the newest. A row that the filter leaves out is not shown.
        """
        held_from = self._choice.held_from
        if held_from is not None and row >= held_from:
            self._choice = replace(self._choice, held_from=None)
        if self.model.position_of(row) >= 0:
            self._choose_quietly(row)
        elif self._seen_revision != self._session.revision or self._choice.held_from != held_from:
            self._ask(lambda: self._choose_quietly(row))

    def select_rows(self, rows: NDArray[np.int64]) -> None:
        """Select these session rows, from outside; the filter becomes 'all' if it leaves some out.

        The first of them in the grid's order becomes the current one.
        """
        self._hold()
        if np.isin(rows, self.model.rows).all():
            self._select_quietly(rows)
        else:
            self.filters.show_filter(RowFilter.ALL)
            self._choose(lambda: self._select_quietly(rows), row_filter=RowFilter.ALL)

    def _select_quietly(self, rows: NDArray[np.int64]) -> None:
        positions = np.flatnonzero(np.isin(self.model.rows, rows))
        if positions.size:
            self._quietly(lambda: self.view.choose(int(positions[0])))
            self.view.select_positions(positions)
            self.current_row_changed.emit(self._row_at(int(positions[0])))

    def _choose_quietly(self, row: int) -> None:
        position = self.model.position_of(row)
        if position >= 0:
            self._quietly(lambda: self.view.choose(position))
            if self.view.verticalOffset() > 0:
                self._hold()

    def step(self, count: int) -> None:
        """Go on by so many thumbnails; negative goes back."""
        if len(self.model.rows) == 0:
            return
        index = self.view.currentIndex()
        position = index.row() + count if index.isValid() else 0
        self._hold()
        self.view.choose(min(len(self.model.rows) - 1, max(0, position)))

    def play_on(self, from_start_if_over: bool = False) -> bool:
        """Go on by one frame in a film's direction, forward in time; False at the end."""
        count = len(self.model.rows)
        newest_first = self._choice.order is SortOrder.NEWEST
        position = self.view.currentIndex().row()  # -1 if there is none
        following = position + (-1 if newest_first and position >= 0 else 1)
        if not 0 <= following < count:
            if not (from_start_if_over and count):
                return False
            following = count - 1 if newest_first else 0
        self._hold()
        self.view.choose(following)
        return True

    def decide(self, label: OperatorLabel) -> None:
        """Label the selected frames and go on to the next one.

        SessionError, with nothing changed, if the label cannot be kept.
        """
        rows = self.selected_rows()
        if rows.size == 0:
            return
        self._hold()
        last = int(np.flatnonzero(self.model.rows == rows[-1])[0])
        following = self.model.rows[last + 1 : last + 2]
        self._session.label(rows, label)
        if self._choice.row_filter in _LABEL_FILTERS:
            self._ask(lambda: self._go_on(following, last))
        else:
            self.model.forget_facts()
            self._go_on(following, last)
            self.refresh()
        self.labels_changed.emit()

    def _go_on(self, following: NDArray[np.int64], last: int) -> None:
        """To the row that followed, or to whatever stands there now if the filter took it out."""
        if len(self.model.rows) == 0:
            return
        position = self.model.position_of(int(following[0])) if following.size else -1
        if position < 0:
            position = min(last, len(self.model.rows) - 1)
        self.view.choose(position)

    def next_unsure(self) -> bool:
        """Go to the next unsure frame that nobody has decided; False if there is none.

        Looks from the current frame to the end, then from the start; if the filter shows none,
        the filter becomes 'unsure'.
        """
        if self._undecided().size == 0:
            return False
        self._hold()
        if not self._choose_undecided():
            self._choose(self._choose_undecided, row_filter=RowFilter.UNSURE)
            self.filters.show_filter(RowFilter.UNSURE)
        return True

    def _undecided(self) -> NDArray[np.int64]:
        unsure = self._session.select(RowFilter.UNSURE, SortOrder.OLDEST, self._choice.run)
        return unsure[self._session.labels(unsure) == OperatorLabel.NONE]

    def _choose_undecided(self) -> bool:
        positions = np.flatnonzero(np.isin(self.model.rows, self._undecided()))
        if positions.size == 0:
            return False
        later = positions[positions > self.view.currentIndex().row()]
        self.view.choose(int(later[0] if later.size else positions[0]))
        return True

    def show_new(self) -> None:
        """Let new frames in again, and go to the top."""
        self._choice = replace(self._choice, held_from=None)
        self._ask(lambda: self._quietly(self.view.scrollToTop))
        self.newest_requested.emit()

    # Own

    def _row_at(self, position: int) -> int:
        return int(self.model.rows[position])

    def _quietly(self, work: Callable[[], object]) -> None:
        """Do something that is not the operator's doing."""
        before, self._quiet = self._quiet, True
        try:
            work()
        finally:
            self._quiet = before

    def _hold(self) -> None:
        if self._choice.held_from is None:
            self._choice = replace(self._choice, held_from=self._shown_count)

    def _hold_if_scrolled(self, value: int) -> None:
        if not self._quiet and value > 0:
            self._hold()

    def _report_current(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if not self._quiet and current.isValid():
            self._hold()
            self.current_row_changed.emit(self._row_at(current.row()))

    def _remember_size(self, picture_px: int) -> None:
        self._settings.thumbnail_size_px = picture_px
