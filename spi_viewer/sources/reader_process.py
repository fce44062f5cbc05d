"""A reader in a process of its own, which can be ended when a read hangs."""

from __future__ import annotations

import contextlib
import functools
import logging
import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Concatenate, ParamSpec, TypeVar

from spi_viewer.errors import ReadCrashError, ReadTimeoutError, RunFileError
from spi_viewer.sources.local_reader import LocalReader
from spi_viewer.sources.reader_child import READY, Request, serve
from spi_viewer.sources.shared_block import OwnedBlock

_log = logging.getLogger(__name__)
_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")

_START_LIMIT_S = 60.0
_END_PATIENCE_S = 2.0


class _Hang(Exception):  # noqa: N818  never leaves this module
    """The child did not answer in time."""


def _in_child(
    method: Callable[Concatenate[LocalReader, _Arguments], _Answer],
) -> Callable[Concatenate[ReaderProcess, _Arguments], _Answer]:
    """The same call, answered by the child's reader."""

    @functools.wraps(method)
    def call(self: ReaderProcess, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Answer:
        return self._call(method.__name__, args, kwargs)

    return call


class ReaderProcess:
    """The calls of `Reader`, answered by a child process; any thread may call, one at a time.

    HDF5 holds the interpreter's lock and a read on a network file system can hang for ever, so a
    call past its time limit ends the child and raises ReadTimeoutError; a child that dies in a
    call raises ReadCrashError. Either way the next call starts a fresh child. The first child
    starts with the first call, or with `warm_up`.

    Args:
        timeout_s: time limit of each call, or what gives it anew for each.
        reader_factory: makes the child's reader; must be importable there.
    """

    def __init__(
        self,
        timeout_s: float | Callable[[], float] = 30.0,
        reader_factory: Callable[[], LocalReader] = LocalReader,
    ) -> None:
        self._timeout_s = timeout_s if callable(timeout_s) else lambda: timeout_s
        self._reader_factory = reader_factory
        self._lock = threading.Lock()
        self._closed = False
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self._block = OwnedBlock()

    @property
    def pid(self) -> int | None:
        """Process id of the child; None while there is none."""
        process = self._process
        return process.pid if process is not None else None

    def warm_up(self) -> None:
        """Start the child, which takes up to a second."""
        with self._lock, contextlib.suppress(RunFileError):  # the first call will say it
            if not self._closed:
                self._running_child("")

    list_files = _in_child(LocalReader.list_files)
    list_changes = _in_child(LocalReader.list_changes)
    describe = _in_child(LocalReader.describe)
    find_crop = _in_child(LocalReader.find_crop)
    read_batch = _in_child(LocalReader.read_batch)
    read_on = _in_child(LocalReader.read_on)
    read_frame = _in_child(LocalReader.read_frame)

    def close(self) -> None:
        """End the child and remove the shared memory; a call under way fails."""
        self._closed = True
        if not self._lock.acquire(timeout=_END_PATIENCE_S):
            process = self._process
            if process is not None:
                process.kill()
            self._lock.acquire()
        try:
            self._end_child()
        finally:
            self._lock.release()

    def _call(self, method: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        path = _first_path(arguments or tuple(named.values()))
        limit_s = self._timeout_s()
        with self._lock:
            if self._closed:
                raise RunFileError(path, "the reader has been closed")
            connection = self._running_child(path)
            try:
                succeeded, answer = self._ask(connection, (method, arguments, named, limit_s))
            except _Hang:
                self._end_child(at_once=True)
                raise ReadTimeoutError(path, _hang_text(limit_s)) from None
            except (EOFError, OSError):
                raise ReadCrashError(path, self._crash_text()) from None
            except BaseException:  # an interrupted call leaves the connection in mid-answer
                self._end_child(at_once=True)
                raise
        if not succeeded:
            raise answer
        return answer

    def _ask(self, connection: Connection, request: Request) -> tuple[bool, Any]:
        connection.send(request)
        if not connection.poll(request[-1]):
            raise _Hang
        return self._block.receive(connection)

    def _running_child(self, path: str) -> Connection:
        if self._process is not None and not self._process.is_alive():
            self._end_child(at_once=True)  # it died while nobody asked: nothing is lost
        if self._connection is None:
            self._start_child(path)
        assert self._connection is not None
        return self._connection

    def _start_child(self, path: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, childs_end = context.Pipe()
        self._process = context.Process(
            target=serve,
            args=(childs_end, self._reader_factory),
            name="spi-viewer reader",
            daemon=True,
        )
        try:
            with _shielded_from_interrupts():
                self._process.start()
            childs_end.close()
            ready = self._connection.poll(_START_LIMIT_S) and self._connection.recv() == READY
        except (EOFError, OSError) as error:
            ready = False
            _log.error("the reading process did not start: %s", error)
        if not ready:
            self._end_child(at_once=True)
            raise RunFileError(path, "the reading process did not start; see the log")

    def _end_child(self, at_once: bool = False) -> None:
        connection, self._connection = self._connection, None
        process, self._process = self._process, None
        if connection is not None:
            connection.close()  # the child sees the end and goes
        if process is not None and process.pid is not None:
            if not at_once:
                process.join(_END_PATIENCE_S)
            if process.is_alive():
                process.kill()
                process.join(_END_PATIENCE_S)
            _forget(process)
        self._block.close()

    def _crash_text(self) -> str:
        process = self._process
        cause = ""
        if process is not None:
            process.join(_END_PATIENCE_S)
            cause = _cause_of_death(process.exitcode)
        self._end_child(at_once=True)
        return f"the reading process died over this file{cause}"


@contextlib.contextmanager
def _shielded_from_interrupts() -> Iterator[None]:
    """Ctrl+C is the parent's to handle, also while a child that inherits this mask starts."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # its own start would end the shielding
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _first_path(arguments: tuple[Any, ...]) -> str:
    """The file that a call is about, the first one if it is about several."""
    first = arguments[0]
    while not isinstance(first, str):
        first = first[0]
    return first


def _cause_of_death(exitcode: int | None) -> str:
    if exitcode is None:
        return ""
    if exitcode < 0:
        return f" (signal {signal.Signals(-exitcode).name})"
    return f" (exit status {exitcode})"


def _forget(process: SpawnProcess) -> None:
    """Free an ended process; one that even SIGKILL does not end is left to the kernel."""
    if not process.is_alive():
        process.close()
        return
    _log.error("process %s hangs in the kernel and is left behind", process.pid)
    # Else the interpreter would wait for it, at exit, for ever.
    multiprocessing.process._children.discard(process)  # type: ignore[attr-defined]


def _hang_text(limit_s: float) -> str:
    return (
        f"reading did not come back within {limit_s:g} s and was ended; "
        "the disk or file server may hang"
    )
