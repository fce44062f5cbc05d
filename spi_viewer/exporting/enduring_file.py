"""A file for HDF5 to write to that never fails in HDF5's hands.

When a write fails, HDF5 cannot close its file any more and may end the whole process (seen with
HDF5 1.14 on a full disk). So a failure is kept from it: from then on writes go nowhere, and the
exporter, who looks at `error` after each step, gives up in good order.
"""

from __future__ import annotations

import io
from pathlib import Path


class EnduringFile(io.RawIOBase):
    """A new file to read and write; see `error`. For h5py's file-object driver."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        self._position = 0
        self._end = 0
        self.error: OSError | None = None

    def check(self) -> None:
        """Raise the error that HDF5 was not told of."""
        if self.error is not None:
            raise self.error

    def readable(self) -> bool:
        """True."""
        return True

    def writable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; the end is where it would be had all writes succeeded."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._end}[whence]
        self._position = origin + offset
        return self._position

    def tell(self) -> int:
        """The present position."""
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer; what cannot be read is 0."""
        view = memoryview(buffer).cast("B")
        count = 0
        if self.error is None:
            try:
                self._file.seek(self._position)
                while count < len(view) and (got := self._file.readinto(view[count:])):
                    count += got
            except OSError as error:
                self.error = error
        view[count:] = bytes(len(view) - count)
        self._position += len(view)
        return len(view)

    def write(self, content: memoryview) -> int:  # type: ignore[override]
        """Write everything, or remember why not."""
        view = memoryview(content).cast("B")
        if self.error is None:
            try:
                self._file.seek(self._position)
                unwritten = view
                while unwritten:
                    unwritten = unwritten[self._file.write(unwritten) :]
            except OSError as error:
                self.error = error
        self._position += len(view)
        self._end = max(self._end, self._position)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Set the length."""
        self._end = self._position if size is None else size
        if self.error is None:
            try:
                self._file.truncate(self._end)
            except OSError as error:
                self.error = error
        return self._end

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            try:
                self._file.close()
            except OSError as error:  # some network file systems tell of a full disk only now
                self.error = self.error or error
        super().close()
