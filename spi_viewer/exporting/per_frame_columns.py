"""Copies every per-frame dataset of the sources, for the exported frames, bit for bit.

A dataset keeps its path. Where the path is the export's own, or another file has a dataset of
another type there, the copy stands under /source, /source_2 ... Rows of files that lack the
dataset hold NaN, 0 or an empty text, and /spi_viewer/copied/<path> is 0 there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, groupby
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from spi_viewer.exporting.frame_stack import DATA_PATH, MASK_PATH, fingerprint
from spi_viewer.exporting.source_files import SourceFiles
from spi_viewer.frames import FrameId

_OWN_PATHS = (DATA_PATH, MASK_PATH, "/spi_viewer", "/cxi_version")
_BLOCK_ROWS = 512
_BLOCK_BYTES = 16 * 2**20
_LONG_ROW_BYTES = 4096
_STALE_ATTRIBUTES = frozenset({"numEvents", "DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME"})
_READ_ERRORS = (OSError, IndexError, KeyError, ValueError, RuntimeError, TypeError)


class _UnreadableError(Exception):
    """A dataset that cannot be copied; the text says why."""


@contextlib.contextmanager
def _unreadable() -> Iterator[None]:
    """Around reading from a source, never around writing."""
    try:
        yield
    except _READ_ERRORS as error:
        raise _UnreadableError(f"cannot be read ({error})") from error


@dataclass(slots=True)
class Column:
    """One copied dataset and the blocks [start, stop) of it that were written."""

    dataset: h5py.Dataset
    blocks: list[tuple[int, int, bytes]] = field(default_factory=list)


class PerFrameColumns:
    """Copies columns from many sources into one file and remembers what to verify."""

    def __init__(self, file: h5py.File, frame_count: int) -> None:
        self._file = file
        self._frame_count = frame_count
        self._columns: dict[tuple[Any, ...], Column] = {}
        self._own = _OWN_PATHS
        self.skipped: dict[str, str] = {}

    @property
    def columns(self) -> list[Column]:
        """What was copied."""
        return list(self._columns.values())

    def copy(
        self, ids: Sequence[FrameId], sources: SourceFiles, step: Callable[[int], None]
    ) -> None:
        """Copy all columns; step(rows) is told of progress and may raise to cancel."""
        for (path, dataset), start, indices in _blocks(ids):
            opened = sources.open_hdf5(path, dataset)
            if opened:
                with opened[0] as source:
                    for name in opened[1]:
                        self._copy_block(source, name, start, indices)
            step(len(indices))
        self._mark_gaps()

    def _copy_block(
        self, source: h5py.File, name: str, start: int, indices: NDArray[np.int64]
    ) -> None:
        if name in self.skipped:
            return
        try:
            with _unreadable():
                found = source[name]
            _refuse_odd(found)
            key = (name, found.dtype, _text_encoding(found.dtype), found.shape[1:])
            for first, values in _read_rows(found, indices):
                column = self._columns.get(key) or self._add(key, found)
                stop = start + first + len(values)
                column.dataset[start + first : stop] = values
                column.blocks.append((start + first, stop, fingerprint(values)))
        except _UnreadableError as error:
            self.skipped[name] = str(error)
            self._drop(name)

    def _add(self, key: tuple[Any, ...], source: h5py.Dataset) -> Column:
        path = self._free_path(key[0])
        column = Column(_make_like(self._file, path, self._frame_count, source))
        for name, value in _copied_attributes(source):
            column.dataset.attrs[name] = value
        self._columns[key] = column
        return column

    def _drop(self, name: str) -> None:
        """Leave a dataset out for all frames rather than for some without a word."""
        for key in [key for key in self._columns if key[0] == name]:
            del self._file[self._columns.pop(key).dataset.name]

    def _free_path(self, path: str) -> str:
        if not self._is_taken(path):
            return path
        candidates = (f"/source{'' if n == 1 else f'_{n}'}{path}" for n in count(1))
        return next(candidate for candidate in candidates if not self._is_taken(candidate))

    def _is_taken(self, path: str) -> bool:
        for own in self._own:
            if path == own or own.startswith(f"{path}/") or path.startswith(f"{own}/"):
                return True
        parts = path.strip("/").split("/")
        above = ("/" + "/".join(parts[:depth]) for depth in range(1, len(parts)))
        return path in self._file or any(
            isinstance(self._file.get(parent), h5py.Dataset) for parent in above
        )

    def _mark_gaps(self) -> None:
        for column in self._columns.values():
            copied = np.zeros(self._frame_count, np.uint8)
            for start, stop, _ in column.blocks:
                copied[start:stop] = 1
            if not copied.all():
                path = f"/spi_viewer/copied{column.dataset.name}"
                self._file.create_dataset(path, data=copied)


def _blocks(
    ids: Sequence[FrameId],
) -> Iterator[tuple[tuple[str, str], int, NDArray[np.int64]]]:
    """(path, dataset), position and frame numbers of neighbours from one source."""
    start = 0
    for key, group in groupby(ids, key=lambda id_: (id_.path, id_.dataset)):
        indices = np.array([id_.index for id_ in group], np.int64)
        for first in range(0, len(indices), _BLOCK_ROWS):
            block = indices[first : first + _BLOCK_ROWS]
            yield key, start, block
            start += len(block)


def _row_bytes(dataset: h5py.Dataset) -> int:
    return int(dataset.dtype.itemsize * np.prod(dataset.shape[1:], dtype=np.int64))


def _read_rows(
    dataset: h5py.Dataset, indices: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[Any]]]:
    """Position and values of the rows, at once where memory allows, else row by row."""
    if not len(indices):
        return
    low, high = int(indices.min()), int(indices.max())
    if (high - low + 1) * _row_bytes(dataset) <= _BLOCK_BYTES:
        with _unreadable():
            values = dataset[low : high + 1][indices - low]
        yield 0, values
        return
    for position, index in enumerate(indices.tolist()):
        with _unreadable():
            values = dataset[index : index + 1]
        yield position, values


def _refuse_odd(found: object) -> None:
    if not isinstance(found, h5py.Dataset) or not found.shape:
        raise _UnreadableError("is no dataset with rows")
    with _unreadable():
        dtype = found.dtype
    plain_objects = h5py.check_string_dtype(dtype) or h5py.check_vlen_dtype(dtype)
    if dtype.hasobject and not plain_objects:
        raise _UnreadableError("holds references or variable-length fields")


def _text_encoding(dtype: np.dtype[Any]) -> Any:
    """What numpy's comparison of types does not see."""
    names = h5py.check_enum_dtype(dtype)
    return h5py.check_string_dtype(dtype), names and tuple(sorted(names.items()))


def _make_like(file: h5py.File, path: str, rows: int, source: h5py.Dataset) -> h5py.Dataset:
    shape = (rows, *source.shape[1:])
    options: dict[str, Any] = {}
    if 0 not in shape and not source.dtype.hasobject:
        depth = 1 if _row_bytes(source) >= _LONG_ROW_BYTES else min(rows, 1024)
        options = {"chunks": (depth, *shape[1:]), "compression": "gzip", "shuffle": True}
        options["compression_opts"] = 1
    if source.dtype.kind == "f":
        options["fillvalue"] = np.nan
    return file.create_dataset(path, shape, source.dtype, **options)


def _copied_attributes(source: h5py.Dataset) -> Iterator[tuple[str, Any]]:
    for name in source.attrs:
        if name in _STALE_ATTRIBUTES:
            continue
        try:
            value = source.attrs[name]
        except _READ_ERRORS:  # an attribute of a type that h5py does not know
            continue
        if not isinstance(value, h5py.Empty | h5py.Reference | h5py.RegionReference):
            yield name, value
