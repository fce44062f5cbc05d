"""The last few runs that were read, kept so that the next look at one costs no new search."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from spi_viewer.errors import NotReadyError
from spi_viewer.sources.run_file import Run

_KEPT_RUNS = 4
_GROWING_S = 60.0  # a file that changed within this time is closed between polls


@dataclass(slots=True)
class _KeptRun:
    run: Run
    asked: str | None  # the dataset that was asked for
    signature: tuple[int, int, int]


class KeptRuns:
    """Runs by path, each as long as it stands for its file; for one thread at a time.

    HDF5 files that changed lately are closed by `release_growing`, so that no writer ever finds
    them open for long; they are reopened without a new search.
    """

    def __init__(self, open_file: Callable[[str, str | None], Run]) -> None:
        self._open_file = open_file
        self._runs: OrderedDict[str, _KeptRun] = OrderedDict()

    def get(self, path: str, dataset: str | None, look_again: bool = False) -> Run:
        """The kept run of `path` if it still stands for the file, else a newly opened one.

        A run that is not ready stays: it knows how many frames it has shown already, and gives
        these to whoever does not ask for more.
        """
        dataset = dataset or None
        signature = _signature(path)
        kept = self._runs.pop(path, None)
        if kept is not None and not _is_same_run(kept, dataset, signature):
            kept.run.close()
            kept = None
        if kept is None:
            kept = _KeptRun(self._open_file(path, dataset), dataset, signature)
        elif look_again or kept.signature != signature:
            try:
                kept.run.refresh()
            except NotReadyError:
                kept.run.close()
                self._runs[path] = kept
                if look_again:
                    raise
                return kept.run
            except BaseException:
                kept.run.close()
                raise
            kept.signature = signature
        self._runs[path] = kept
        while len(self._runs) > _KEPT_RUNS:
            self._runs.popitem(last=False)[1].run.close()
        return kept.run

    def release_growing(self) -> None:
        """Close the files that changed lately; their runs are kept and reopen by themselves."""
        now = time.time()
        for kept in self._runs.values():
            if now - kept.signature[2] / 1e9 < _GROWING_S:
                kept.run.close()

    def close(self) -> None:
        """Close every kept run."""
        while self._runs:
            self._runs.popitem()[1].run.close()


def _is_same_run(kept: _KeptRun, dataset: str | None, signature: tuple[int, int, int]) -> bool:
    is_dataset = dataset in (kept.asked, kept.run.info.dataset)
    return is_dataset and kept.signature[0] == signature[0] and signature[1] >= kept.signature[1]


def _signature(path: str) -> tuple[int, int, int]:
    """Inode, size, time of the last change; zeros for what cannot be reached."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return 0, 0, 0  # opening it says why
    return status.st_ino, status.st_size, status.st_mtime_ns
