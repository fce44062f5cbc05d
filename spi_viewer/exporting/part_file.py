"""A file that is written aside and gets its name only when it is whole."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

from spi_viewer.errors import ExportError

# The host is named because folders are shared: a process number means nothing elsewhere.
_HOST = re.sub(r"[^A-Za-z0-9-]", "_", socket.gethostname()) or "host"
_PART_NAME = re.compile(rf"^\..+\.part-{_HOST}-(\d+)$")
_own_parts: set[Path] = set()  # that this process is writing
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


@contextlib.contextmanager
def part_file(destination: Path) -> Iterator[Path]:
    """Path of a hidden file beside the destination; gone when the block is left, however.

    What dead exports left in the folder is swept away first.
    """
    folder = destination.parent
    if not folder.is_dir():
        raise ExportError(f"{folder}: there is no such folder; make it or choose another")
    remove_stale_parts(folder)
    part = folder / f".{destination.name}.part-{_HOST}-{os.getpid()}"
    try:
        part.open("xb").close()
    except FileExistsError:
        raise ExportError(f"{destination}: is being exported just now") from None
    except OSError as error:
        raise ExportError(f"{folder}: cannot be written to ({error.strerror})") from error
    _own_parts.add(part)
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)
        _own_parts.discard(part)


def remove_stale_parts(folder: Path) -> None:
    """Remove part files whose process, on this computer, is dead."""
    if os.name != "posix":  # elsewhere asking whether a process lives may end it
        return
    with contextlib.suppress(OSError):  # a folder may be there to be written into only
        for entry in folder.iterdir():
            match = _PART_NAME.match(entry.name)
            if match and entry not in _own_parts and not _is_alive(int(match[1])):
                with contextlib.suppress(OSError):
                    entry.unlink()


def put_in_place(part: Path, destination: Path, overwrite: bool) -> None:
    """Give the whole file its name, on disk before; without overwrite never over another file."""
    try:
        _sync(part)
        if overwrite:
            os.replace(part, destination)
        else:
            _name_if_free(part, destination)
        _sync(destination.parent)
    except FileExistsError:
        raise refusal_to_overwrite(destination) from None
    except OSError as error:
        raise ExportError(f"{destination}: cannot be written ({error.strerror})") from error


def refusal_to_overwrite(destination: Path) -> ExportError:
    """The error for a destination that is taken."""
    return ExportError(f"{destination}: exists already; choose another name or ask to replace it")


def _name_if_free(part: Path, destination: Path) -> None:
    try:
        os.link(part, destination)  # fails if the name is taken, also in a race
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # A file system without hard links: look, then rename; another writer may come between.
        if os.path.lexists(destination):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        os.rename(part, destination)


def _is_alive(process: int) -> bool:
    """Whether a part may still be written; ours are known: in a container numbers come again."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _sync(path: Path) -> None:
    """Have a file or folder on the disk itself; some systems cannot sync a folder."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        if path.is_dir():
            return
        raise
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not path.is_dir() and error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
