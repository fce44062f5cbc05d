"""The three ways in which facilities lay out frames, each as a store: count, read, flags."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
from numpy.typing import NDArray

from spi_viewer.errors import NotReadyError, RunFileError
from spi_viewer.frames import FrameFlag
from spi_viewer.sources.hdf5_file import BrokenLinkError, child, expected_file, find_dataset
from spi_viewer.sources.hdf5_frame_shape import frame_problem
from spi_viewer.sources.hdf5_layouts import Candidate, Storage, chain_members
from spi_viewer.sources.hdf5_stack_store import StackStore
from spi_viewer.sources.hdf5_walk import natural_key


class FrameStore(Protocol):
    """Frames in the order of the run, whatever their layout."""

    frame_count: int  # complete frames
    allocated_count: int  # length of the datasets that have an entry a frame
    frame_shape: tuple[int, int]
    dtype: np.dtype
    linked_files: tuple[Path, ...]  # other files that hold frames, also those not there yet
    written_from_front: int  # frames before the first hole: they need not be looked at again
    is_settled: bool  # False while frames stand behind a gap that may still be filled

    def read(self, index: int) -> NDArray[Any]:
        """Pixels (h, w) of one frame."""

    def flags(self, index: int) -> FrameFlag:
        """What is known without reading pixels."""


def open_store(
    found: h5py.Group | h5py.Dataset, path: Path, chosen: Candidate, growing: bool, known: int = 0
) -> FrameStore:
    """The store of what was found where frames were chosen; `known` frames were complete before."""
    if chosen.storage is Storage.CHAIN:
        return ChainStore(found, path, growing)
    if chosen.storage is Storage.TAGS:
        return TagStore(found, path)
    problem = frame_problem(found)  # again: the file may have been replaced since it was chosen
    if problem:
        raise RunFileError(path, f"{chosen.path} {problem}")
    return StackStore(found, growing, known)


class ChainStore:
    """Stacks data_000001, data_000002 ... of a group, joined to one run (Eiger)."""

    written_from_front = 0

    def __init__(self, group: h5py.Group, path: Path, growing: bool) -> None:
        stores, missing = _open_chain(group, path, growing)
        folder = Path(group.file.filename).resolve().parent
        links = (group.get(name, getlink=True) for name in chain_members(group))
        self.linked_files = tuple(
            expected_file(folder, link.filename)
            for link in links
            if isinstance(link, h5py.ExternalLink)
        )
        present = [store for store in stores if store is not None]
        if not present:
            reason = f"the data files that {group.name} links to are missing: {', '.join(missing)}"
            raise NotReadyError(path, f"{reason}; copy them beside this file")
        first = present[0]
        self.frame_shape, self.dtype = first.frame_shape, first.dtype
        for store in present:
            if (store.frame_shape, store.dtype) != (self.frame_shape, self.dtype):
                raise RunFileError(path, f"the stacks in {group.name} differ in shape or type")
        while stores[-1] is None:  # links are written ahead of their files
            stores.pop()
        self.is_settled = all(store is not None and store.is_settled for store in stores)
        self.is_settled = self.is_settled or not growing
        if growing and None in stores:
            stores = stores[: stores.index(None)]
        self._stores = stores
        # A lost file between others leaves frames of unknown number: as many as in the first.
        counts = [first.frame_count if store is None else store.frame_count for store in stores]
        self._ends = np.cumsum(counts, dtype=np.int64)
        self.frame_count = self.allocated_count = sum(counts)

    def _locate(self, index: int) -> tuple[StackStore | None, int]:
        part = int(np.searchsorted(self._ends, index, side="right"))
        return self._stores[part], index - (int(self._ends[part - 1]) if part else 0)

    def read(self, index: int) -> NDArray[Any]:
        """Pixels (h, w) of one frame, zeros where its file is missing."""
        store, local = self._locate(index)
        return np.zeros(self.frame_shape, self.dtype) if store is None else store.read(local)

    def flags(self, index: int) -> FrameFlag:
        """SOURCE_MISSING for frames of a missing file."""
        store, local = self._locate(index)
        return FrameFlag.SOURCE_MISSING if store is None else store.flags(local)


def _open_chain(
    group: h5py.Group, path: Path, growing: bool
) -> tuple[list[StackStore | None], list[str]]:
    stores: list[StackStore | None] = []
    missing: list[str] = []
    for name in chain_members(group):
        try:
            dataset = child(group, name)
        except BrokenLinkError as error:
            missing.append(str(error))
            stores.append(None)
            continue
        if not isinstance(dataset, h5py.Dataset):
            raise RunFileError(path, f"{group.name}/{name} is not a dataset")
        problem = frame_problem(dataset)
        if problem or dataset.ndim != 3:
            raise RunFileError(path, f"{group.name}/{name} {problem or 'is no stack of frames'}")
        stores.append(StackStore(dataset, growing))
    return stores, missing


class TagStore:
    """One group a frame, `tag_<n>/detector_data` (SACLA)."""

    linked_files: tuple[Path, ...] = ()
    written_from_front = 0
    is_settled = True

    def __init__(self, group: h5py.Group, path: Path) -> None:
        self._group = group
        tags = (name for name in group if name.startswith("tag_"))
        self.tags = sorted(tags, key=natural_key)
        first = self._dataset(0)
        if first is None:
            raise NotReadyError(path, f"{group.name} holds no frame yet")
        problem = frame_problem(first)
        if problem or first.ndim != 2:
            raise RunFileError(path, f"{first.name} {problem or 'is not a single image'}")
        self.frame_shape: tuple[int, int] = first.shape
        self.dtype = first.dtype
        self.frame_count = self.allocated_count = len(self.tags)

    def _dataset(self, index: int) -> h5py.Dataset | None:
        if index >= len(self.tags):
            return None
        return find_dataset(self._group, f"{self.tags[index]}/detector_data")

    def read(self, index: int) -> NDArray[Any]:
        """Pixels (h, w) of one frame; zeros where the writer made none."""
        dataset = self._dataset(index)
        if dataset is None:
            return np.zeros(self.frame_shape, self.dtype)
        if dataset.shape != self.frame_shape:
            raise ValueError(f"{dataset.name} has shape {dataset.shape}, not {self.frame_shape}")
        return np.asarray(dataset[()])

    def flags(self, index: int) -> FrameFlag:
        """NOT_WRITTEN for a tag without an image."""
        return FrameFlag.NONE if self._dataset(index) is not None else FrameFlag.NOT_WRITTEN
