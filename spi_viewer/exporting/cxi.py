"""Exports frames to a CXI file: written aside, read again and compared, then given its name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py

from spi_viewer.errors import ExportCancelledError, ExportError, SpiViewerError
from spi_viewer.exporting import cxi_tables
from spi_viewer.exporting.enduring_file import EnduringFile
from spi_viewer.exporting.frame_selection import ExportProvenance, FrameToExport
from spi_viewer.exporting.frame_stack import FrameStack
from spi_viewer.exporting.part_file import part_file, put_in_place, refusal_to_overwrite
from spi_viewer.exporting.per_frame_columns import PerFrameColumns
from spi_viewer.exporting.source_files import OpenSource, SourceFiles
from spi_viewer.exporting.verification import verify_columns, verify_frames
from spi_viewer.frames import DetectorGeometry

Progress = Callable[[int, int], None]
_PHASES = 3  # pixels, per-frame datasets, verification


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written.

    Attributes:
        skipped: (dataset, why) of per-frame datasets that could not be copied.
    """

    destination: Path
    frame_count: int
    source_count: int
    size_bytes: int
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def summary(self) -> str:
        """One line for the user."""
        sources = "1 file" if self.source_count == 1 else f"{self.source_count} files"
        frames = "1 frame" if self.frame_count == 1 else f"{self.frame_count:,} frames"
        text = f"{frames} from {sources} written to {self.destination} and verified"
        if self.skipped:
            text += "; not copied: " + ", ".join(f"{name} {why}" for name, why in self.skipped)
        return text


class _Steps:
    """Tells of progress and notices that the user cancelled."""

    def __init__(self, total: int, progress: Progress, cancelled: Callable[[], bool]) -> None:
        self._done, self._total = 0, total
        self._progress, self._cancelled = progress, cancelled

    def advance(self, steps: int) -> None:
        self._done += steps
        if self._cancelled():
            raise ExportCancelledError("the export was cancelled; nothing was written")
        self._progress(self._done, self._total)


def export_cxi(
    frames: Sequence[FrameToExport],
    destination: Path,
    provenance: ExportProvenance,
    *,
    open_source: OpenSource,
    overwrite: bool = False,
    progress: Progress = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ExportReport:
    """Write frames, in the order given, with everything that the sources say of each.

    Frames of different size or type do not go into one file. One frame is in memory at a time.
    An existing file is replaced only if asked for, never if it is a source or an HDF5 file of
    another program.

    Args:
        frames: at least one.
        destination: the new file; its folder must exist.
        provenance: what judged and chose the frames.
        open_source: opens a source by path and dataset, `sources.run_file.open_run`.
        overwrite: replace an earlier export of that name.
        progress: told (steps done, all steps), from the calling thread.
        cancelled: asked between frames.

    Raises:
        ExportCancelledError: cancelled. ExportError: anything else. In both cases nothing new
            stands under the final name.
    """
    destination = Path(os.path.abspath(destination))
    if not frames:
        raise ExportError("there are no frames to export; choose others or lower the threshold")
    _check_destination(destination, frames, overwrite)
    steps = _Steps(_PHASES * len(frames), progress, cancelled)
    steps.advance(0)
    with part_file(destination) as part:
        with _explained(destination):
            skipped = _write_and_verify(part, frames, provenance, open_source, steps)
        _check_destination(destination, frames, overwrite)
        put_in_place(part, destination, overwrite)
    return ExportReport(
        destination,
        len(frames),
        len({frame.id.path for frame in frames}),
        destination.stat().st_size,
        tuple(sorted(skipped.items())),
    )


def _write_and_verify(
    part: Path,
    frames: Sequence[FrameToExport],
    provenance: ExportProvenance,
    open_source: OpenSource,
    steps: _Steps,
) -> dict[str, str]:
    """Write the part file and compare it with what was read; per-frame datasets left out."""
    with SourceFiles(open_source) as sources, contextlib.closing(EnduringFile(part)) as raw:

        def step(done: int) -> None:
            raw.check()
            steps.advance(done)

        with h5py.File(raw, "w") as file:
            stack, names, geometries = _write_frames(file, frames, sources, step)
            columns = PerFrameColumns(file, len(frames))
            columns.copy([frame.id for frame in frames], sources, step)
            cxi_tables.write_names(file, names)  # unless a source's own names were copied
            cxi_tables.write_geometry(file, geometries)
            cxi_tables.write_scores(file, frames)
            cxi_tables.write_provenance(file, frames, provenance)
            blocks = {column.dataset.name: column.blocks for column in columns.columns}
            raw.check()
    raw.check()
    with h5py.File(part, "r", locking=False) as file:
        verify_frames(file, stack, steps.advance)
        verify_columns(file, blocks)
    return columns.skipped


def _write_frames(
    file: h5py.File,
    frames: Sequence[FrameToExport],
    sources: SourceFiles,
    step: Callable[[int], None],
) -> tuple[FrameStack, list[str], list[DetectorGeometry]]:
    """Write pixels and masks; the names and geometries of the frames."""
    stack = FrameStack(file, len(frames))
    names: list[str] = []
    geometries: list[DetectorGeometry] = []
    for frame in frames:
        pixels, valid, name = sources.read(frame.id)
        stack.write(frame.id, pixels, valid)
        names.append(frame.id.name or name)
        geometries.append(sources.reader(frame.id.path, frame.id.dataset).info.geometry)
        step(1)
    stack.finish()
    return stack, names, geometries


def _check_destination(destination: Path, frames: Sequence[FrameToExport], overwrite: bool) -> None:
    if not os.path.lexists(destination):
        return
    if not overwrite:
        raise refusal_to_overwrite(destination)
    if not destination.is_file():
        raise ExportError(f"{destination}: is not a file; choose another name")
    for path in {frame.id.path for frame in frames}:
        with contextlib.suppress(OSError):  # a source that is gone is noticed when it is read
            if os.path.samefile(path, destination):
                raise ExportError(f"{destination}: is a source of this export; choose another name")
    if h5py.is_hdf5(destination):
        _check_own(destination)


def _check_own(destination: Path) -> None:
    """Refuse to replace what may be measured data."""
    try:
        with h5py.File(destination, "r", locking=False) as file:
            own = cxi_tables.is_own_export(file)
    except OSError:
        own = False
    if not own:
        raise ExportError(
            f"{destination}: may be measured data, it is no export of this program; "
            "choose another name"
        )


@contextlib.contextmanager
def _explained(destination: Path) -> Iterator[None]:
    """Turn what HDF5 and the system say while writing into an ExportError."""
    try:
        yield
    except ExportError:
        raise
    except SpiViewerError as error:
        raise ExportError(str(error)) from error
    except (OSError, RuntimeError, ValueError, MemoryError) as error:
        raise ExportError(
            f"{destination}: cannot be written ({error}); free space or choose another folder"
        ) from error
