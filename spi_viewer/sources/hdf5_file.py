"""Opening HDF5 files that somebody else may be writing, and following the links in them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  registers bitshuffle, LZ4, Zstandard and others with HDF5

from spi_viewer.errors import NotReadyError, RunFileError, SpiViewerError

# What h5py raises when bytes in a file make no sense.
H5_ERRORS = (
    OSError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    ArithmeticError,
    MemoryError,
)


class BrokenLinkError(SpiViewerError):
    """A path in a file leads nowhere; the text says where it should have led."""


def open_hdf5(path: Path) -> h5py.File:
    """Open `path` read-only and unlocked, by SWMR if its writer writes by SWMR.

    Raises:
        NotReadyError: torn, being written, or damaged; HDF5 cannot tell these apart.
        RunFileError: not permitted.
    """
    try:
        return h5py.File(path, "r", locking=False)
    except PermissionError as error:
        raise RunFileError(path, "you have no permission to read it") from error
    except H5_ERRORS as error:
        if "already open for" not in str(error):  # HDF5 does not say in which mode
            raise NotReadyError(path, _open_failure(str(error))) from error
    try:
        return h5py.File(path, "r", locking=False, libver="latest", swmr=True)
    except H5_ERRORS as error:
        raise NotReadyError(path, _open_failure(str(error))) from error


def _open_failure(message: str) -> str:
    """HDF5's own words made readable."""
    if "truncated file" in message:
        return "the file is truncated: still being written or copied, or torn"
    if "already open for" in message:
        return (
            "another program has it open for writing; "
            "if none has, a writer crashed and 'h5clear -s FILE' mends it"
        )
    if "lock" in message:
        return "it is locked by another program"
    return f"the HDF5 file is damaged or still being written ({shorten(message)})"


def shorten(message: object) -> str:
    """First 160 characters of a library's message, on one line."""
    text = " ".join(str(message).split())
    return text if len(text) <= 160 else text[:157] + "..."


@contextmanager
def not_ready_on_damage(path: Path) -> Iterator[None]:
    """Turn HDF5's errors about bytes that make no sense into NotReadyError."""
    try:
        yield
    except SpiViewerError:
        raise
    except H5_ERRORS as error:
        reason = f"the HDF5 file is damaged or still being written ({shorten(error)})"
        raise NotReadyError(path, reason) from error


def linked_file(beside: str | Path, name: str) -> Path | None:
    """The regular file that a link in a file of folder `beside` means, as HDF5 searches for it."""
    folder = Path(beside)
    for candidate in (Path(name), folder / name, folder / Path(name).name):
        if candidate.is_absolute() and _is_regular(candidate):
            return candidate
    return None


def expected_file(beside: str | Path, name: str) -> Path:
    """Where a link's file is, or where it should appear."""
    return linked_file(beside, name) or Path(beside) / name


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def child(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset | None:
    """Member `name` of a group, None if there is none.

    Raises:
        BrokenLinkError: it is a link whose target is not there.
    """
    link = group.get(name, getlink=True)
    if link is None:
        return None
    if isinstance(link, h5py.ExternalLink):
        beside = Path(group.file.filename).resolve().parent
        if linked_file(beside, link.filename) is None:
            raise BrokenLinkError(f"{link.filename} is not there ({name} is a link into it)")
    try:
        found = group[name]
    except H5_ERRORS as error:
        if isinstance(link, h5py.ExternalLink):
            target = f"{link.filename}:{link.path}"
            raise BrokenLinkError(f"{target} cannot be opened ({name} links to it)") from error
        if isinstance(link, h5py.SoftLink):
            raise BrokenLinkError(f"{name} is a link to {link.path}, which is not there") from error
        raise
    return found if isinstance(found, h5py.Group | h5py.Dataset) else None


def follow(file: h5py.File, path: str) -> h5py.Group | h5py.Dataset | None:
    """The object at `path`, None if there is none; BrokenLinkError as `child`."""
    found: h5py.Group | h5py.Dataset | None = file
    for name in path.strip("/").split("/"):
        if not isinstance(found, h5py.Group):
            return None
        found = child(found, name)
    return found


def _is_absent(file: h5py.Group, path: str) -> bool:
    """True if HDF5 says so at once; most paths that are tried are not there.

    With one file a frame, stepping through h5py's groups would take longer than all the rest.
    """
    prefix = b""
    for name in path.strip("/").split("/"):
        prefix += b"/" + name.encode() if prefix else name.encode()
        try:
            link = file.id.links.get_info(prefix)
        except H5_ERRORS:
            return True
        if link.type == h5py.h5l.TYPE_EXTERNAL:
            return False
    return False


def find_dataset(file: h5py.File, path: str) -> h5py.Dataset | None:
    """The dataset at `path`, or None if there is none that can be opened."""
    if _is_absent(file, path):
        return None
    try:
        found = follow(file, path)
    except (BrokenLinkError, *H5_ERRORS):
        return None
    return found if isinstance(found, h5py.Dataset) else None


def object_key(found: h5py.Group | h5py.Dataset) -> tuple[int, int]:
    """Equal for two paths exactly if both lead to the same object."""
    info = h5py.h5o.get_info(found.id)
    return info.fileno, info.addr
