"""What is in an open HDF5 file, by one pass over its links.

Most paths that are tried are not there. With one file a frame, to ask HDF5 for each of a hundred
of them would take longer than all the rest.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

import h5py

from spi_viewer.sources.hdf5_file import H5_ERRORS, BrokenLinkError, follow
from spi_viewer.sources.hdf5_walk import natural_key

_MAX_LINKS = 2000  # beyond, HDF5 is asked for each path


class Hdf5Tree:
    """An open file with the names in it.

    HDF5's pass does not go through soft and external links, nor a second time into a group that
    has two names: there, and in what is no group, the file itself is asked.

    Attributes:
        file: the open file.
    """

    def __init__(self, file: h5py.File) -> None:
        self.file = file
        self._members: dict[str, list[str]] = {}  # names in each group; the file's own is ''
        self._hard: set[str] = set()  # paths without any link that could lead nowhere
        self._found: dict[str, h5py.Group | h5py.Dataset | None] = {}
        self._pass_through()

    def find(self, path: str) -> h5py.Group | h5py.Dataset | None:
        """The object at `path`, None if there is none; BrokenLinkError as `follow`."""
        path = "/" + path.strip("/")
        if path not in self._found:
            self._found[path] = None if self._is_absent(path) else self._open(path)
        return self._found[path]

    def dataset(self, path: str) -> h5py.Dataset | None:
        """The dataset at `path`, or None if there is none that can be opened."""
        try:
            found = self.find(path)
        except (BrokenLinkError, *H5_ERRORS):
            return None
        return found if isinstance(found, h5py.Dataset) else None

    def matching(self, group: str, pattern: str) -> list[str]:
        """Paths in `group` whose name fits a pattern with '*', in the order of their numbers.

        Raises:
            BrokenLinkError, H5_ERRORS: `group` cannot be opened.
        """
        names = self._members.get(group)
        if names is None:
            found = self.find(group) if group else self.file
            names = _names(found) if isinstance(found, h5py.Group) else []
            self._members[group] = names
        if "*" not in pattern:
            return [f"{group}/{pattern}"] if pattern in names else []
        fitting = [name for name in names if fnmatchcase(name, pattern)]
        return [f"{group}/{name}" for name in sorted(fitting, key=natural_key)]

    def _is_absent(self, path: str) -> bool:
        """True if the names that are known show that nothing is there."""
        group, _, name = path.rpartition("/")
        while group not in self._members:
            if not group:
                return False
            if isinstance(self._found.get(group), h5py.Dataset):
                return True  # nothing stands in a dataset
            group, _, name = group.rpartition("/")
        return name not in self._members[group]

    def _open(self, path: str) -> h5py.Group | h5py.Dataset | None:
        if path not in self._hard:
            return follow(self.file, path)
        found = self.file[path]
        return found if isinstance(found, h5py.Group | h5py.Dataset) else None

    def _pass_through(self) -> None:
        members: dict[str, list[str]] = {}
        hard: set[str] = set()
        links = 0

        def note(name_in_file: bytes, info: h5py.h5l.LinkInfo) -> bool | None:
            nonlocal links
            links += 1
            path = "/" + name_in_file.decode("utf-8", "surrogateescape")
            group, _, name = path.rpartition("/")
            members.setdefault(group, []).append(name)
            if info.type == h5py.h5l.TYPE_HARD:
                hard.add(path)
            return True if links >= _MAX_LINKS else None  # True ends the pass

        try:
            root = h5py.h5g.open(self.file.id, b"/")
            root.links.visit(note, info=True)
        except H5_ERRORS:
            return
        if links < _MAX_LINKS:
            self._members, self._hard = members, hard


def _names(group: h5py.Group) -> list[str]:
    return [name for name in group if isinstance(name, str)]
