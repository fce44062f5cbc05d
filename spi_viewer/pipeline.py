"""Source -> preprocessing -> classifier -> session, on one thread that pulls.

The thread takes each run's next frames, judges them and appends them to the session, while a
`FeedReader` reads one batch ahead. A slow network holds the reader back; nothing is dropped and
nothing queues up. Whoever watches looks at `status()` and the session; nobody is called back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from spi_viewer.active_runs import ActiveRun, ActiveRuns
from spi_viewer.errors import AmbiguousDatasetError, RunFileError, SpiViewerError
from spi_viewer.feature_memory import FeatureMemory
from spi_viewer.frames import INVALID_FLAGS, Crop, FrameBatch
from spi_viewer.judging import judge_with_features
from spi_viewer.judging_again import JudgingAgain
from spi_viewer.model_in_use import LoadClassifier, ModelInUse
from spi_viewer.pipeline_status import (
    DatasetChoice,
    FrameRate,
    PipelineStatus,
    Problem,
    UnjudgedFrame,
)
from spi_viewer.priorities import let_the_window_go_first
from spi_viewer.session.session import RunState, Session
from spi_viewer.sources.feed_reader import FeedReader, Reading
from spi_viewer.sources.reader import Reader
from spi_viewer.sources.run_feed import FileFeed, RunFeed
from spi_viewer.sources.run_watcher import WatchFeed

if TYPE_CHECKING:
    from spi_viewer.classifiers import FrameClassifier
    from spi_viewer.preprocessing.network_input import PixelStatistics, RunningPixelStatistics

_log = logging.getLogger(__name__)

BATCH_FRAMES = 32  # more wait for one another: the newest would be on the screen later
_IDLE_PAUSE_S = 0.03
_LATE_S = 0.5  # a frame whose turn comes later is looked at before it
_MAX_PROBLEMS = 200
_STOP_PATIENCE_S = 10.0


class Pipeline:
    """Judges every frame of every open run on a thread of its own.

    Args:
        session: receives the results.
        load_classifier: called on the pipeline's thread, so that the window opens at once.
        make_reader: called once; the reader belongs to this pipeline.

    Attributes:
        features: what the network made of the newest frames.
    """

    def __init__(
        self,
        session: Session,
        load_classifier: LoadClassifier,
        make_reader: Callable[[], Reader],
    ) -> None:
        self._session = session
        self._model = ModelInUse(load_classifier)
        self.features = FeatureMemory()
        self._again = JudgingAgain(session, self._model, self.features, make_reader, self._report)
        self._reader = make_reader()
        self._lock = threading.Lock()
        self._runs = ActiveRuns()
        self._problems: deque[Problem] = deque(maxlen=_MAX_PROBLEMS)
        self._statistics: dict[int, RunningPixelStatistics] = {}
        self._read_rate = FrameRate()
        self._judged_rate = FrameRate()
        self._latency_s: float | None = None
        self._busy = False
        self._feeds = FeedReader(BATCH_FRAMES)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    # -- called on the watching thread -------------------------------------------------------

    def open_file(self, path: str | Path, dataset: str | None = None) -> int:
        """Queue a run file, or a directory of them, and return its run id at once."""
        return self._add(path, "file", FileFeed(self._reader, str(path), dataset))

    def watch(self, directory: str | Path, kind: Literal["watch", "demo"] = "watch") -> int:
        """Judge what is and what arrives in a directory until the run is closed."""
        return self._add(directory, kind, WatchFeed(self._reader, str(directory)))

    def choose_dataset(self, run: int, dataset: str) -> None:
        """Answer a `DatasetChoice`: read this dataset of the waiting file."""
        feed = FileFeed(self._reader, self._runs.choice(run).path, dataset)
        self._runs.add(ActiveRun(run, feed, live=False))
        self._session.set_run_state(run, RunState.READING)
        self._feeds.add(feed)

    def close_run(self, run: int) -> None:
        """Stop reading a run; what was judged stays in the session."""
        active = self._runs.remove(run)
        if active is not None:
            self._feeds.remove(active.feed)
            self._session.set_run_state(run, RunState.DONE, "stopped")

    def set_crop(self, run: int, crop: Crop | None) -> None:
        """Use the operator's crop for frames from now on; None goes back to the automatic one."""
        active = self._runs.get(run)
        if active is not None:
            active.feed.set_crop(crop)

    def classifier(self) -> FrameClassifier | None:
        """The model that judges; None before the first is loaded."""
        return self._model.classifier

    def use_model(self, load_classifier: LoadClassifier) -> None:
        """Judge frames from now on with another model, by the rule of its card.

        What was judged keeps its scores and the name of the model that gave them. A model that
        cannot be loaded becomes a problem in the status, and the old one goes on.
        """
        self._model.want(load_classifier)

    def judge_again(self, run: int | None) -> None:
        """Judge by the model in use what another one judged, in a run or in all (None)."""
        self._again.start(run)

    def stop_judging_again(self) -> None:
        """Leave the rest as it was judged."""
        self._again.stop()

    def pixel_statistics(self, run: int) -> PixelStatistics | None:
        """Per-pixel mean and standard deviation of a run so far, for the poster's view."""
        statistics = self._statistics.get(run)
        return statistics.statistics if statistics is not None else None

    def status(self) -> PipelineStatus:
        """Snapshot of the work; cheap, callable from any thread."""
        runs, written_at_s = self._runs.all(), self._runs.newest_written_at_s()
        with self._lock:
            problems = tuple(self._problems)
        classifier = self._model.classifier
        return PipelineStatus(
            reading_per_s=self._read_rate.per_second(),
            classified_per_s=self._judged_rate.per_second(),
            frames_behind=self._feeds.frames_ahead
            + sum(active.feed.frames_behind for active in runs),
            newest_frame_age_s=(
                None if written_at_s is None else max(0.0, time.time() - written_at_s)
            ),
            latency_s=self._latency_s,
            device=classifier.device_name if classifier else "",
            model=classifier.name if classifier else "",
            loading_model=self._model.is_loading,
            busy=self._busy,
            waiting=tuple(entry for active in runs for entry in tuple(active.feed.waiting)),
            problems=problems,
            choices=self._runs.choices(),
            judging_again=self._again.progress,
        )

    def newest_unjudged(self, run: int | None) -> UnjudgedFrame | None:
        """The newest frame of a live run (None: of all), while more come than can be judged.

        None while the work keeps up: that frame will have been judged in a moment.
        """
        live = self._runs.live(run)
        behind = self._feeds.frames_ahead + sum(active.feed.frames_behind for active in live)
        if not behind and not self._busy:
            return None
        in_time = max(BATCH_FRAMES, _LATE_S * self._judged_rate.per_second())
        if behind <= in_time and all(active.wait_s <= _LATE_S for active in live):
            return None
        return self._runs.newest_frame(run)

    def start(self) -> None:
        """Start the threads."""
        self._feeds.start()
        self._thread = threading.Thread(target=self._work, name="pipeline", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask, wait, forget: the frames in flight are finished, then threads and reader end."""
        self._stop.set()
        self._again.stop(wait=True)
        if not self._feeds.stop(_STOP_PATIENCE_S / 2):
            self._reader.close()  # a read hangs: end the reading process under it
            self._feeds.stop(_STOP_PATIENCE_S / 2)
        if self._thread is not None:
            self._thread.join(_STOP_PATIENCE_S / 2)
            self._thread = None
        self._reader.close()

    # -- called on the pipeline's thread ------------------------------------------------------

    def _add(self, path: str | Path, kind: Literal["file", "watch", "demo"], feed: RunFeed) -> int:
        run = self._session.add_run(feed.name, str(path), kind)
        live = kind != "file"
        self._session.set_run_state(run, RunState.LIVE if live else RunState.READING)
        self._runs.add(ActiveRun(run, feed, live))
        self._feeds.add(feed)
        return run

    def _work(self) -> None:
        let_the_window_go_first()
        while not self._stop.is_set():
            self._change_model()
            if self._model.classifier is None:
                self._stop.wait(_IDLE_PAUSE_S)
                continue
            reading = self._feeds.take(_IDLE_PAUSE_S)
            self._busy = reading is not None
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
            self._session.set_rule(classifier.rule)
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
        self._read_rate.add(len(reading.batch))
        self._judge(active, reading.batch)
        active.wait_s = time.monotonic() - reading.waiting_since

    def _advance_safely(self, active: ActiveRun, reading: Reading) -> None:
        try:
            self._advance(active, reading)
        except AmbiguousDatasetError as error:
            self._await_choice(active, error)
        except SpiViewerError as error:
            self._end(active, RunState.FAILED, self._text(error))
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
            self.features.add(classifier.model_hash, first_row + judged, features)
        self._judged_rate.add(len(batch))
        if active.live:
            self._latency_s = max(0.0, time.time() - float(batch.written_at_s.min()))
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

    def _report(self, path: str, text: str) -> None:
        _log.warning("%s: %s", path, text)
        with self._lock:
            self._problems.append(Problem(time.time(), path, text))

    @staticmethod
    def _text(error: SpiViewerError) -> str:
        return error.reason if isinstance(error, RunFileError) else str(error)
