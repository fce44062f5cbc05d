"""A model made to fit a session's run, as the adaptation dialog asks for it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from spi_viewer.adapt_run import AdaptationReport, adapt_to_run, label_counts

if TYPE_CHECKING:
    from spi_viewer.gui.adapt_dialog import AdaptationOrder
    from spi_viewer.session.session import Session


class SessionAdaptation:
    """Adapts to the runs of a session.

    Args:
        folder: where the user's own models lie; it need not exist.
    """

    def __init__(self, session: Session, folder: Path) -> None:
        self._session, self._folder = session, folder

    def free_folder(self, name: str) -> Path:
        """A folder for a new model of about this name."""
        names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
        return next(self._folder / one for one in names if not (self._folder / one).exists())

    def label_counts(self, run: int | None) -> tuple[int, int]:
        """How many frames of a run (None: of all) the operator called good, and bad."""
        return label_counts(self._session, run)

    def adapt(
        self, model: str, run: int | None, order: AdaptationOrder, cancelled: Callable[[], bool]
    ) -> AdaptationReport:
        """Adapt as ordered, on the adaptation's thread; ModelError if it could not be done."""
        return adapt_to_run(
            self._session,
            model,
            run,
            order.folder,
            use_labels=order.use_labels,
            cancelled=cancelled,
        )
