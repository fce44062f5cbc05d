"""Writes what is new in a session to its database and reads it back."""

from __future__ import annotations

import threading
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spi_viewer.frames import Crop, DecisionRule, DetectorGeometry
from spi_viewer.session.database import explained, restored, storable
from spi_viewer.session.frame_table import Context
from spi_viewer.session.results_database import ResultsDatabase
from spi_viewer.session.runs import RunState
from spi_viewer.session.session_state import RunRecord, SessionState

_BLOCK_ROWS = 2000
_RULE_NOTES = ("threshold", "unsure_low", "unsure_high")


class SessionStore:
    """The results database of one session; `write` may be called from any thread.

    Rows are read without the session's lock: one that changes meanwhile is written once more.
    """

    def __init__(self, path: Path, state: SessionState, state_lock: threading.Lock) -> None:
        self._path = path
        self._state = state
        self._state_lock = state_lock
        self._lock = threading.Lock()  # one writer at a time
        self._database = ResultsDatabase(path)
        self._written: dict[str, int] = {"rows": 0, "texts": 0, "contexts": 0}
        self._written_heads: Any = None
        self._changed: list[NDArray[np.int64]] = []

    @property
    def row_count(self) -> int:
        """Rows that are safe on disk."""
        return self._written["rows"]

    def restore(self) -> None:
        """Fill the empty state from the database; SessionError if it makes no sense."""
        with explained(self._path):
            self._restore_notes()
            self._restore_runs()
            table = self._state.table
            for block in self._database.read("texts"):
                for number, text in block:
                    _expect(table.texts.number(restored(text)), number)
            for block in self._database.read("contexts"):
                for number, *values in block:
                    _expect(table.contexts.number(_context(values)), number)
            self._restore_rows()
        self._written = {
            "rows": len(table),
            "texts": len(table.texts),
            "contexts": len(table.contexts),
        }

    def note_changed(self, rows: NDArray[np.int64]) -> None:
        """Write rows anew next time; called with the session's lock."""
        self._changed.append(rows)

    def write(self) -> None:
        """Write what is new, in short transactions; what the disk refuses stays to be written."""
        with self._lock:
            with self._state_lock:
                end = len(self._state.table)
                heads = _heads(self._state)
            if heads != self._written_heads:
                self._database.write(heads)
                self._written_heads = heads
            for start in range(self._written["rows"], end, _BLOCK_ROWS):
                stop = min(start + _BLOCK_ROWS, end)
                self._write_rows(np.arange(start, stop))
                self._written["rows"] = stop
            self._write_changed()

    def _write_changed(self) -> None:
        """Write anew the rows that changed since they were written."""
        with self._state_lock:
            changes = list(self._changed)
        if changes:
            rows = np.unique(np.concatenate(changes))
            rows = rows[rows < self._written["rows"]]  # the others are still to be written at all
            for start in range(0, len(rows), _BLOCK_ROWS):
                self._write_rows(rows[start : start + _BLOCK_ROWS])
            with self._state_lock:
                del self._changed[: len(changes)]

    def _write_rows(self, rows: NDArray[np.int64]) -> None:
        """Write rows with all that their numbers point to, in one transaction."""
        table = self._state.table
        results = table.stored_rows(rows)
        with self._state_lock:  # after the rows: a number that stands in them is among these
            texts = table.texts.since(self._written["texts"])
            contexts = table.contexts.since(self._written["contexts"])
        self._database.write(
            {
                "texts": [(number, storable(text)) for number, text in texts],
                "contexts": [_context_row(*entry) for entry in contexts],
                "results": results,
            }
        )
        self._written["texts"] += len(texts)
        self._written["contexts"] += len(contexts)

    def close(self) -> None:
        """Close the file without writing."""
        with self._lock:
            self._database.close()

    def _restore_notes(self) -> None:
        notes = {name: value for block in self._database.read("notes") for name, value in block}
        if notes:
            self._state.rule = DecisionRule(*(float(notes[name]) for name in _RULE_NOTES))
            self._state.model_name = str(notes["model_name"])
            self._state.model_hash = str(notes["model_hash"])

    def _restore_runs(self) -> None:
        for block in self._database.read("runs"):
            for number, name, path, kind, state, message in block:
                _expect(len(self._state.runs), number)
                record = RunRecord(
                    restored(name), restored(path), kind, RunState(state), restored(message)
                )
                if record.state not in (RunState.DONE, RunState.FAILED):
                    record.state, record.message = RunState.DONE, "interrupted"
                self._state.runs.append(record)
                self._state.tallies.add_run()

    def _restore_rows(self) -> None:
        state = self._state
        for block in self._database.read("results"):
            state.table.restore(block, len(state.runs), state.rule)
        columns = state.table.columns
        if len(columns):
            state.tallies.recount(columns["run"], columns["code"])


def _heads(state: SessionState) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of the small tables, which are written whole."""
    rule = state.rule
    values = (rule.threshold, rule.unsure_low, rule.unsure_high)
    notes = [(name, repr(float(value))) for name, value in zip(_RULE_NOTES, values, strict=True)]
    notes += [("model_name", state.model_name), ("model_hash", state.model_hash)]
    runs = [
        (
            number,
            storable(run.name),
            storable(run.path),
            run.kind,
            run.state.value,
            storable(run.message),
        )
        for number, run in enumerate(state.runs)
    ]
    return {"runs": runs, "notes": notes}


def _context_row(number: int, context: Context) -> tuple[Any, ...]:
    crop, geometry = astuple(context.crop), astuple(context.geometry)
    return (number, *crop, *geometry, context.model_name, context.model_hash)


def _context(values: list[Any]) -> Context:
    *numbers, model_name, model_hash = values
    return Context(
        Crop(*map(float, numbers[:3])),
        DetectorGeometry(*(None if value is None else float(value) for value in numbers[3:])),
        model_name,
        model_hash,
    )


def _expect(found: int, wanted: int) -> None:
    if found != wanted:
        raise ValueError(f"number {wanted} stands where {found} belongs")
