"""The thread that pulls: takes what was read, judges it and appends it to the session."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spi_viewer.active_runs import ActiveRun, ActiveRuns
from spi_viewer.errors import AmbiguousDatasetError, RunFileError, SpiViewerError
from spi_viewer.feature_memory import FeatureMemory
from spi_viewer.frames import INVALID_FLAGS, FrameBatch
from spi_viewer.judging import judge_with_features
from spi_viewer.model_in_use import ModelInUse
from spi_viewer.pipeline_status import DatasetChoice, FrameRate
from spi_viewer.priorities import let_the_window_go_first
from spi_viewer.session.session import RunState, Session
from spi_viewer.sources.feed_reader import FeedReader, Reading

if TYPE_CHECKING:
    from spi_viewer.preprocessing.network_input import PixelStatistics, RunningPixelStatistics

_log = logging.getLogger(__name__)

_IDLE_PAUSE_S = 0.03


class JudgingThread:
    """Judges the frames of all runs in the order in which they were read, and ends runs.

    Args:
        session: receives the results.
        model: what judges; also changed here.
        features: receives what the network makes of the frames.
        runs: what the readings belong to; those that end are taken out.
        feeds: where the readings come from.
        report: told of what goes wrong: path and why.

    Attributes:
        read_rate, judged_rate: of frames.
        latency_s: from 'on disk' to 'judged' of the last live batch; None before the first.
        is_busy: a reading is being judged.
    """

    def __init__(
        self,
        session: Session,
        model: ModelInUse,
        features: FeatureMemory,
        runs: ActiveRuns,
        feeds: FeedReader,
        report: Callable[[str, str], None],
    ) -> None:
        self.read_rate = FrameRate()
        self.judged_rate = FrameRate()
        self.latency_s: float | None = None
        self.is_busy = False
        self._session, self._model, self._features = session, model, features
        self._runs, self._feeds, self._report = runs, feeds, report
        self._has_judged = False  # by any model
        self._statistics: dict[int, RunningPixelStatistics] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def pixel_statistics(self, run: int) -> PixelStatistics | None:
        """Per-pixel mean and standard deviation of a run so far; None before its first pattern."""
        statistics = self._statistics.get(run)
        return statistics.statistics if statistics is not None else None

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._work, name="pipeline", daemon=True)
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Have it end after the frames in hand."""
        self._stop.set()

    def wait(self, patience_s: float) -> None:
        """Wait for its end, then forget it."""
        if self._thread is not None:
            self._thread.join(patience_s)
            self._thread = None

    # -- on its own thread --------------------------------------------------------------------

    def _work(self) -> None:
        let_the_window_go_first()
        while not self._stop.is_set():
            self._change_model()
            if self._model.classifier is None:
                self._stop.wait(_IDLE_PAUSE_S)
                continue
            reading = self._feeds.take(_IDLE_PAUSE_S)
            self.is_busy = reading is not None
            for active in self._runs.all():
                self._note_refusals(active)
                if reading is not None and active.feed is reading.feed:
                    self._advance_safely(active, reading)

    def _change_model(self) -> None:
        try:
            changed, classifier = self._model.change(), self._model.classifier
        except SpiViewerError as error:
            self._report("", str(error))
            return
        except Exception as error:  # noqa: BLE001  a broken model must not end the program's work
            _log.exception("a model cannot be loaded")
            self._report("", f"the model cannot be loaded for an unforeseen reason: {error!r}")
            return
        if changed and classifier is not None:
            # A session that is opened again keeps the threshold that was set for its model.
            is_the_sessions = self._session.model_hash == classifier.model_hash
            if self._has_judged or not is_the_sessions:
                self._session.set_rule(classifier.rule)
            self._has_judged = True
            self._session.set_model(classifier.name, classifier.model_hash)

    def _advance(self, active: ActiveRun, reading: Reading) -> None:
        """Judge the next frames of a run, or end it."""
        if self._stop.is_set():
            return
        if reading.error is not None:
            raise reading.error
        if reading.batch is None:
            self._finish(active)
            return
        self.read_rate.add(len(reading.batch))
        self._judge(active, reading.batch)
        active.wait_s = time.monotonic() - reading.waiting_since

    def _advance_safely(self, active: ActiveRun, reading: Reading) -> None:
        try:
            self._advance(active, reading)
        except AmbiguousDatasetError as error:
            self._await_choice(active, error)
        except SpiViewerError as error:
            self._end(active, RunState.FAILED, _reason(error))
        except Exception as error:  # noqa: BLE001  one run's fault must not end the others
            _log.exception("%s cannot go on", active.feed.path)
            self._end(active, RunState.FAILED, f"an unforeseen fault ended it: {error!r}")

    def _judge(self, active: ActiveRun, batch: FrameBatch) -> None:
        classifier = self._model.classifier
        assert classifier is not None
        probabilities, flags, judged, features = judge_with_features(classifier, batch)
        first_row = self._session.row_count  # nobody else appends
        self._session.append(active.run, batch, probabilities, flags)
        if features is not None:
            self._features.add(classifier.model_hash, first_row + judged, features)
        self.judged_rate.add(len(batch))
        if active.live:
            self.latency_s = max(0.0, time.time() - float(batch.written_at_s.min()))
        self._update_statistics(active.run, batch, flags)

    def _update_statistics(self, run: int, batch: FrameBatch, flags: NDArray[np.uint32]) -> None:
        from spi_viewer.preprocessing.network_input import RunningPixelStatistics

        usable = (flags & int(INVALID_FLAGS)) == 0
        if usable.any():
            statistics = self._statistics.setdefault(run, RunningPixelStatistics())
            statistics.update(batch.counts[usable], batch.valid[usable])

    def _note_refusals(self, active: ActiveRun) -> None:
        for path, reason in active.new_refusals():
            self._report(path, reason)

    def _finish(self, active: ActiveRun) -> None:
        if active.known_refusals and self._session.counts(active.run).frames == 0:
            self._end(active, RunState.FAILED, active.feed.refused[-1][1])
        else:
            self._end(active, RunState.DONE, "")

    def _await_choice(self, active: ActiveRun, error: AmbiguousDatasetError) -> None:
        self._runs.await_choice(DatasetChoice(active.run, error.path, error.candidates))
        self._session.set_run_state(active.run, RunState.WAITING, "choose a dataset")

    def _end(self, active: ActiveRun, state: RunState, message: str) -> None:
        self._feeds.remove(active.feed)
        closed = self._runs.remove(active.run) is None
        if closed or self._stop.is_set():
            return
        if state is RunState.FAILED and not active.known_refusals:
            self._report(active.feed.path, message)
        self._session.set_run_state(active.run, state, message)


def _reason(error: SpiViewerError) -> str:
    return error.reason if isinstance(error, RunFileError) else str(error)
