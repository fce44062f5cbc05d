"""What holds on to one opening of an HDF5 run; thrown away and made anew when the file grows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from spi_viewer.errors import AmbiguousDatasetError, NotReadyError, RunFileError
from spi_viewer.frames import DetectorGeometry, FrameFlag
from spi_viewer.sources.hdf5_file import BrokenLinkError
from spi_viewer.sources.hdf5_frame_values import FrameNames, frame_metadata, per_frame_datasets
from spi_viewer.sources.hdf5_geometry import read_geometry
from spi_viewer.sources.hdf5_layouts import Candidate, Survey, candidate_at, survey
from spi_viewer.sources.hdf5_masks import MaskReader
from spi_viewer.sources.hdf5_places import Places
from spi_viewer.sources.hdf5_stack_store import StackStore
from spi_viewer.sources.hdf5_stores import TagStore, open_store
from spi_viewer.sources.hdf5_tree import Hdf5Tree

_EXPORT_GROUP = "spi_viewer"
_PANELS_OF_A_TAG = "tag-"  # Cheetah at SACLA: a group a frame of 8192 x 512, its eight panels


class Opening:
    """Frames, masks, names and values of one run in an open file.

    Attributes:
        frame_count: complete frames; while the file grows, those whose masks are there, too.
        missing: what the next frame waits for, though there is more behind it; '' if nothing.
    """

    def __init__(
        self, tree: Hdf5Tree, path: Path, chosen: Candidate, growing: bool, known: int
    ) -> None:
        self._tree = tree
        self._chosen = chosen
        self.store = open_store(_present(tree, path, chosen), path, chosen, growing, known)
        self._places = Places(chosen.path)
        self._masks = MaskReader(
            tree, self._places, self.store.frame_shape, self.store.allocated_count, growing
        )
        self.frame_count = min(self.store.frame_count, self._masks.frame_count)
        self.missing = self._missing()
        if self.frame_count == 0:
            why = self.missing if self.store.frame_count else "there is no complete frame yet"
            raise NotReadyError(path, f"{chosen.path}: {why}")
        self._names = FrameNames(tree, self._places, self.store.frame_count)
        self._incomplete = self._incomplete_frames()

    def _missing(self) -> str:
        if not self.store.is_settled:
            return f"frame {self.frame_count} is missing, though later ones are there"
        if self.frame_count < self.store.frame_count:
            return f"frame {self.frame_count} has no mask yet"
        return ""

    def _incomplete_frames(self) -> NDArray[np.bool_] | None:
        """SwissFEL's own verdict that a frame lost packets."""
        dataset = self._tree.dataset(f"{self._places.beside}/is_good_frame")
        if dataset is None or dataset.dtype.kind not in "biu" or dataset.size is None:
            return None
        if dataset.shape[:1] != (self.store.allocated_count,):
            return None
        return np.asarray(dataset[()]).reshape(len(dataset), -1)[:, 0] == 0

    def valid_pixels(self, index: int) -> NDArray[np.bool_]:
        """(h, w) False where the masks exclude a pixel."""
        return self._masks.valid(index)

    def frame_name(self, index: int) -> str:
        """The facility's own id."""
        if isinstance(self.store, TagStore):
            return self.store.tags[index].removeprefix("tag_")
        return self._names.name(index)

    def frame_flags(self, index: int) -> FrameFlag:
        """What the store knows, and frames that their writer calls incomplete."""
        flags = self.store.flags(index)
        if self._incomplete is not None and self._incomplete[index]:
            flags |= FrameFlag.NOT_WRITTEN
        return flags

    def geometry(self) -> DetectorGeometry:
        """What resolution rings need, as far as the file says."""
        return read_geometry(self._tree, self._places)

    @property
    def is_export(self) -> bool:
        """Whether this program wrote the file."""
        return _EXPORT_GROUP in self._tree.file

    def per_frame_datasets(self) -> tuple[str, ...]:
        """Datasets with one entry a frame."""
        store = self.store
        is_image = isinstance(store, StackStore) and store.is_image
        counts = store.allocated_count, store.frame_count
        return per_frame_datasets(
            self._tree, self._chosen.path, store.frame_shape, counts, is_image
        )

    def metadata(self, paths: tuple[str, ...], index: int) -> dict[str, Any]:
        """Values of a frame, and what should be known of its masks."""
        values = frame_metadata(self._tree, paths, index)
        if self._masks.ignored:
            values["masks not used"] = "; ".join(self._masks.ignored)
        return values


def _present(tree: Hdf5Tree, path: Path, chosen: Candidate) -> h5py.Group | h5py.Dataset:
    try:
        found = tree.find(chosen.path)
    except BrokenLinkError as error:
        raise NotReadyError(path, str(error)) from error
    if found is None:
        raise NotReadyError(path, f"it has no dataset {chosen.path}")
    return found


def choose(tree: Hdf5Tree, path: Path, dataset: str | None) -> tuple[Candidate, tuple[str, ...]]:
    """The frames that are meant, and all paths that could hold frames."""
    found = survey(tree)
    paths = tuple(candidate.path for candidate in found.candidates)
    if dataset is not None:
        chosen = candidate_at(tree, dataset)
        if isinstance(chosen, str):
            hint = f"; it has frames at {', '.join(paths)}" if paths else ""
            raise RunFileError(path, chosen + hint)
        return chosen, paths
    if not found.candidates:
        raise _no_frames(tree.file, path, found)
    if found.is_ambiguous:
        raise AmbiguousDatasetError(path, paths)
    return found.candidates[0], paths


def _no_frames(file: h5py.File, path: Path, found: Survey) -> RunFileError:
    if found.problems:
        where, why = found.problems[0]
        return RunFileError(path, f"no frames can be read: {where} {why}")
    if len(file) == 0:
        return NotReadyError(path, "there is nothing in it yet")
    if any(name.startswith(_PANELS_OF_A_TAG) for name in file):
        return RunFileError(path, "its frames are panels side by side; they are not assembled here")
    return RunFileError(path, "it holds no frames: no stack of images and no single image")
