"""The run files in a directory, listed again and again while files arrive in it."""

from __future__ import annotations

import itertools
import os
import re
import stat
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from spi_viewer.sources.run_file import RUN_SUFFIXES

# To ask for size and time of ten thousands of files takes far longer than to name them. Among so
# many, those that have not changed for a while take turns, so many in each.
_MANY_FILES = 2000
_SETTLED_S = 5.0
_FILES_A_TURN = 500

# Eiger and Jungfraujoch write X_master.h5, which links to X_data_000001.h5 and so on.
_PART_NAME = re.compile(r"(.+)_data_\d+\.(h5|nxs)")
_MASTER_NAME = re.compile(r"_master\.[^/]*$")


class FileStat(NamedTuple):
    """A file as a directory listing shows it; `inode` is 0 where the file system has none."""

    path: str
    size_bytes: int
    mtime_s: float
    inode: int


class ListingChanges(NamedTuple):
    """What a listing shows that the one before it did not.

    Attributes:
        files: new or changed ones, oldest first.
        vanished: paths that were listed before and are not any more.
        is_full: `files` are all that are there, and `vanished` is empty: whoever asks compares.
        state: to ask with the next time.
    """

    files: list[FileStat]
    vanished: list[str]
    is_full: bool
    state: int


class DirectoryListing:
    """Lists one directory again and again; what it costs is a listing of names and the news.

    Args:
        clock: monotonic time, replaced in tests.
    """

    def __init__(self, path: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = os.path.abspath(path)
        self._clock = clock
        self._names: set[str] = set()  # of the last listing, of whatever kind
        self._seen: dict[str, FileStat] = {}
        self._changed_at: dict[str, float] = {}  # by our clock: that of a file server may be off
        self._has_masters = False  # or had some
        self._turn = 0
        self._state = -1  # of no listing

    def files(self) -> list[FileStat]:
        """Run files by name, oldest first, without hidden ones; raises OSError.

        Of several names for one file there is one.
        """
        self._look()
        return _oldest_first(_without_parts(_without_links(self._seen.values())))

    def changes(self, since: int) -> ListingChanges:
        """What changed after the listing of that state; raises OSError.

        All files, if somebody else has asked meanwhile, or some stand for others.
        """
        changed, vanished = self._look()
        in_full = since != self._state or self._has_masters
        self._state = time.monotonic_ns()  # that no other listing has, in this process or another
        if in_full:
            files = _without_parts(list(self._seen.values()))
            return ListingChanges(_oldest_first(files), [], True, self._state)
        return ListingChanges(_oldest_first(changed), vanished, False, self._state)

    def _look(self) -> tuple[list[FileStat], list[str]]:
        """Bring up to date what was seen: new or changed files, and paths that vanished."""
        names = os.listdir(self._path)
        fresh = [name for name in names if name not in self._names]
        gone: list[str | None] = []
        if len(names) - len(fresh) < len(self._names):
            vanished = self._names.difference(names)
            gone = [self._forget(name) for name in vanished]
            self._names -= vanished
        self._names.update(fresh)
        new = [name for name in fresh if _is_run_name(name)]
        self._has_masters |= any(map(_MASTER_NAME.search, new))
        asked = [*self._to_ask_again(), *new]  # before the new ones are among the known
        changed: list[FileStat] = []
        now = self._clock()
        for name in asked:
            found = _stat_of(os.path.join(self._path, name))
            if found is None:
                gone.append(self._forget(name))
                self._names.discard(name)  # it is asked for again as if it were new
            elif found != self._seen.get(name):
                self._seen[name] = found
                self._changed_at.pop(name, None)  # the latest change stands last
                self._changed_at[name] = now
                changed.append(found)
        return changed, [path for path in gone if path is not None]

    def _to_ask_again(self) -> list[str]:
        """Of the known files those that may have changed: all if they are few."""
        if len(self._seen) < _MANY_FILES:
            return list(self._seen)
        turns = 1 + len(self._seen) // _FILES_A_TURN
        self._turn = (self._turn + 1) % turns
        in_turn = dict.fromkeys(itertools.islice(self._seen, self._turn, None, turns))
        settled_before = self._clock() - _SETTLED_S
        latest_first = reversed(self._changed_at.items())
        fresh = itertools.takewhile(lambda item: item[1] >= settled_before, latest_first)
        return list(in_turn | dict(fresh))

    def _forget(self, name: str) -> str | None:
        """The path of a file that was known, or None."""
        self._changed_at.pop(name, None)
        seen = self._seen.pop(name, None)
        return seen.path if seen is not None else None


def file_stat(path: str, status: os.stat_result) -> FileStat:
    """A file's entry from its status."""
    return FileStat(path, status.st_size, status.st_mtime, status.st_ino)


def _is_run_name(name: str) -> bool:
    return name[0] != "." and os.path.splitext(name)[1].lower() in RUN_SUFFIXES


def _stat_of(path: str) -> FileStat | None:
    """None for what is no file, and for what vanished."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return file_stat(path, status) if stat.S_ISREG(status.st_mode) else None


def _without_links(files: Iterable[FileStat]) -> list[FileStat]:
    """Each file once, by the first of its names."""
    kept: dict[object, FileStat] = {}
    for file in sorted(files):
        kept.setdefault((file.inode, file.size_bytes, file.mtime_s) if file.inode else file, file)
    return list(kept.values())


def _oldest_first(files: list[FileStat]) -> list[FileStat]:
    return sorted(files, key=lambda file: (file.mtime_s, file.path))


def _without_parts(files: list[FileStat]) -> list[FileStat]:
    """Files without those that a master beside them links to, lest frames count twice.

    The master grows as they do: it is shown with their sizes and their latest change.
    """
    masters = {file.path: file for file in files if _MASTER_NAME.search(file.path)}
    if not masters:
        return files
    kept = []
    for file in files:
        part = _PART_NAME.fullmatch(file.path)
        path = f"{part[1]}_master.{part[2]}" if part else ""
        if path in masters:
            master = masters[path]
            masters[path] = master._replace(
                size_bytes=master.size_bytes + file.size_bytes,
                mtime_s=max(master.mtime_s, file.mtime_s),
            )
        elif file.path not in masters:
            kept.append(file)
    return kept + list(masters.values())
