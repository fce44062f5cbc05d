"""Values with one entry a frame: the facility's frame ids, and what is worth showing."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from spi_viewer.sources.hdf5_file import H5_ERRORS
from spi_viewer.sources.hdf5_places import Places
from spi_viewer.sources.hdf5_tree import Hdf5Tree
from spi_viewer.sources.hdf5_walk import walk

# Datasets whose entries, joined, name a frame; the first row that a file has is used.
_NAMES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", ("{entry}/experiment_identifier",)),
    ("", ("{beside}/experiment_identifier",)),
    ("", ("{entry}/instrument_1/detector_1/experiment_identifier",)),
    ("", ("/cheetah/event_data/eventName",)),
    (":", ("{entry}/trainId", "{entry}/pulseId")),  # European XFEL
    (":", ("{entry}/trainId", "{entry}/cellId")),
    (":", ("{entry}/trainId", "{entry}/memoryCell")),
    (":", ("{beside}/trainId", "{beside}/pulseId")),
    ("", ("{entry}/event/bunch_id",)),  # FLASH
    ("", ("{beside}/pulse_id",)),  # SwissFEL
    ("", ("{beside}/trainId",)),  # European XFEL, detectors that see a train as one
    ("", ("{entry}/trainId",)),
    ("_", ("/LCLS/machineTime", "/LCLS/machineTimeNanoSeconds", "/LCLS/fiducial")),
)
_WRITERS_LAG = 1  # entries by which datasets of a growing run may differ
_MAX_SHOWN = 64
_MAX_SHOWN_LENGTH = 200


class FrameNames:
    """The facility's own ids."""

    def __init__(self, tree: Hdf5Tree, places: Places, frame_count: int) -> None:
        self._separator = ""
        self._datasets: list[h5py.Dataset] = []
        for separator, patterns in _NAMES:
            found = [tree.dataset(places.expand(pattern)[0]) for pattern in patterns]
            datasets = [one for one in found if one is not None]
            if len(datasets) < len(patterns):
                continue
            if all(_is_column(one, frame_count) for one in datasets):
                self._separator, self._datasets = separator, datasets
                return
            if not self._datasets and all(_trails(one, frame_count) for one in datasets):
                self._separator, self._datasets = separator, datasets

    def name(self, index: int) -> str:
        """Id of a frame, '' if the file has none or it cannot be read."""
        try:
            return self._separator.join(_text(dataset[index]) for dataset in self._datasets)
        except H5_ERRORS:
            return ""


def _trails(dataset: h5py.Dataset, frame_count: int) -> bool:
    """True for a column that grows after the frames."""
    return _can_grow(dataset) and _is_column(dataset, max(1, frame_count - _WRITERS_LAG))


def _can_grow(dataset: h5py.Dataset) -> bool:
    return bool(dataset.shape) and dataset.maxshape[0] is None


def _is_column(dataset: h5py.Dataset, frame_count: int) -> bool:
    """True for one short value a frame."""
    shape = dataset.shape
    return bool(shape and shape[0] >= frame_count and (len(shape) == 1 or shape[1:] == (1,)))


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.ravel()[0]
    if isinstance(value, bytes):
        value = value[:_MAX_SHOWN_LENGTH].rstrip(b"\0").decode("utf-8", "replace")
    return str(value)[:_MAX_SHOWN_LENGTH]  # a damaged length can make a name of gigabytes


def per_frame_datasets(
    tree: Hdf5Tree,
    dataset: str,
    frame_shape: tuple[int, int],
    counts: tuple[int, int],
    is_image: bool,
) -> tuple[str, ...]:
    """Paths of all datasets with as many entries as the run has frames, without the frames.

    `counts` are the frames that are laid out, and those that are complete. A dataset that grows
    along may be ahead of these, or behind them, by what its writer has in hand. One of another
    meaning that happens to be of this length cannot be told apart.
    """
    if is_image:
        return ()
    frames = tree.dataset(dataset)
    paths = []
    for path, found in walk(tree.file, 1):
        if frames is not None and found.id == frames.id:
            continue
        if not found.shape or found.shape == frame_shape:
            continue
        length = found.shape[0]
        grows_along = _can_grow(found) and abs(length - counts[1]) <= _WRITERS_LAG
        if length in counts or grows_along:
            paths.append(path)
    return tuple(path for path in paths if not path.startswith(f"{dataset}/"))


def frame_metadata(tree: Hdf5Tree, paths: tuple[str, ...], index: int) -> dict[str, Any]:
    """Single values of frame `index`, by the dataset's name with its unit."""
    values: dict[str, Any] = {}
    for path in paths:
        if len(values) >= _MAX_SHOWN:
            break
        dataset = tree.dataset(path)
        if dataset is None or not _is_column(dataset, index + 1):
            continue
        try:
            value, name = _plain(dataset[index]), _name_with_unit(dataset, path)
        except H5_ERRORS:
            continue
        if value is not None:
            values[name if name not in values else path.strip("/")] = value
    return values


def _name_with_unit(dataset: h5py.Dataset, path: str) -> str:
    name = path.rsplit("/", 1)[-1]
    unit = dataset.attrs.get("units")
    unit = unit.decode("utf-8", "replace") if isinstance(unit, bytes) else unit
    if not isinstance(unit, str) or not unit or name.lower().endswith(f"_{unit.lower()}"):
        return name
    return f"{name}_{unit}"


def _plain(value: Any) -> int | float | str | None:
    """A value as a plain Python one; None for what is not worth showing."""
    if isinstance(value, np.ndarray):
        if value.size != 1:
            return None
        value = value.ravel()[0]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        value = value[:_MAX_SHOWN_LENGTH].rstrip(b"\0").decode("utf-8", "replace")
    if isinstance(value, str):
        return value[:_MAX_SHOWN_LENGTH]
    return value if isinstance(value, int | float) else None
