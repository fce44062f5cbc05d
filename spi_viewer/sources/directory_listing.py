"""The run files in a directory, listed again and again while files arrive in it."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable
from typing import NamedTuple

from spi_viewer.sources.run_file import RUN_SUFFIXES

# To ask for size and time of ten thousands of files takes far longer than to name them. Among so
# many, one that has not changed for a while is asked for in every eighth listing only.
_MANY_FILES = 2000
_SETTLED_S = 20.0
_THOROUGH_EVERY = 8

# Eiger and Jungfraujoch write X_master.h5, which links to X_data_000001.h5 and so on.
_PART_NAME = re.compile(r"(.+)_data_\d+\.(h5|nxs)")
_MASTER_NAME = re.compile(r"_master\.[^/]*$")


class FileStat(NamedTuple):
    """A file as a directory listing shows it; `inode` is 0 where the file system has none."""

    path: str
    size_bytes: int
    mtime_s: float
    inode: int


class _Seen(NamedTuple):
    stat: FileStat
    changed_at: float  # when it was seen to change, by our clock: that of a file server may be off


class DirectoryListing:
    """Lists one directory.

    Args:
        clock: monotonic time, replaced in tests.
    """

    def __init__(self, path: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = os.path.abspath(path)
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        self._count = 0

    def files(self) -> list[FileStat]:
        """Run files by name, oldest first, without hidden ones; raises OSError."""
        now = self._clock()
        self._count += 1
        is_thorough = len(self._seen) < _MANY_FILES or self._count % _THOROUGH_EVERY == 0
        listed: dict[str, _Seen] = {}
        with os.scandir(self._path) as entries:
            for entry in entries:
                if not _is_run_name(entry.name):
                    continue
                seen = self._seen.get(entry.name)
                if seen is None or is_thorough or now - seen.changed_at < _SETTLED_S:
                    found = _entry_stat(entry)
                    if found is None:
                        continue
                    if seen is None or seen.stat != found:
                        seen = _Seen(found, now)
                listed[entry.name] = seen
        self._seen = listed
        files = _without_parts([seen.stat for seen in listed.values()])
        return sorted(files, key=lambda file: (file.mtime_s, file.path))


def file_stat(path: str, status: os.stat_result) -> FileStat:
    """A file's entry from its status."""
    return FileStat(path, status.st_size, status.st_mtime, status.st_ino)


def _is_run_name(name: str) -> bool:
    return name[0] != "." and os.path.splitext(name)[1].lower() in RUN_SUFFIXES


def _entry_stat(entry: os.DirEntry[str]) -> FileStat | None:
    """None for what is no file, and for what vanished."""
    try:
        status = entry.stat()
    except OSError:
        return None
    return file_stat(entry.path, status) if stat.S_ISREG(status.st_mode) else None


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
