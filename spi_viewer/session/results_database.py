"""Runs and results on disk, written behind in blocks, read back when a session is reopened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from spi_viewer.session.database import explained, open_database

_SCHEMA = """
CREATE TABLE runs (
    run INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    message TEXT NOT NULL
);
CREATE TABLE texts (number INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE contexts (
    number INTEGER PRIMARY KEY,
    center_y_px REAL NOT NULL,
    center_x_px REAL NOT NULL,
    scale REAL NOT NULL,
    photon_energy_ev REAL,
    distance_m REAL,
    pixel_size_m REAL,
    model_name TEXT NOT NULL,
    model_hash TEXT NOT NULL
);
CREATE TABLE results (
    row INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,
    file INTEGER NOT NULL REFERENCES texts,
    dataset INTEGER NOT NULL REFERENCES texts,
    frame INTEGER NOT NULL,
    name TEXT NOT NULL,
    p_single REAL,               -- NULL where there is no pattern to judge
    p_multi REAL,
    p_non_sample REAL,
    p_blank REAL,
    flags INTEGER NOT NULL,
    photons REAL,
    written_at_s REAL,
    context INTEGER NOT NULL REFERENCES contexts
);
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL)
"""
_COLUMNS = {"runs": 6, "texts": 2, "contexts": 9, "results": 14, "notes": 2}
_BLOCK_ROWS = 20_000


class ResultsDatabase:
    """Tables in, tables out; what the numbers mean is the session's business.

    Not thread safe: the session holds a lock around each call.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = open_database(path, _SCHEMA)

    def write(self, tables: Mapping[str, Iterable[tuple[Any, ...]]]) -> None:
        """Write rows of several tables in one transaction; rows with a known key are replaced."""
        with explained(self._path), self._connection:
            for table, rows in tables.items():
                marks = ", ".join("?" * _COLUMNS[table])
                self._connection.executemany(
                    f"INSERT OR REPLACE INTO {table} VALUES ({marks})", rows
                )

    def read(self, table: str) -> Iterator[list[tuple[Any, ...]]]:
        """Rows of a table in the order of its key, in blocks."""
        if table not in _COLUMNS:
            raise KeyError(table)
        with explained(self._path):
            cursor = self._connection.execute(f"SELECT * FROM {table} ORDER BY 1")
            while block := cursor.fetchmany(_BLOCK_ROWS):
                yield block

    def close(self) -> None:
        """Close the file."""
        with explained(self._path):
            self._connection.close()
