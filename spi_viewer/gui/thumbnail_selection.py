"""Which rows the grid shows: asked of the session in one go, on any thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spi_viewer.frames import OperatorLabel
from spi_viewer.session.row_selection import RowFilter, SortOrder

if TYPE_CHECKING:
    from spi_viewer.session.session import Session


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked for.

    Attributes:
        held_from: session rows from here on are counted but not shown; None shows all.
    """

    row_filter: RowFilter = RowFilter.ALL
    order: SortOrder = SortOrder.NEWEST
    run: int | None = None
    held_from: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Selected:
    """The session's answer.

    Attributes:
        rows: session rows in display order.
        held_back: rows that pass the filter but are held back.
        counts: frames of each filter, of the chosen run.
        row_count: session rows that were there when it was asked, at least.
    """

    choice: Choice
    rows: NDArray[np.int64]
    held_back: int
    counts: dict[RowFilter, int]
    revision: int
    row_count: int


def select_shown(session: Session, choice: Choice) -> Selected:
    """Answer a choice; takes some 0.5 s for a million rows that must be sorted anew."""
    revision, row_count = session.revision, session.row_count  # first: never newer than `rows`
    rows = session.select(choice.row_filter, choice.order, choice.run)
    held_back = 0
    if choice.held_from is not None and choice.order is not SortOrder.OLDEST:
        known = rows < choice.held_from
        held_back = len(rows) - int(np.count_nonzero(known))
        rows = rows[known] if held_back else rows
    counts = _counts(session, choice.run)
    return Selected(choice, rows, held_back, counts, revision, row_count)


def undecided_rows(session: Session, run: int | None) -> NDArray[np.int64]:
    """Unsure frames of a run (None: of all) that nobody has decided."""
    unsure = session.select(RowFilter.UNSURE, SortOrder.OLDEST, run)
    return unsure[session.labels(unsure) == OperatorLabel.NONE]


def _counts(session: Session, run: int | None) -> dict[RowFilter, int]:
    counts = session.counts(run)
    return {
        RowFilter.ALL: counts.frames,
        RowFilter.GOOD: counts.good,
        RowFilter.MULTI: counts.multi,
        RowFilter.NON_SAMPLE: counts.non_sample,
        RowFilter.BLANK: counts.blank,
        RowFilter.UNSURE: counts.unsure,
        RowFilter.UNFAMILIAR: counts.unfamiliar,
        RowFilter.LABELLED: counts.labelled,
        RowFilter.DISAGREE: len(session.select(RowFilter.DISAGREE, SortOrder.OLDEST, run)),
        RowFilter.FLAGGED: len(session.select(RowFilter.FLAGGED, SortOrder.OLDEST, run)),
    }
