"""Where the embedding draws each frame, and in what colour; made on any thread."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spi_viewer.feature_memory import FeatureMemory
from spi_viewer.feature_planes import PLANES
from spi_viewer.frames import OperatorLabel, Verdict

if TYPE_CHECKING:
    from spi_viewer.session.session import Session

GROUPS = ("bad", "unsure", "good")  # drawn in this order


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingLayout:
    """Where each session row of a run (None: of all) lies, in one of PLANES.

    rows (n,), points (n, 2), and number in GROUPS of each, (n,).
    """

    rows: NDArray[np.int64]
    points: NDArray[np.float32]
    group: NDArray[np.int8]
    run: int | None = None
    plane: str = ""
    took_s: float = 0.0

    @classmethod
    def empty(cls) -> EmbeddingLayout:
        """Of no frames."""
        return cls(np.zeros(0, np.int64), np.zeros((0, 2), np.float32), np.zeros(0, np.int8))


def lay_out(
    session: Session, features: FeatureMemory, run: int | None, plane: str
) -> EmbeddingLayout:
    """Places and groups of the frames that are remembered, of one run or all; on any thread."""
    started_s = time.monotonic()
    rows, values = features.snapshot()
    if run is not None:
        chosen = session.runs_of(rows) == run
        rows, values = rows[chosen], values[chosen]
    unsure = session.unsure(rows) & (session.labels(rows) == OperatorLabel.NONE)
    good = session.final_verdicts(rows) == Verdict.GOOD
    group = np.where(unsure, 1, np.where(good, 2, 0)).astype(np.int8)
    points = PLANES[plane](values)
    return EmbeddingLayout(rows, points, group, run, plane, time.monotonic() - started_s)
