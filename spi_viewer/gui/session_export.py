"""Session rows to a CXI file, as the export dialog asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from spi_viewer.export_run import export_rows

if TYPE_CHECKING:
    from spi_viewer.exporting.cxi import ExportReport
    from spi_viewer.gui.export_form import ExportOrder
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
        return export_rows(
            self._session,
            order.rows,
            order.destination,
            selection=order.policy,
            overwrite=order.overwrite,
            progress=progress,
            cancelled=cancelled,
        )
