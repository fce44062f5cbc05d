"""Opening SQLite files so that every failure says which file and what to do."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from spi_viewer.errors import SessionError

_APPLICATION_ID = 0x53504956  # 'SPIV' in the file's header
_VERSION = 1
_WAY_OUT = "move this session folder away or choose another one"


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's and Python's complaints about stored data into a SessionError."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            reason = "in use by another SPI Viewer; close that one or choose another folder"
        else:
            reason = f"cannot be read or written ({error}); free space or choose another folder"
        raise SessionError(f"{path}: {reason}") from error
    except sqlite3.Error as error:
        raise SessionError(f"{path}: damaged ({error}); {_WAY_OUT}") from error
    except OSError as error:
        raise SessionError(f"{path}: {error.strerror or error}; choose another folder") from error
    except (ValueError, TypeError, IndexError, KeyError, OverflowError) as error:
        raise SessionError(f"{path}: holds something unexpected ({error}); {_WAY_OUT}") from error


def open_database(path: Path, schema: str) -> sqlite3.Connection:
    """Open or make one of our databases; the connection is the caller's to lock and close.

    WAL with synchronous=NORMAL: what is committed survives the death of the process; an
    exclusive lock keeps a second program out and needs no shared memory, so that network file
    systems will do.
    """
    with explained(path):
        connection = sqlite3.connect(path, timeout=0.5, check_same_thread=False)
        try:
            _prepare(connection, path, schema)
        except BaseException:
            connection.close()
            raise
        return connection


def _prepare(connection: sqlite3.Connection, path: Path, schema: str) -> None:
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if (application, version) == (0, 0) and tables == 0:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            for statement in filter(str.strip, schema.split(";")):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={_VERSION}")
        return
    if application != _APPLICATION_ID:
        raise SessionError(f"{path}: not written by SPI Viewer; {_WAY_OUT}")
    if version != _VERSION:
        raise SessionError(f"{path}: written by another version of SPI Viewer; {_WAY_OUT}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    with connection:  # take the exclusive lock now, not at the first write
        connection.execute("BEGIN IMMEDIATE")


def storable(text: str) -> str | bytes:
    """Text for SQLite; a file name that is not UTF-8 goes as bytes."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")
    return text


def restored(text: str | bytes) -> str:
    """The inverse of storable."""
    return text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text
