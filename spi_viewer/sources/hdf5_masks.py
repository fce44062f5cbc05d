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


_WRITERS_LAG = 1  # masks by which a writer may be behind its first frames


@dataclass
class _Mask:
    dataset: h5py.Dataset
    is_per_frame: bool
    convention: MaskConvention


class MaskReader:
    """All masks of a run, joined: a pixel counts if no mask excludes it.

    Attributes:
        frame_count: frames that have all their masks; the others' are still to come.
        ignored: paths of masks that are not used, and why.
    """

    def __init__(
        self,
        tree: Hdf5Tree,
        places: Places,
        frame_shape: tuple[int, int],
        allocated: int,
        growing: bool,
    ) -> None:
        self._frame_shape, self._growing = frame_shape, growing
        self.frame_count = allocated
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
            is_per_frame = self._is_per_frame(dataset, allocated)
            if is_per_frame:
                self.frame_count = min(self.frame_count, dataset.shape[0])
            self._masks.append(_Mask(dataset, is_per_frame, _convention(tree, places, path)))
            return

    def _is_per_frame(self, dataset: h5py.Dataset, allocated: int) -> bool:
        """Whether there is a mask a frame; one alone that can grow may be the first of them."""
        if dataset.ndim == 2:
            return False
        may_grow = self._growing and dataset.maxshape[0] != 1 and allocated <= 1 + _WRITERS_LAG
        return bool(dataset.shape[0] > 1 or allocated == 1 or may_grow)

    def _misfit(self, dataset: h5py.Dataset, allocated: int) -> str | None:
        shape = dataset.shape
        if shape is None or len(shape) not in (2, 3) or shape[-2:] != self._frame_shape:
            return f"has shape {shape}, frames have {self._frame_shape}"
        if len(shape) == 2:
            return None
        # More masks than frames are those of frames to come. Fewer may be behind by what the
        # writer has in hand, but none at all beside several frames may never come.
        none_yet = shape[0] == 0 and allocated > 1
        behind = shape[0] == 0 or 1 < shape[0] < allocated
        if none_yet or (behind and not self._growing):
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
    if path.startswith("/INSTRUMENT/"):  # European XFEL's own layout
        return MaskConvention.ANY_BIT
    if tree.dataset(f"{places.entry}/trainId") is not None or "euxfelRunNumber" in tree.file.attrs:
        return MaskConvention.ANY_BIT
    if path.startswith((f"{places.entry}/instrument_", f"{places.entry}/data_")):
        return MaskConvention.CXI
    return MaskConvention.POLARITY_BY_MAJORITY
