"""Replays a run as if it were being taken: a file that grows, written by a process of its own."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

import h5py

from spi_viewer.errors import RunFileError
from spi_viewer.sources.run_file import open_run

_END_PATIENCE_S = 5.0
_STANDARD_FILTERS = ("gzip", "lzf")


def replay_run(
    source: Path,
    destination: Path,
    frames_per_s: float,
    wait: Callable[[float], bool],
    repeat: bool = False,
) -> int:
    """Write `destination` frame by frame under SWMR, everything else of `source` at once.

    Args:
        source: an HDF5 or CXI run with one stack of frames.
        destination: the file to write; it must not exist.
        frames_per_s: how fast.
        wait: waits for so many seconds; True ends the replay.
        repeat: start again with the first frame after the last one.

    Returns:
        Number of frames written.

    Raises:
        RunFileError: the source is no stack of frames, or the destination cannot be written.
    """
    with open_run(source) as run:
        dataset = run.info.dataset
    try:
        with (
            h5py.File(source, "r", locking=False) as original,
            h5py.File(destination, "x", libver="latest", locking=False) as copy,
        ):
            frames = original.get(dataset)
            if not isinstance(frames, h5py.Dataset) or frames.ndim != 3:
                raise RunFileError(source, "only a stack of frames in one dataset can be replayed")
            grown = _Copier(frames, copy).copy_all(original)
            copy.swmr_mode = True
            return _write_frames(frames, grown, frames_per_s, wait, repeat)
    except OSError as error:
        raise RunFileError(destination, f"the replay cannot be written ({error})") from error


def _write_frames(
    frames: h5py.Dataset,
    grown: h5py.Dataset,
    frames_per_s: float,
    wait: Callable[[float], bool],
    repeat: bool,
) -> int:
    started = time.monotonic()
    written = 0
    while repeat or written < len(frames):
        if wait(max(0.0, started + written / frames_per_s - time.monotonic())):
            break
        grown.resize(written + 1, axis=0)
        grown[written] = frames[written % len(frames)]
        grown.flush()
        written += 1
    return written


class _Copier:
    """Copies a file's tree; the frames become an empty dataset that can grow."""

    def __init__(self, frames: h5py.Dataset, target: h5py.File) -> None:
        self._frames = frames
        self._target = target
        self._grown: h5py.Dataset | None = None
        self._copied: dict[int, str] = {}  # address in the source -> path in the target

    def copy_all(self, original: h5py.File) -> h5py.Dataset:
        """Copy everything; the dataset to append frames to."""
        self._copy_group(original, self._target)
        assert self._grown is not None
        return self._grown

    def _copy_group(self, group: h5py.Group, target: h5py.Group) -> None:
        target.attrs.update(group.attrs)
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.HardLink):
                self._copy_object(group[name], target, name)
            else:
                target[name] = link

    def _copy_object(self, found: h5py.Group | h5py.Dataset, target: h5py.Group, name: str) -> None:
        address = h5py.h5o.get_info(found.id).addr
        if address in self._copied:
            target[name] = self._target[self._copied[address]]
            return
        self._copied[address] = f"{target.name.rstrip('/')}/{name}"
        if found == self._frames:
            self._grown = self._growing_dataset(target, name)
        elif isinstance(found, h5py.Group):
            self._copy_group(found, target.create_group(name))
        else:
            found.file.copy(found, target, name=name)

    def _growing_dataset(self, target: h5py.Group, name: str) -> h5py.Dataset:
        frames = self._frames
        filters = {}
        if frames.compression in _STANDARD_FILTERS:
            filters = {
                "compression": frames.compression,
                "compression_opts": frames.compression_opts,
                "shuffle": frames.shuffle,
            }
        shape = frames.shape[1:]
        grown = target.create_dataset(
            name,
            shape=(0, *shape),
            maxshape=(None, *shape),
            chunks=(1, *shape),
            dtype=frames.dtype,
            **filters,
        )
        for key, value in frames.attrs.items():
            if key != "numEvents":  # would be wrong from the first frame on
                grown.attrs[key] = value
        return grown


class ReplayProcess:
    """A replay in a child process; the child ends with its parent.

    Attributes:
        path: the file that grows.
    """

    def __init__(
        self, source: Path, directory: Path, frames_per_s: float, repeat: bool = False
    ) -> None:
        self.path = directory / f"{source.stem}_live.cxi"
        self._arguments = (source, self.path, frames_per_s, repeat)
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self._failure = ""

    @property
    def is_running(self) -> bool:
        """True until the last frame is written, or `stop`."""
        return self._process is not None and self._process.is_alive()

    @property
    def failure(self) -> str:
        """Why the replay ended early; '' if it did not."""
        try:
            if self._connection is not None and self._connection.poll():
                self._failure = self._connection.recv()
        except (EOFError, OSError):
            pass  # the child has ended
        return self._failure

    def start(self) -> None:
        """Start writing."""
        context = multiprocessing.get_context("spawn")
        self._connection, childs_end = context.Pipe()
        self._process = context.Process(
            target=_replay,
            args=(childs_end, *self._arguments),
            name="spi-viewer replay",
            daemon=True,
        )
        self._process.start()
        childs_end.close()

    def stop(self) -> None:
        """End the replay; the file is closed properly and stays. May be called again."""
        self._failure = self.failure
        connection, self._connection = self._connection, None
        process, self._process = self._process, None
        if connection is not None:
            connection.close()  # the child sees the end and goes
        if process is not None:
            process.join(_END_PATIENCE_S)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()


def _replay(
    connection: Connection, source: Path, destination: Path, frames_per_s: float, repeat: bool
) -> None:
    """Main function of the child; the parent never sends anything, it only closes its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the parent's to handle
    try:
        replay_run(source, destination, frames_per_s, connection.poll, repeat)
    except RunFileError as error:
        connection.send(str(error))
