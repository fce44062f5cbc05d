"""The frame on the screen: what the panels say of it, so that none speaks of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt5.QtCore import QObject

from spi_viewer.gui.activation_panel import ActivationPanel
from spi_viewer.gui.frame_info_panel import FrameInfoPanel
from spi_viewer.gui.live_follow import LiveFollow
from spi_viewer.gui.thumbnail_grid import ThumbnailGrid

if TYPE_CHECKING:
    from spi_viewer.inspection import Inspection
    from spi_viewer.inspector import Inspector
    from spi_viewer.pipeline_status import PipelineStatus


class ShownFrame(QObject):
    """Has the panels go with the pattern that is drawn.

    A child of the window, as the panels are: a queued call is dropped once they are deleted.
    """

    def __init__(
        self,
        inspector: Inspector,
        follow: LiveFollow,
        activation: ActivationPanel,
        frame_info: FrameInfoPanel,
        grid: ThumbnailGrid,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._inspector, self._follow = inspector, follow
        self._activation, self._frame_info, self._grid = activation, frame_info, grid
        self._explained: Inspection | None = None
        self._was_judging_again = False

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
        if self._was_judging_again and not is_judging and self._follow.row is not None:
            self._inspector.request(self._follow.row)
        self._was_judging_again = is_judging
