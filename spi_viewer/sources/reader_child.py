"""The reading process itself: answers one request after the other until its parent is gone."""

from __future__ import annotations

import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from spi_viewer.errors import RunFileError
from spi_viewer.priorities import let_the_window_go_first
from spi_viewer.sources.local_reader import LocalReader
from spi_viewer.sources.shared_block import AttachedBlock, send_object

READY = "ready"
Request = tuple[str, tuple[Any, ...], dict[str, Any], float]  # method, arguments, limit in s
_IDLE_S = 0.05
_GRACE_S = 5.0


def serve(connection: Connection, reader_factory: Callable[[], LocalReader]) -> None:
    """Main function of the child process.

    It ends when the parent's end of the connection closes. A hanging read cannot notice that, so
    the kernel's alarm ends the process should the parent not have done so in time.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the parent's to handle
    let_the_window_go_first()
    reader = reader_factory()
    block = AttachedBlock()
    try:
        connection.send(READY)
        while True:
            method, arguments, named, limit_s = _next_request(connection, reader)
            _set_alarm(limit_s + _GRACE_S)
            send_object(connection, block, _answer(reader, method, arguments, named))
            _set_alarm(0)
    except (EOFError, ConnectionError):
        pass  # the parent closed the connection, or is gone
    finally:
        reader.close()
        block.close()


def _next_request(connection: Connection, reader: LocalReader) -> Request:
    if not connection.poll(_IDLE_S):
        reader.release_growing()
    return connection.recv()


def _answer(
    reader: LocalReader, method: str, arguments: tuple[Any, ...], named: dict[str, Any]
) -> tuple[bool, Any]:
    """(True, result), or (False, error)."""
    try:
        return True, getattr(reader, method)(*arguments, **named)
    except RunFileError as error:
        return False, error


def _set_alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)
