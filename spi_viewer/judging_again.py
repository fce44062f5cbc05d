"""Judges frames that another model judged, so that one model's verdicts stand in a session.

On a thread and with a reader of its own: what arrives meanwhile is judged without waiting.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from spi_viewer.errors import RunFileError, SpiViewerError
from spi_viewer.feature_memory import FeatureMemory
from spi_viewer.frames import FrameBatch
from spi_viewer.judging import judge_with_features
from spi_viewer.model_in_use import ModelInUse
from spi_viewer.priorities import let_the_window_go_first
from spi_viewer.session.session import Session
from spi_viewer.sources.reader import Reader

_log = logging.getLogger(__name__)

_BATCH_FRAMES = 32
_LOADING_PAUSE_S = 0.05
_STOP_PATIENCE_S = 2.0


class JudgingAgain:
    """One run after another; frames that cannot be read any more keep what they have.

    Args:
        model: what judges.
        features: receives what the model makes of the frames.
        make_reader: makes the reader of a job, which ends with it.
        report: told of files that cannot be read: path and why.
    """

    def __init__(
        self,
        session: Session,
        model: ModelInUse,
        features: FeatureMemory,
        make_reader: Callable[[], Reader],
        report: Callable[[str, str], None],
    ) -> None:
        self._session, self._model, self._features = session, model, features
        self._make_reader, self._report = make_reader, report
        self._lock = threading.Lock()
        self._wanted: deque[int | None] = deque()  # runs whose turn is to come
        self._progress: tuple[int, int] | None = None
        self._stop = threading.Event()  # of the job that runs
        self._thread: threading.Thread | None = None
        self._reader: Reader | None = None

    @property
    def progress(self) -> tuple[int, int] | None:
        """Frames done and frames to do of the job that runs; None without one."""
        return self._progress

    def start(self, run: int | None) -> None:
        """Judge what other models judged in a run, or in all (None), after what was asked before.

        Asked for the run in hand, it goes through it once more: the model may be another by now.
        """
        with self._lock:
            if run not in self._wanted:
                self._wanted.append(run)
            if self._progress is not None and not self._stop.is_set():
                return
            self._progress, self._stop = (0, 0), threading.Event()
            self._thread = threading.Thread(
                target=self._work,
                args=(self._stop, self._thread),
                name="judging again",
                daemon=True,
            )
            self._thread.start()

    def stop(self, wait: bool = False) -> None:
        """End all after the batch in hand; what was judged again stays so."""
        with self._lock:
            self._wanted.clear()
            self._stop.set()
        if not wait or self._thread is None:
            return
        self._thread.join(_STOP_PATIENCE_S)
        reader = self._reader
        if reader is not None:
            reader.close()  # a read hangs: end the reading process under it
            self._thread.join(_STOP_PATIENCE_S)
        self._thread = None

    # -- on its own thread --------------------------------------------------------------------

    def _work(self, stop: threading.Event, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        let_the_window_go_first()
        while (runs := self._next(stop)) is not None:
            try:
                self._judge_run(runs[0], stop)
            except SpiViewerError as error:
                self._report("", f"not all frames were judged again: {error}")
            except Exception as error:  # noqa: BLE001  the program's other work goes on
                _log.exception("judging again ended")
                self._report("", f"not all frames were judged again: {error!r}")

    def _next(self, stop: threading.Event) -> tuple[int | None] | None:
        """The run that is next; None at the end."""
        with self._lock:
            if not stop.is_set() and self._wanted:
                return (self._wanted.popleft(),)
            if self._stop is stop:
                self._progress = None
            return None

    def _show(self, progress: tuple[int, int], stop: threading.Event) -> None:
        with self._lock:
            if not stop.is_set():
                self._progress = progress

    def _judge_run(self, run: int | None, stop: threading.Event) -> None:
        while self._model.is_loading or self._model.classifier is None:
            if stop.wait(_LOADING_PAUSE_S):
                return
        rows = self._session.rows_judged_by_others(self._model.classifier.model_hash, run)
        try:
            with contextlib.closing(self._make_reader()) as self._reader:
                self._judge_all(rows, self._reader, stop)
        finally:
            self._reader = None

    def _judge_all(self, rows: NDArray[np.int64], reader: Reader, stop: threading.Event) -> None:
        refused: set[str] = set()
        done = 0
        for block in self._blocks(rows):
            if stop.is_set():
                return
            self._show((done, len(rows)), stop)
            done += len(block)
            path = self._session.frame_id(block[0]).path
            if path in refused:  # each try may take as long as a hanging disk is given
                continue
            try:
                self._judge(block, self._read(block, reader))
            except RunFileError as error:
                if stop.is_set():
                    return
                refused.add(path)
                self._report(path, f"not judged again: {error.reason}")

    def _blocks(self, rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Ascending rows in parts whose frames follow one another in one file, cut alike."""
        session = self._session
        begin = 0
        for end in range(1, len(rows) + 1):
            if end < len(rows) and end - begin < _BATCH_FRAMES:
                last, row = session.frame_id(rows[end - 1]), session.frame_id(rows[end])
                same_stack = (row.path, row.dataset) == (last.path, last.dataset)
                follows = same_stack and row.index == last.index + 1
                if follows and session.crop(rows[end]) == session.crop(rows[begin]):
                    continue
            yield rows[begin:end]
            begin = end

    def _read(self, rows: NDArray[np.int64], reader: Reader) -> FrameBatch:
        first, crop = self._session.frame_id(rows[0]), self._session.crop(rows[0])
        stop = first.index + len(rows)
        return reader.read_batch(first.path, first.dataset, first.index, stop, crop, 0.0)

    def _judge(self, rows: NDArray[np.int64], batch: FrameBatch) -> None:
        classifier = self._model.classifier
        assert classifier is not None
        probabilities, flags, judged, features = judge_with_features(classifier, batch)
        # Frames without a pattern now had one when they came: they keep their scores.
        self._session.judged_again(
            rows[judged],
            probabilities[judged],
            flags[judged],
            classifier.name,
            classifier.model_hash,
        )
        if features is not None:
            self._features.add(classifier.model_hash, rows[judged], features)
