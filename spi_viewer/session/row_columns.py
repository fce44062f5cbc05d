"""The columns that selections and figures look at, as they stood at one moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spi_viewer.frames import FrameClass
from spi_viewer.session.columns import Columns


@dataclass(frozen=True, slots=True)
class RowColumns:
    """Views, n rows each; they stay true for these rows when more are appended."""

    run: NDArray[np.int32]
    code: NDArray[np.int8]
    label: NDArray[np.int8]
    flags: NDArray[np.uint32]
    p_good: NDArray[np.float32]
    photons: NDArray[np.float64]
    written_at_s: NDArray[np.float64]

    @classmethod
    def of(cls, columns: Columns) -> RowColumns:
        """All rows so far; called with the session's lock."""
        return cls(
            columns["run"],
            columns["code"],
            columns["label"],
            columns["flags"],
            columns["probabilities"][:, FrameClass.SINGLE],
            columns["photons"],
            columns["written_at_s"],
        )
