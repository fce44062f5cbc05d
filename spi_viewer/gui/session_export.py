"""Session rows to a CXI file, as the export dialog asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from spi_viewer.exporting.cxi import export_cxi
from spi_viewer.exporting.frame_selection import ExportProvenance, frames_of_session
from spi_viewer.sources.run_file import open_run

if TYPE_CHECKING:
    from spi_viewer.exporting.cxi import ExportReport
    from spi_viewer.gui.export_dialog import ExportOrder
    from spi_viewer.session.session import Session


class SessionExport:
    """Writes frames of a session; called on the export's thread."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __call__(
        self,
        order: ExportOrder,
        progress: Callable[[int, int], None],
        cancelled: Callable[[], bool],
    ) -> ExportReport:
        """Export what was ordered; ExportError if it could not be written or verified."""
        return export_cxi(
            frames_of_session(self._session, order.rows),
            order.destination,
            self._provenance(order),
            open_source=open_run,
            overwrite=order.overwrite,
            progress=progress,
            cancelled=cancelled,
        )

    def _provenance(self, order: ExportOrder) -> ExportProvenance:
        name, digest = self._session.model(int(order.rows[0])) if len(order.rows) else ("", "")
        return ExportProvenance(name, digest, self._session.rule.threshold, order.policy)
