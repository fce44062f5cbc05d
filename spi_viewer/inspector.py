"""One chosen frame, whole, with the network's reasons; the newest request wins.

The inspector has a reader and a thread of its own, so that looking never waits for the run and the
run never waits for looking.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from spi_viewer.errors import SpiViewerError
from spi_viewer.frames import (
    INVALID_FLAGS,
    NETWORK_SIDE_PX,
    Crop,
    FrameFlag,
    FrameId,
    FullFrame,
    Verdict,
)
from spi_viewer.inspection import Inspection
from spi_viewer.pipeline_status import UnjudgedFrame
from spi_viewer.preprocessing.cropping import bin_and_crop
from spi_viewer.priorities import let_the_window_go_first
from spi_viewer.session.session import Session
from spi_viewer.sources.reader import Reader

if TYPE_CHECKING:
    from spi_viewer.classifiers import FrameClassifier
    from spi_viewer.preprocessing.network_input import PixelStatistics

_log = logging.getLogger(__name__)
_STOP_PATIENCE_S = 5.0


class Inspector:
    """Reads and explains the frame that was asked for last.

    Args:
        session: where rows are looked up.
        classifier: returns the loaded network, or None while it is being loaded.
        pixel_statistics: returns the per-pixel statistics of a run, or None.
        make_reader: called once; the reader belongs to this inspector.
    """

    def __init__(
        self,
        session: Session,
        classifier: Callable[[], FrameClassifier | None],
        pixel_statistics: Callable[[int], PixelStatistics | None],
        make_reader: Callable[[], Reader],
    ) -> None:
        self._session = session
        self._classifier = classifier
        self._pixel_statistics = pixel_statistics
        self._reader = make_reader()
        self._crops: dict[int, Crop] = {}  # the operator's, by run
        self._wanted: int | UnjudgedFrame | None = None
        self._not_worth_it: UnjudgedFrame | None = None  # a read that hung would hang again
        self._latest: Inspection | None = None
        self._condition = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def request(self, wanted: int | UnjudgedFrame) -> None:
        """Ask for a row of the session, or for a frame that is not judged yet.

        An older request that has not begun is forgotten. A frame that is not judged yet may come
        to nothing: when it was judged meanwhile, or cannot be read.
        """
        with self._condition:
            self._wanted = wanted
            self._condition.notify()

    def set_crop(self, run: int, crop: Crop | None) -> None:
        """Look at a run's frames with the operator's crop; None: with that each was judged with."""
        if crop is None:
            self._crops.pop(run, None)
        else:
            self._crops[run] = crop

    def latest(self) -> Inspection | None:
        """The newest finished inspection; the same object until a newer one is ready."""
        return self._latest

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._work, name="inspector", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask, wait, forget."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        self._reader.close()
        if self._thread is not None:
            self._thread.join(_STOP_PATIENCE_S)
            self._thread = None

    def _work(self) -> None:
        let_the_window_go_first()
        self._reader.warm_up()
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._stopping or self._wanted is not None)
                if self._stopping or self._wanted is None:
                    return
                wanted, self._wanted = self._wanted, None
            if isinstance(wanted, UnjudgedFrame):
                self._latest = self._look_ahead(wanted) or self._latest
            else:
                self._latest = self._inspect(wanted)

    def _inspect(self, row: int) -> Inspection:
        inspection = self._as_judged(row)
        frame_id, crop = inspection.id, inspection.crop
        try:
            frame = self._reader.read_frame(frame_id.path, frame_id.dataset, frame_id.index, crop)
            self._show(inspection, frame)
            if not inspection.flags & INVALID_FLAGS:
                self._explain(inspection, self._session.run_of(row))
        except SpiViewerError as error:
            inspection.error = str(error)
        except Exception as error:  # noqa: BLE001  the next frame may well be shown
            _log.exception("frame %s cannot be shown", frame_id)
            inspection.error = (
                f"{frame_id.path}: frame {frame_id.index} cannot be shown ({error!r})"
            )
        return inspection

    def _look_ahead(self, wanted: UnjudgedFrame) -> Inspection | None:
        """The newest frame of a file that is still to be judged, judged here by itself.

        None where there is none, or where something is wrong: the pipeline will come to it.
        """
        if wanted == self._not_worth_it:
            return None
        position, crop = wanted.position, self._crops.get(wanted.run) or wanted.crop
        try:
            info = self._reader.describe(position.path, position.dataset)
            newest = info.frame_count - 1
            if newest < position.start or info.is_export:
                return None
            frame = self._reader.read_frame(info.path, info.dataset, newest, crop)
            if frame.flags & INVALID_FLAGS:
                return None
            inspection = self._new_inspection(None, wanted.run, frame.id, crop)
            self._show(inspection, frame)
            self._explain(inspection, wanted.run)
        except SpiViewerError:
            self._not_worth_it = wanted
            return None
        except Exception:  # noqa: BLE001  the next frame may well be shown
            _log.exception("%s cannot be looked at ahead of its turn", position.path)
            self._not_worth_it = wanted
            return None
        p_good, rule = inspection.p_good, self._session.rule
        if p_good is None:
            return None
        inspection.verdict = Verdict.GOOD if p_good >= rule.threshold else Verdict.BAD
        inspection.is_unsure = rule.unsure_low <= p_good < rule.unsure_high
        return inspection

    def _as_judged(self, row: int) -> Inspection:
        """What the session knows of the frame."""
        session, rows = self._session, np.array([row])
        run = session.run_of(row)
        crop = self._crops.get(run) or session.crop(row)
        inspection = self._new_inspection(row, run, session.frame_id(row), crop)
        judged = session.probabilities(rows)[0]
        inspection.judged = judged if np.isfinite(judged).all() else None
        inspection.judged_by = session.model(row)[0]
        inspection.verdict = Verdict(int(session.verdicts(rows)[0]))
        inspection.flags = FrameFlag(int(session.flags(rows)[0]))
        inspection.is_unsure = bool(session.unsure(rows)[0])
        return inspection

    def _new_inspection(
        self, row: int | None, run: int, frame_id: FrameId, crop: Crop
    ) -> Inspection:
        return Inspection(
            row=row,
            run=run,
            id=frame_id,
            crop=crop,
            verdict=Verdict.INVALID,
            threshold=self._session.rule.threshold,
            frame=None,
            counts=np.zeros((NETWORK_SIDE_PX, NETWORK_SIDE_PX), np.float32),
            valid=np.zeros((NETWORK_SIDE_PX, NETWORK_SIDE_PX), bool),
        )

    def _show(self, inspection: Inspection, frame: FullFrame) -> None:
        inspection.frame = frame
        inspection.counts, inspection.valid = bin_and_crop(
            frame.pixels, frame.valid, inspection.crop
        )

    def _explain(self, inspection: Inspection, run: int) -> None:
        classifier = self._classifier()
        if classifier is not None:
            inspection.explanation = classifier.explain(inspection.counts, inspection.valid)
            inspection.explained_by = classifier.name
        statistics = self._pixel_statistics(run)
        if statistics is not None:
            from spi_viewer.preprocessing.network_input import per_pixel_pattern

            inspection.per_pixel = per_pixel_pattern(
                inspection.counts, inspection.valid, statistics
            )
