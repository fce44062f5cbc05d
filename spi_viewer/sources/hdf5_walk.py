"""Going through all datasets of an HDF5 file, however it is linked."""

from __future__ import annotations

import re
from collections.abc import Iterator

import h5py

from spi_viewer.sources.hdf5_file import H5_ERRORS, BrokenLinkError, child, object_key

_MAX_OBJECTS = 20_000
_MAX_DEPTH = 12


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sorts data_2 before data_10."""
    parts = re.split(r"(\d+)", name)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts if part]


def walk(
    file: h5py.File, problems: list[tuple[str, str]] | None = None
) -> Iterator[tuple[str, h5py.Dataset]]:
    """Every dataset of a file once, with its path; groups with one frame each are left out."""
    visited: set[tuple[int, int]] = set()
    pending: list[tuple[str, h5py.Group, int]] = [("", file, 0)]
    budget = _MAX_OBJECTS
    while pending:
        prefix, group, depth = pending.pop(0)
        names = [name for name in group if isinstance(name, str) and not name.startswith("tag_")]
        for name in sorted(names, key=natural_key):
            budget -= 1
            if budget < 0:
                return
            path = f"{prefix}/{name}"
            try:
                found = child(group, name)
                key = object_key(found) if found is not None else None
            except BrokenLinkError as error:
                if problems is not None:
                    problems.append((path, str(error)))
                continue
            except H5_ERRORS:
                continue
            if found is None or key is None or key in visited:
                continue
            visited.add(key)
            if isinstance(found, h5py.Dataset):
                yield path, found
            elif depth < _MAX_DEPTH:
                pending.append((path, found, depth + 1))
