"""Source -> preprocessing -> classifier -> session: opens runs, and says how the work goes.

A `FeedReader` reads one batch ahead while a `JudgingThread` judges the last. A slow network holds
the reader back; nothing is dropped and nothing queues up. Whoever watches looks at `status()` and
the session; nobody is called back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from spi_viewer.active_runs import ActiveRun, ActiveRuns
from spi_viewer.feature_memory import FeatureMemory
from spi_viewer.frames import Crop
from spi_viewer.judging_again import JudgingAgain
from spi_viewer.judging_thread import JudgingThread
from spi_viewer.model_in_use import LoadClassifier, ModelInUse
from spi_viewer.pipeline_status import PipelineStatus, Problem, UnjudgedFrame
from spi_viewer.session.session import RunState, Session
from spi_viewer.sources.feed_reader import FeedReader
from spi_viewer.sources.reader import Reader
from spi_viewer.sources.run_feed import FileFeed, RunFeed
from spi_viewer.sources.run_watcher import WatchFeed

if TYPE_CHECKING:
    from spi_viewer.classifiers import FrameClassifier
    from spi_viewer.preprocessing.network_input import PixelStatistics

_log = logging.getLogger(__name__)

BATCH_FRAMES = 32  # more wait for one another: the newest would be on the screen later
_LATE_S = 0.5  # a frame whose turn comes later is looked at before it
_MAX_PROBLEMS = 200
_STOP_PATIENCE_S = 10.0


class Pipeline:
    """Judges every frame of every open run; called on the watching thread.

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
        self._feeds = FeedReader(BATCH_FRAMES)
        self._judging = JudgingThread(
            session, self._model, self.features, self._runs, self._feeds, self._report
        )

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
        removed = self._runs.remove(run)
        if isinstance(removed, ActiveRun):
            self._feeds.remove(removed.feed)
        if removed is not None:
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

    @property
    def model_has_failed(self) -> bool:
        """True when the model that was asked for last could not be loaded."""
        return self._model.has_failed

    def judge_again(self, run: int | None) -> None:
        """Judge by the model in use what another one judged, in a run or in all (None)."""
        self._again.start(run)

    def stop_judging_again(self) -> None:
        """Leave the rest as it was judged."""
        self._again.stop()

    def pixel_statistics(self, run: int) -> PixelStatistics | None:
        """Per-pixel mean and standard deviation of a run so far, for the poster's view."""
        return self._judging.pixel_statistics(run)

    def status(self) -> PipelineStatus:
        """Snapshot of the work; cheap, callable from any thread."""
        runs, written_at_s = self._runs.all(), self._runs.newest_written_at_s()
        with self._lock:
            problems = tuple(self._problems)
        classifier = self._model.classifier
        return PipelineStatus(
            reading_per_s=self._judging.read_rate.per_second(),
            classified_per_s=self._judging.judged_rate.per_second(),
            frames_behind=self._feeds.frames_ahead
            + sum(active.feed.frames_behind for active in runs),
            newest_frame_age_s=(
                None if written_at_s is None else max(0.0, time.time() - written_at_s)
            ),
            latency_s=self._judging.latency_s,
            device=classifier.device_name if classifier else "",
            model=classifier.name if classifier else "",
            loading_model=self._model.is_loading,
            busy=self._judging.is_busy,
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
        if not behind and not self._judging.is_busy:
            return None
        in_time = max(BATCH_FRAMES, _LATE_S * self._judging.judged_rate.per_second())
        if behind <= in_time and all(active.wait_s <= _LATE_S for active in live):
            return None
        return self._runs.newest_frame(run)

    def start(self) -> None:
        """Start the threads."""
        self._feeds.start()
        self._judging.start()

    def stop(self) -> None:
        """Ask, wait, forget: the frames in flight are finished, then threads and reader end."""
        self._judging.ask_to_stop()
        self._again.stop(wait=True)
        if not self._feeds.stop(_STOP_PATIENCE_S / 2):
            self._reader.close()  # a read hangs: end the reading process under it
            self._feeds.stop(_STOP_PATIENCE_S / 2)
        self._judging.wait(_STOP_PATIENCE_S / 2)
        self._reader.close()

    # -- own ----------------------------------------------------------------------------------

    def _add(self, path: str | Path, kind: Literal["file", "watch", "demo"], feed: RunFeed) -> int:
        run = self._session.add_run(feed.name, str(path), kind)
        live = kind != "file"
        self._session.set_run_state(run, RunState.LIVE if live else RunState.READING)
        self._runs.add(ActiveRun(run, feed, live))
        self._feeds.add(feed)
        return run

    def _report(self, path: str, text: str) -> None:
        _log.warning("%s: %s", path, text)
        with self._lock:
            self._problems.append(Problem(time.time(), path, text))
