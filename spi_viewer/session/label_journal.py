"""What the operator decided, undid and redid: committed to disk before it is shown."""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spi_viewer.frames import OperatorLabel
from spi_viewer.session.database import explained, open_database, storable

_SCHEMA = """
CREATE TABLE actions (
    action INTEGER PRIMARY KEY,
    time_s REAL NOT NULL,
    operator TEXT NOT NULL,
    kind TEXT NOT NULL,          -- label, undo or redo
    model_hash TEXT NOT NULL
);
CREATE TABLE changes (
    action INTEGER NOT NULL REFERENCES actions,
    row INTEGER NOT NULL,
    old INTEGER NOT NULL,        -- -1 none, 0 bad, 1 good
    new INTEGER NOT NULL,
    file TEXT NOT NULL,
    dataset TEXT NOT NULL,
    frame INTEGER NOT NULL
)
"""


# (path, dataset, frame) of each row, so that a label means something without the results
FramePlaces = Callable[[NDArray[np.int64]], Iterable[tuple[str, str, int]]]


@dataclass(frozen=True, slots=True)
class LabelChange:
    """Labels before and after one decision: rows (n,) int64, old and new (n,) int8."""

    rows: NDArray[np.int64]
    old: NDArray[np.int8]
    new: NDArray[np.int8]

    def only(self, chosen: NDArray[np.bool_]) -> LabelChange:
        """The change for some of its rows."""
        return LabelChange(self.rows[chosen], self.old[chosen], self.new[chosen])

    def inverse(self) -> LabelChange:
        """The change that takes this one back."""
        return LabelChange(self.rows, self.new, self.old)


class LabelJournal:
    """Append-only journal in SQLite with the undo history that follows from it.

    Not thread safe: the session serialises the callers. Each of `label`, `undo` and `redo`
    commits first and raises SessionError, with nothing changed, if that fails.
    """

    def __init__(self, path: Path, frame_places: FramePlaces) -> None:
        self._path = path
        self._frame_places = frame_places
        self._done: list[LabelChange] = []
        self._undone: list[LabelChange] = []
        self._operator = _operator_name()
        self._connection = open_database(path, _SCHEMA)

    @property
    def can_undo(self) -> bool:
        """True when there is a decision to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """True when an undone decision can be had again."""
        return bool(self._undone)

    def replay(self, row_count: int) -> tuple[list[LabelChange], int]:
        """Read the journal of an earlier session; restores undo and redo.

        Returns all changes in order, and how many labels were left out because the session has
        only row_count rows.
        """
        changes, lost = [], 0
        with explained(self._path):
            for kind, stored in self._stored_changes():
                change = stored.only((stored.rows >= 0) & (stored.rows < row_count))
                lost += len(stored.rows) - len(change.rows)
                self._remember(kind, change)
                changes.append(change)
        return changes, lost

    def label(self, change: LabelChange, model_hash: str) -> LabelChange:
        """Record a decision; what was undone before can no longer be redone."""
        return self._enter("label", change, model_hash)

    def undo(self, model_hash: str) -> LabelChange | None:
        """Take the last decision back and return the change to apply."""
        return self._enter("undo", self._done[-1].inverse(), model_hash) if self._done else None

    def redo(self, model_hash: str) -> LabelChange | None:
        """Have the last undone decision again and return the change to apply."""
        return self._enter("redo", self._undone[-1], model_hash) if self._undone else None

    def close(self) -> None:
        """Close the file."""
        with explained(self._path):
            self._connection.close()

    def _enter(self, kind: str, change: LabelChange, model_hash: str) -> LabelChange:
        places = self._frame_places(change.rows)
        with explained(self._path), self._connection:
            action = self._connection.execute(
                "INSERT INTO actions (time_s, operator, kind, model_hash) VALUES (?, ?, ?, ?)",
                (time.time(), self._operator, kind, model_hash),
            ).lastrowid
            self._connection.executemany(
                "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (action, row, old, new, storable(path), storable(dataset), frame)
                    for row, old, new, (path, dataset, frame) in zip(
                        change.rows.tolist(),
                        change.old.tolist(),
                        change.new.tolist(),
                        places,
                        strict=True,
                    )
                ),
            )
        self._remember(kind, change)
        return change

    def _remember(self, kind: str, change: LabelChange) -> None:
        match kind:
            case "label":
                self._done.append(change)
                self._undone.clear()
            case "undo":
                self._undone.append(self._done.pop())
            case "redo":
                self._done.append(self._undone.pop())
            case _:
                raise ValueError(f"unknown journal entry {kind!r}")

    def _stored_changes(self) -> list[tuple[str, LabelChange]]:
        kinds = dict(self._connection.execute("SELECT action, kind FROM actions ORDER BY action"))
        table = np.array(
            self._connection.execute(
                "SELECT action, row, old, new FROM changes ORDER BY action, rowid"
            ).fetchall(),
            np.int64,
        ).reshape(-1, 4)
        if not np.isin(table[:, 2:], list(OperatorLabel)).all():
            raise ValueError("unknown label")
        starts = np.searchsorted(table[:, 0], list(kinds))
        parts = np.split(table, starts[1:])
        return [
            (kind, LabelChange(part[:, 1], part[:, 2].astype(np.int8), part[:, 3].astype(np.int8)))
            for kind, part in zip(kinds.values(), parts, strict=False)
        ]


def _operator_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no name for this user id, as in some containers
        return "unknown"
