"""Sources of an export, made by plain h5py, and a plain reader of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spi_viewer.errors import RunFileError
from spi_viewer.exporting.frame_selection import FrameToExport
from spi_viewer.frames import DetectorGeometry, FrameId, OperatorLabel, RunInfo, Verdict

DATASET = "/entry_1/data_1/data"


class PlainReader:
    """As small a source as an export can do with."""

    def __init__(self, path: str, dataset: str | None) -> None:
        if not Path(path).exists():
            raise RunFileError(path, "no such file")
        self._file = h5py.File(path, "r", locking=False)
        self._frames = self._file[dataset or DATASET]
        count, *shape = self._frames.shape
        self.info = RunInfo(
            path,
            dataset or DATASET,
            count,
            tuple(shape),
            self._frames.dtype.str,
            DetectorGeometry(1600.0, 0.58, 7.5e-5),
        )

    def read_frame(self, index: int) -> np.ndarray:
        return self._frames[index]

    def valid_pixels(self, index: int) -> np.ndarray:
        mask = self._file.get("mask")
        if mask is None:
            return np.ones(self.info.frame_shape, bool)
        return (mask[index] if mask.ndim == 3 else mask[()]) == 0

    def frame_name(self, index: int) -> str:
        return f"event {index}"

    def per_frame_datasets(self) -> tuple[str, ...]:
        found: list[str] = []

        def note(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and item.shape[:1] == (self.info.frame_count,):
                found.append(f"/{name}")

        self._file.visititems(note)
        return tuple(path for path in found if path != self.info.dataset)

    def close(self) -> None:
        self._file.close()


@pytest.fixture
def open_source() -> Callable[[str, str | None], PlainReader]:
    return PlainReader


def _make_source(path: Path, dtype: str = "<u2", count: int = 12, side: int = 16, **columns) -> str:
    rng = np.random.default_rng(count)
    dtype_ = np.dtype(dtype)
    raw = rng.integers(0, 256, (count, side, side + 3, dtype_.itemsize), np.uint8)
    frames = raw.view(dtype_)[..., 0]  # every bit pattern, NaN payloads included
    with h5py.File(path, "w") as file:
        file.create_dataset(DATASET, data=frames, chunks=(1, side, side + 3), compression="gzip")
        for name, values in columns.items():
            file[name.replace("__", "/")] = values
    return str(path)


@pytest.fixture
def make_source() -> Callable[..., str]:
    return _make_source


def _frames_of(path: str, indices) -> list[FrameToExport]:
    return [
        FrameToExport(
            FrameId(path, DATASET, index, f"event {index}"),
            (0.7, 0.1, 0.1, 0.1),
            Verdict.GOOD,
            OperatorLabel.GOOD if index % 2 else OperatorLabel.NONE,
        )
        for index in indices
    ]


@pytest.fixture
def frames_of() -> Callable[..., list[FrameToExport]]:
    return _frames_of
