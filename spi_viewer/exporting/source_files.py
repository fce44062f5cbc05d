"""Source files while they are exported from: opened when needed, a few at a time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

import h5py
import numpy as np
from numpy.typing import NDArray

from spi_viewer.errors import ExportError, SpiViewerError
from spi_viewer.frames import FrameId, RunInfo

_MAX_OPEN = 8


class SourceReader(Protocol):
    """What an export needs of a run; `spi_viewer.sources.run_file.Run` has it all."""

    @property
    def info(self) -> RunInfo:
        """Frame count, geometry."""

    def read_frame(self, index: int) -> NDArray[Any]:
        """Pixels (h, w) in the file's own type."""

    def valid_pixels(self, index: int) -> NDArray[np.bool_]:
        """(h, w) False where masked."""

    def frame_name(self, index: int) -> str:
        """The facility's own id, '' if there is none."""

    def per_frame_datasets(self) -> tuple[str, ...]:
        """Paths of HDF5 datasets with an entry a frame; empty for other formats."""

    def close(self) -> None:
        """Let go of the file."""


OpenSource = Callable[[str, str | None], SourceReader]


class SourceFiles:
    """Keeps the few sources open that were used last; a context manager."""

    def __init__(self, open_source: OpenSource) -> None:
        self._open_source = open_source
        self._open: OrderedDict[tuple[str, str], SourceReader] = OrderedDict()

    def __enter__(self) -> SourceFiles:
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            self._open.popitem()[1].close()

    def reader(self, path: str, dataset: str) -> SourceReader:
        """The open source; ExportError if it cannot be opened."""
        key = (path, dataset)
        if key not in self._open:
            try:
                self._open[key] = self._open_source(path, dataset or None)
            except (SpiViewerError, OSError) as error:
                raise ExportError(f"a source is gone: {error}; nothing was exported") from error
            if len(self._open) > _MAX_OPEN:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(key)
        return self._open[key]

    def open_hdf5(self, path: str, dataset: str) -> tuple[h5py.File, tuple[str, ...]] | None:
        """The source as an HDF5 file and its per-frame datasets; None if it has none."""
        try:
            names = self.reader(path, dataset).per_frame_datasets()
            return (h5py.File(path, "r", locking=False), names) if names else None
        except (SpiViewerError, OSError) as error:
            raise ExportError(f"{path}: cannot be read any more ({error})") from error

    def read(self, frame: FrameId) -> tuple[NDArray[Any], NDArray[np.bool_], str]:
        """Pixels (h, w), valid (h, w) and facility id of a frame."""
        reader = self.reader(frame.path, frame.dataset)
        held = reader.info.frame_count
        if not 0 <= frame.index < held:
            raise ExportError(
                f"{frame.path}: has {held} frames now and frame {frame.index} is not among them; "
                "the file has changed since it was judged: judge it again"
            )
        try:
            pixels = np.asarray(reader.read_frame(frame.index))
            return pixels, reader.valid_pixels(frame.index), reader.frame_name(frame.index)
        except (SpiViewerError, OSError) as error:
            raise ExportError(
                f"frame {frame.index} cannot be read ({error}); leave it out"
            ) from error
