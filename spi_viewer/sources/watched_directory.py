"""Compares listings of a directory: which files are new, changed, renamed, gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from spi_viewer.sources.directory_listing import FileStat, ListingChanges
from spi_viewer.sources.reader import Reader
from spi_viewer.sources.run_cursor import RunCursor
from spi_viewer.sources.watched_file import WatchedFile


class WatchedDirectory:
    """The files of a directory, and which of them to look at.

    A new name for the very same contents (inode, size and time of change) is a renamed file, or a
    second name of a file that is still there; neither is read again. If only the inode is that of
    a file that vanished, it was renamed after its last change, or the file system gave the inode
    to a new file: then `WatchedFile.earlier` is set, and the feed compares their first frames.

    Attributes:
        state: of the listing that was taken in last, to ask with for the changes since.
    """

    def __init__(self, reader: Reader, dataset: str | None = None) -> None:
        self.state = 0
        self._reader = reader
        self._dataset = dataset
        self._files: dict[str, WatchedFile] = {}
        self._by_inode: dict[int, WatchedFile] = {}
        self._planned: dict[str, WatchedFile] = {}
        self._second_names: dict[str, FileStat] = {}

    def compare(
        self, changes: ListingChanges, now: float, wall_now: float
    ) -> tuple[list[WatchedFile], list[WatchedFile]]:
        """Take in a listing: the files to look at, in its order, and those that vanished."""
        self.state = changes.state
        vanished = self._vanished(changes)
        for file in vanished:
            file.is_gone = True
        to_look_at = []
        for stat in self._in_question(changes, bool(vanished)):
            known = self._files.get(stat.path)
            if known is not None and known.stat == stat and not known.is_gone:
                continue
            found = known or self._take_in(stat, now, wall_now)
            if found is not None and self._is_news(found, stat, now):
                to_look_at.append(found)
        to_look_at.extend(self._due(now))
        suspects = {id(file.earlier) for file in to_look_at if file.earlier is not None}
        gone = [file for file in vanished if file.is_gone and id(file) not in suspects]
        return to_look_at, gone

    def _vanished(self, changes: ListingChanges) -> list[WatchedFile]:
        """Files that were there until this listing."""
        paths: Iterable[str] = changes.vanished
        if changes.is_full:
            paths = self._files.keys() - {stat.path for stat in changes.files}
        known = [self._files[path] for path in paths if path in self._files]
        return [file for file in known if not file.is_gone]

    def _in_question(self, changes: ListingChanges, has_vanished: bool) -> list[FileStat]:
        """Entries of the listing that may be news; oldest first.

        A name passed over as another file's second one is, when that file vanishes.
        """
        if changes.is_full:
            self._second_names.clear()
        for path in changes.vanished:
            self._second_names.pop(path, None)
        if not has_vanished or not self._second_names:
            return changes.files
        entries = self._second_names | {stat.path: stat for stat in changes.files}
        self._second_names.clear()
        return sorted(entries.values(), key=lambda stat: (stat.mtime_s, stat.path))

    def plan(self, file: WatchedFile) -> None:
        """Keep or drop a file's next planned look, after its `look_at` was set."""
        if file.look_at is None:
            self._planned.pop(file.stat.path, None)
        else:
            self._planned[file.stat.path] = file

    def waiting(self) -> list[tuple[str, str]]:
        """(path, why) of the files that are waited for."""
        return [(path, file.waiting) for path, file in self._planned.items() if file.waiting]

    def _is_news(self, file: WatchedFile, stat: FileStat, now: float) -> bool:
        file.is_gone = False
        if file.stat != stat:
            file.note_change(stat, now)
            self._by_inode[stat.inode] = file
        return file.needs_look

    def _take_in(self, stat: FileStat, now: float, wall_now: float) -> WatchedFile | None:
        """The state of a path seen for the first time; None for a second name of a known file."""
        known = self._by_inode.get(stat.inode) if stat.inode else None
        if known is not None and known.stat[1:] == stat[1:]:
            if not known.is_gone:
                self._second_names[stat.path] = stat
                return None
            return self._rename(known, stat)
        file = WatchedFile(stat, RunCursor(self._reader, stat.path, self._dataset), now, wall_now)
        if known is not None and known.is_gone:
            file.earlier = known
            known.rest()
            self.plan(known)
        self._files[stat.path] = file
        self._by_inode[stat.inode] = file
        return file

    def _rename(self, file: WatchedFile, stat: FileStat) -> WatchedFile:
        del self._files[file.stat.path]
        self._planned.pop(file.stat.path, None)
        file.stat = stat
        file.cursor.path = stat.path
        file.needs_look = True
        self._files[stat.path] = file
        return file

    def _due(self, now: float) -> Iterator[WatchedFile]:
        for file in list(self._planned.values()):
            if file.look_at is not None and file.look_at <= now and not file.is_gone:
                file.needs_look = True
                yield file
