"""The frame on the screen: what the panels say of it, so that none speaks of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from spi_viewer.gui.activation_panel import ActivationPanel
from spi_viewer.gui.frame_info_panel import FrameInfoPanel
from spi_viewer.gui.live_follow import LiveFollow
from spi_viewer.gui.thumbnail_grid import ThumbnailGrid

if TYPE_CHECKING:
    from spi_viewer.inspection import Inspection
    from spi_viewer.inspector import Inspector
    from spi_viewer.pipeline_status import PipelineStatus
    from spi_viewer.session.session import Session

_PATIENCE_MS = 400  # before it is said that a frame takes long


class ShownFrame(QObject):
    """Has the panels go with the pattern that is drawn.

    A child of the window, as the panels are: a queued call is dropped once they are deleted.

    Signals:
        waits: text while the chosen frame is not on the screen yet, and another still is.
    """

    waits = pyqtSignal(str)

    def __init__(
        self,
        inspector: Inspector,
        follow: LiveFollow,
        activation: ActivationPanel,
        frame_info: FrameInfoPanel,
        grid: ThumbnailGrid,
        session: Session,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._session, self._rule = session, session.rule
        self._inspector, self._follow = inspector, follow
        self._activation, self._frame_info, self._grid = activation, frame_info, grid
        self._explained: Inspection | None = None
        self._was_judging_again = False
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(_PATIENCE_MS)
        self._patience.timeout.connect(self._tell_of_waiting)

    def await_row(self, row: int) -> None:
        """Another frame was asked for: soon it is there, or it is said that it is not."""
        if not self._follow.is_following:
            self._patience.start()

    def _tell_of_waiting(self) -> None:
        shown = self._explained.row if self._explained is not None else None
        if not self._follow.is_following and shown != self._follow.row:
            self.waits.emit("Reading the chosen frame; this is still the one before …")

    def explain(self, inspection: Inspection | None) -> None:
        """Explain the pattern that is on the screen: one never contradicts the other."""
        if inspection is not self._explained:
            self._explained = inspection
            self._activation.show_inspection(inspection)

    def describe(self, inspection: Inspection | None) -> None:
        """Describe that frame and, while the newest is followed, have the grid go along."""
        self._frame_info.show_inspection(inspection)
        row = inspection.row if inspection is not None else None
        if row is not None and self._follow.is_following:
            self._grid.select_row(row)

    def inspect_once_judged_again(self, status: PipelineStatus) -> None:
        """Read it anew when frames have been judged again: its verdict may be another now."""
        is_judging = status.judging_again is not None
        if self._was_judging_again and not is_judging:
            self._inspect_anew()
        self._was_judging_again = is_judging

    def inspect_by_new_rule(self) -> None:
        """Read it anew when the threshold is another: so may its verdict be."""
        if self._session.rule != self._rule:
            self._rule = self._session.rule
            self._inspect_anew()

    def _inspect_anew(self) -> None:
        if self._follow.row is not None:
            self._inspector.request(self._follow.row)
