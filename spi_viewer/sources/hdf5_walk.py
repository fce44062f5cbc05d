"""Going through all datasets of an HDF5 file, however it is linked."""

from __future__ import annotations

import re
from collections.abc import Iterator

import h5py

from spi_viewer.sources.hdf5_file import H5_ERRORS, BrokenLinkError, child

_MAX_OBJECTS = 20_000
_MAX_DEPTH = 12


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sorts data_2 before data_10."""
    parts = re.split(r"(\d+)", name)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts if part]


def walk(
    file: h5py.File, min_ndim: int, problems: list[tuple[str, str]] | None = None
) -> Iterator[tuple[str, h5py.Dataset]]:
    """Every dataset of `min_ndim` axes or more once, with its path.

    Groups with one frame each are left out. h5py's identifiers do, without its objects: a file
    of a single frame can hold a hundred values beside it.
    """
    visited: set[tuple[int, int]] = set()
    pending: list[tuple[str, h5py.Group, int]] = [("", file, 0)]
    budget = _MAX_OBJECTS
    while pending:
        prefix, group, depth = pending.pop(0)
        names = [name for name in group if isinstance(name, str)]
        holds_tags = False
        for name in sorted(names, key=natural_key):
            if holds_tags and name.startswith("tag_"):
                continue
            budget -= 1
            if budget < 0:
                return
            path = f"{prefix}/{name}"
            try:
                found = _member(group, name)
                key = _key(found) if found is not None else None
            except BrokenLinkError as error:
                if problems is not None:
                    problems.append((path, str(error)))
                continue
            except H5_ERRORS:
                continue
            if found is None or key is None or key in visited:
                continue
            visited.add(key)
            if isinstance(found, h5py.h5g.GroupID):
                holds_tags |= name.startswith("tag_")
                if depth < _MAX_DEPTH and not name.startswith("tag_"):
                    pending.append((path, h5py.Group(found), depth + 1))
            elif found.rank >= min_ndim:
                yield path, h5py.Dataset(found)


def _member(group: h5py.Group, name: str) -> h5py.h5g.GroupID | h5py.h5d.DatasetID | None:
    """Identifier of a group or dataset; BrokenLinkError as `child`."""
    encoded = name.encode("utf-8", "surrogateescape")
    if group.id.links.get_info(encoded).type == h5py.h5l.TYPE_HARD:
        found = h5py.h5o.open(group.id, encoded)
        return found if isinstance(found, h5py.h5g.GroupID | h5py.h5d.DatasetID) else None
    linked = child(group, name)
    return None if linked is None else linked.id


def _key(found: h5py.h5g.GroupID | h5py.h5d.DatasetID) -> tuple[int, int]:
    info = h5py.h5o.get_info(found)
    return info.fileno, info.addr
