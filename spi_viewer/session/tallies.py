"""Counts that are kept up to date with every append, so that asking costs nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spi_viewer.frames import FrameClass, OperatorLabel
from spi_viewer.session import judgement
from spi_viewer.session.hit_rate import wilson_interval
from spi_viewer.session.runs import Counts


class Tallies:
    """Number of frames of each code and number of labels, run by run."""

    def __init__(self) -> None:
        self._codes: list[NDArray[np.int64]] = []
        self._labelled: list[int] = []
        self._asked: dict[int | None, Counts] = {}  # until the next change

    def add_run(self) -> None:
        """Make room for one more run."""
        self._codes.append(np.zeros(judgement.CODE_COUNT, np.int64))
        self._labelled.append(0)

    def add_frames(self, run: int, codes: NDArray[np.int8]) -> None:
        """Count new frames of a run."""
        self._forget(run)
        self._codes[run] += np.bincount(codes, minlength=judgement.CODE_COUNT)

    def recount(self, runs: NDArray[np.int32], codes: NDArray[np.int8]) -> None:
        """Count all frames anew, after the rule has changed."""
        self._asked.clear()
        size = judgement.CODE_COUNT
        flat = np.bincount(runs * size + codes, minlength=len(self._codes) * size)
        self._codes = list(flat.reshape(-1, size))

    def change_codes(
        self, runs: NDArray[np.int32], old: NDArray[np.int8], new: NDArray[np.int8]
    ) -> None:
        """Follow frames that another model judged."""
        for run in np.unique(runs):
            self._forget(int(run))
            for codes, sign in ((old, -1), (new, 1)):
                counted = np.bincount(codes[runs == run], minlength=judgement.CODE_COUNT)
                self._codes[run] += sign * counted

    def change_labels(
        self, runs: NDArray[np.int32], old: NDArray[np.int8], new: NDArray[np.int8]
    ) -> None:
        """Follow a change of labels."""
        none = OperatorLabel.NONE
        step = (new != none).astype(np.int64) - (old != none)
        for run in np.unique(runs):
            self._forget(int(run))
            self._labelled[run] += int(step[runs == run].sum())

    def counts(self, run: int | None = None) -> Counts:
        """Counts of one run or of all."""
        if run not in self._asked:
            self._asked[run] = self._count(run)
        return self._asked[run]

    def _count(self, run: int | None) -> Counts:
        if run is not None:
            return _counts(self._codes[run], self._labelled[run])
        codes = sum(self._codes, np.zeros(judgement.CODE_COUNT, np.int64))
        return _counts(codes, sum(self._labelled))

    def _forget(self, run: int) -> None:
        self._asked.pop(run, None)
        self._asked.pop(None, None)


def _counts(codes: NDArray[np.int64], labelled: int) -> Counts:
    every_code = np.arange(judgement.CODE_COUNT, dtype=np.int8)
    by_category = np.bincount(judgement.categories(every_code), weights=codes).astype(int).tolist()
    frames, invalid = sum(by_category), by_category[judgement.INVALID]
    good = by_category[FrameClass.SINGLE]
    low, high = wilson_interval(good, frames - invalid)
    return Counts(
        frames=frames,
        good=good,
        bad=frames - invalid - good,
        multi=by_category[FrameClass.MULTI],
        non_sample=by_category[FrameClass.NON_SAMPLE],
        blank=by_category[FrameClass.BLANK],
        unsure=int(codes[judgement.unsure(every_code)].sum()),
        unfamiliar=int(codes[judgement.unfamiliar(every_code)].sum()),
        invalid=invalid,
        labelled=labelled,
        hit_rate=good / max(1, frames - invalid),
        hit_rate_low=float(low),
        hit_rate_high=float(high),
    )
