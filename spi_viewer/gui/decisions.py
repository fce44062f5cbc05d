"""What the operator decides: labels with undo, the threshold, the crop, the end of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from PyQt5.QtCore import QObject, pyqtSignal

from spi_viewer.errors import SpiViewerError
from spi_viewer.frames import Crop, DecisionRule, OperatorLabel
from spi_viewer.gui.live_follow import LiveFollow
from spi_viewer.gui.thumbnail_grid import ThumbnailGrid

if TYPE_CHECKING:
    from spi_viewer.inspection import Inspection
    from spi_viewer.inspector import Inspector
    from spi_viewer.pipeline import Pipeline
    from spi_viewer.session.session import Session


class Decisions(QObject):
    """Carries decisions to the session and the workers; a refusal is a message, not a dialog.

    Args:
        drawn: the pattern on the screen.

    Signals:
        said: text for the status line.
        labels_changed: the journal has another last entry.
        rule_changed: DecisionRule that holds now.
    """

    said = pyqtSignal(str)
    labels_changed = pyqtSignal()
    rule_changed = pyqtSignal(object)

    def __init__(
        self,
        session: Session,
        pipeline: Pipeline,
        inspector: Inspector,
        follow: LiveFollow,
        grid: ThumbnailGrid,
        drawn: Callable[[], Inspection | None],
    ) -> None:
        super().__init__()
        self._session, self._pipeline, self._inspector = session, pipeline, inspector
        self._follow, self._grid, self._drawn = follow, grid, drawn
        self._run: int | None = None

    def set_run(self, run: int | None) -> None:
        """The run that is selected; None: all."""
        self._run = run

    def decide(self, label: OperatorLabel) -> None:
        """Label what is shown, or the selection that it belongs to, and go on.

        While following, that is the frame on the screen, not a newer one on its way there.
        """
        drawn = self._drawn()
        if drawn is not None and drawn.row is None:
            self.said.emit("⚠ not labelled: this frame's turn to be judged is still to come")
            return
        shown = self._follow.row
        if self._follow.is_following and drawn is not None:
            shown = drawn.row
        try:
            if shown is not None and self._grid.current_row != shown:
                self._grid.select_row(shown)
            self._follow.set_following(False)
            if shown is None or self._grid.current_row == shown:
                self._grid.decide(label)
            else:  # the grid's filter leaves it out
                self._session.label([shown], label)
                self._grid.refresh()
                self.labels_changed.emit()
        except SpiViewerError as error:
            self.said.emit(f"⚠ not labelled: {error}")

    def undo(self) -> None:
        """Take the last decision back."""
        self._step_back(self._session.undo, "taken back")

    def redo(self) -> None:
        """Have the undone decision again."""
        self._step_back(self._session.redo, "labelled again")

    def set_rule(self, rule: DecisionRule) -> None:
        """Judge all frames by another threshold."""
        self._session.set_rule(rule)
        self.rule_changed.emit(rule)

    def set_crop(self, crop: Crop | None) -> None:
        """Cut the frames of the run on the screen so from now on; None: automatically again."""
        drawn = self._drawn()
        row = self._follow.row if drawn is None else drawn.row
        run = self._run if drawn is None else drawn.run
        if run is None:
            return
        self._pipeline.set_crop(run, crop)
        self._inspector.set_crop(run, crop)
        if row is not None:
            self._inspector.request(row)
        where = "automatic again" if crop is None else "as you set it"
        self.said.emit(f"Centre and crop {where} for the frames from now on")

    def judge_selected_again(self, wanted: bool) -> None:
        """Have the selected run's frames judged by the model in use, or end that."""
        self.judge_again(wanted, self._run)

    def judge_again(self, wanted: bool, run: int | None) -> None:
        """Have a run's frames (None: all) judged by the model in use, or end that."""
        if not wanted:
            self._pipeline.stop_judging_again()
            self.said.emit("Stopped; the other frames keep the scores they have")
            return
        self._pipeline.judge_again(run)
        self.said.emit("Frames that another model judged are judged again; Ctrl+J stops it")

    def stop_run(self, run: int | None) -> None:
        """Stop reading a run."""
        if run is not None:
            self._pipeline.close_run(run)

    def stop_selected_run(self) -> None:
        """Stop reading the selected run."""
        self.stop_run(self._run)

    def _step_back(self, step: Callable[[], np.ndarray], deed: str) -> None:
        try:
            rows = step()
        except SpiViewerError as error:
            self.said.emit(f"⚠ {error}")
            return
        if len(rows):
            self.said.emit(f"{len(rows)} frame{'s' if len(rows) > 1 else ''} {deed}")
            self._grid.refresh()
            self._grid.select_row(int(rows[0]))
            self._follow.choose(int(rows[0]))
        self.labels_changed.emit()
