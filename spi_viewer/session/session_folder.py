"""The folder of a session: results, labels and thumbnails, opened together or not at all."""

from __future__ import annotations

import shutil
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

from spi_viewer.session.database import explained
from spi_viewer.session.label_journal import LabelJournal
from spi_viewer.session.session_state import SessionState
from spi_viewer.session.session_store import SessionStore
from spi_viewer.session.thumbnails_file import ThumbnailsFile


class SessionFolder:
    """The open files of one session; `state` is filled from them.

    Args:
        path: made or reopened; None for a temporary folder that `close` removes. A folder in
            use, damaged or foreign raises SessionError.

    Attributes:
        store: what was read and how it was judged.
        journal: what the operator decided.
        thumbnails: the pictures of the grid.
        lost_labels: how many belong to frames that were never saved.
    """

    def __init__(self, path: Path | None, state: SessionState, state_lock: threading.Lock) -> None:
        self.is_temporary = path is None
        self.path = _temporary_folder() if path is None else Path(path)
        with ExitStack() as opened:
            if self.is_temporary:
                opened.callback(shutil.rmtree, self.path, ignore_errors=True)
            with explained(self.path):
                self.path.mkdir(parents=True, exist_ok=True)
            self.store = SessionStore(self.path / "results.sqlite", state, state_lock)
            opened.callback(self.store.close)
            self.journal = LabelJournal(self.path / "labels.sqlite", state.table.frame_places)
            opened.callback(self.journal.close)
            self.thumbnails = ThumbnailsFile(self.path / "thumbnails.bin")
            opened.callback(self.thumbnails.close)
            self.store.restore()
            changes, self.lost_labels = self.journal.replay(len(state.table))
            for change in changes:
                state.change_labels(change)
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Close the files without writing and, if temporary, remove the folder."""
        self._opened.close()


def _temporary_folder() -> Path:
    with explained(Path(tempfile.gettempdir())):
        return Path(tempfile.mkdtemp(prefix="spi-viewer-"))
