"""One chosen frame, whole, with the network's reasons; the newest request wins.

The inspector has a reader and a thread of its own, so that looking never waits for the run and the
run never waits for looking.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spi_viewer.errors import SpiViewerError
from spi_viewer.frames import (
    INVALID_FLAGS,
    NETWORK_SIDE_PX,
    Crop,
    FrameClass,
    FrameFlag,
    FrameId,
    FullFrame,
    Verdict,
)
from spi_viewer.preprocessing.cropping import bin_and_crop
from spi_viewer.priorities import let_the_window_go_first
from spi_viewer.session.session import Session
from spi_viewer.sources.reader import Reader

if TYPE_CHECKING:
    from spi_viewer.classifiers import FrameClassifier
    from spi_viewer.networks.activation_maps import Explanation
    from spi_viewer.preprocessing.network_input import PixelStatistics

_log = logging.getLogger(__name__)
_STOP_PATIENCE_S = 5.0


@dataclass(slots=True)
class Inspection:
    """Everything there is to see of one frame.

    Attributes:
        row: the frame's row in the session.
        crop: the operator's where there is one, else that with which the frame was judged.
        verdict: as judged, by the rule that holds now.
        threshold: of that rule.
        frame: as it stands on disk; None when it cannot be read (then `error` says why).
        counts, valid: (128, 128), what was cut out for the network.
        per_pixel: (128, 128), standardised per pixel over the run so far; None before two frames.
        explanation: by the model in use, of the crop that is shown; None while the model is being
            loaded, or for a frame without a pattern.
        explained_by: name of that model.
        judged: (4,) probabilities behind the verdict; None for a frame without a pattern.
        judged_by: name of the model behind them.
        flags: of the data, and whether the frame is unlike the training of the model.
        is_unsure: worth a person's look.
    """

    row: int
    id: FrameId
    crop: Crop
    verdict: Verdict
    threshold: float
    frame: FullFrame | None
    counts: NDArray[np.float32]
    valid: NDArray[np.bool_]
    per_pixel: NDArray[np.float32] | None = None
    explanation: Explanation | None = None
    explained_by: str = ""
    judged: NDArray[np.float32] | None = None
    judged_by: str = ""
    flags: FrameFlag = FrameFlag.NONE
    is_unsure: bool = False
    error: str | None = None

    @property
    def is_unfamiliar(self) -> bool:
        """Unlike anything that the model which judged it was trained on."""
        return FrameFlag.OUT_OF_DISTRIBUTION in self.flags

    @property
    def p_good(self) -> float | None:
        """P(single) behind the verdict; None if there is none."""
        if self.judged is not None:
            return float(self.judged[FrameClass.SINGLE])
        if self.explanation is not None:
            return float(self.explanation.probabilities[FrameClass.SINGLE])
        return None


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
        self._wanted: int | None = None
        self._latest: Inspection | None = None
        self._condition = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def request(self, row: int) -> None:
        """Ask for a row of the session; an older request that has not begun is forgotten."""
        with self._condition:
            self._wanted = row
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
                row, self._wanted = self._wanted, None
            self._latest = self._inspect(row)

    def _inspect(self, row: int) -> Inspection:
        inspection = self._as_judged(row)
        frame_id, crop = inspection.id, inspection.crop
        try:
            frame = self._reader.read_frame(frame_id.path, frame_id.dataset, frame_id.index, crop)
            inspection.frame = frame
            inspection.counts, inspection.valid = bin_and_crop(frame.pixels, frame.valid, crop)
            if not inspection.flags & INVALID_FLAGS:
                self._explain(inspection)
        except SpiViewerError as error:
            inspection.error = str(error)
        except Exception as error:  # noqa: BLE001  the next frame may well be shown
            _log.exception("frame %s cannot be shown", frame_id)
            inspection.error = (
                f"{frame_id.path}: frame {frame_id.index} cannot be shown ({error!r})"
            )
        return inspection

    def _as_judged(self, row: int) -> Inspection:
        """What the session knows of the frame."""
        session, rows = self._session, np.array([row])
        judged = session.probabilities(rows)[0]
        return Inspection(
            row=row,
            id=session.frame_id(row),
            crop=self._crops.get(session.run_of(row)) or session.crop(row),
            verdict=Verdict(int(session.verdicts(rows)[0])),
            threshold=session.rule.threshold,
            frame=None,
            counts=np.zeros((NETWORK_SIDE_PX, NETWORK_SIDE_PX), np.float32),
            valid=np.zeros((NETWORK_SIDE_PX, NETWORK_SIDE_PX), bool),
            judged=judged if np.isfinite(judged).all() else None,
            judged_by=session.model(row)[0],
            flags=FrameFlag(int(session.flags(rows)[0])),
            is_unsure=bool(session.unsure(rows)[0]),
        )

    def _explain(self, inspection: Inspection) -> None:
        classifier = self._classifier()
        if classifier is not None:
            inspection.explanation = classifier.explain(inspection.counts, inspection.valid)
            inspection.explained_by = classifier.name
        statistics = self._pixel_statistics(self._session.run_of(inspection.row))
        if statistics is not None:
            from spi_viewer.preprocessing.network_input import per_pixel_pattern

            inspection.per_pixel = per_pixel_pattern(
                inspection.counts, inspection.valid, statistics
            )
