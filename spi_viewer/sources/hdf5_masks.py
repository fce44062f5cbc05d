"""The pixel masks that belong to a stack of frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from spi_viewer.sources.hdf5_places import Places
from spi_viewer.sources.hdf5_tree import Hdf5Tree
from spi_viewer.sources.hdf5_written_frames import virtual_problem
from spi_viewer.sources.pixel_masks import MaskConvention, resolve_convention, valid_from_bits

# `mask` may hold a mask a frame, the others are one for all frames (Cheetah; NeXus).
_MASK_NAMES = (
    "{detector}/mask",
    "{detector}/mask_shared",
    "{detector}/pixel_mask",
    "{detector}/detectorSpecific/pixel_mask",
)


@dataclass
class _Mask:
    dataset: h5py.Dataset
    is_per_frame: bool
    convention: MaskConvention


class MaskReader:
    """All masks of a run, joined: a pixel counts if no mask excludes it."""

    def __init__(
        self, tree: Hdf5Tree, places: Places, frame_shape: tuple[int, int], allocated: int
    ) -> None:
        self._frame_shape = frame_shape
        self._static: NDArray[np.bool_] | None = None
        self._masks: list[_Mask] = []
        self.ignored: list[str] = []
        for pattern in _MASK_NAMES:
            self._add_first(tree, places, places.expand(pattern), allocated)

    def _add_first(
        self, tree: Hdf5Tree, places: Places, paths: tuple[str, ...], allocated: int
    ) -> None:
        """Take the nearest mask of one name that fits the frames."""
        for path in paths:
            dataset = tree.dataset(path)
            if dataset is None or dataset.dtype.kind not in "iufb":
                continue
            problem = self._misfit(dataset, allocated) or virtual_problem(dataset)
            if problem:
                self.ignored.append(f"{path} {problem}")
                continue
            is_per_frame = dataset.ndim == 3 and (dataset.shape[0] > 1 or allocated == 1)
            self._masks.append(_Mask(dataset, is_per_frame, _convention(tree, places, path)))
            return

    def _misfit(self, dataset: h5py.Dataset, allocated: int) -> str | None:
        shape = dataset.shape
        if shape is None or len(shape) not in (2, 3) or shape[-2:] != self._frame_shape:
            return f"has shape {shape}, frames have {self._frame_shape}"
        # More masks than frames are those of frames to come, where the run is still growing.
        if len(shape) == 3 and 1 < shape[0] < allocated:
            return f"holds {shape[0]} masks for {allocated} frames"
        return None

    def valid(self, index: int) -> NDArray[np.bool_]:
        """(h, w) True where frame `index` counts; the caller's own array."""
        if self._static is None:
            self._static = np.ones(self._frame_shape, dtype=np.bool_)
            for mask in self._masks:
                if not mask.is_per_frame:
                    self._static &= self._read(mask, None)
        valid = self._static.copy()
        for mask in self._masks:
            if mask.is_per_frame:
                valid &= self._read(mask, index)
        return valid

    def _read(self, mask: _Mask, index: int | None) -> NDArray[np.bool_]:
        dataset = mask.dataset
        bits: NDArray[Any] = np.asarray(
            dataset[()] if dataset.ndim == 2 else dataset[0 if index is None else index]
        )
        if mask.convention is MaskConvention.POLARITY_BY_MAJORITY:
            # Settled by the first mask that is read, so that no frame differs from the others.
            mask.convention = resolve_convention(bits)
        return valid_from_bits(bits, mask.convention)


def _convention(tree: Hdf5Tree, places: Places, path: str) -> MaskConvention:
    """What the bits of a mask at `path` mean."""
    if path.endswith("/pixel_mask"):
        return MaskConvention.NEXUS
    if tree.dataset(f"{places.entry}/trainId") is not None or "euxfelRunNumber" in tree.file.attrs:
        return MaskConvention.ANY_BIT
    if path.startswith((f"{places.entry}/instrument_", f"{places.entry}/data_")):
        return MaskConvention.CXI
    return MaskConvention.POLARITY_BY_MAJORITY
