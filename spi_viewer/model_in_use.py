"""The model that judges, and the next one while it is being loaded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from spi_viewer.errors import ModelError, SpiViewerError

if TYPE_CHECKING:
    from spi_viewer.networks.frame_classifier import FrameClassifier

LoadClassifier = Callable[[], "FrameClassifier"]


class ModelInUse:
    """One classifier at a time; a model that cannot be loaded leaves the old one in place.

    Args:
        load: loads the first model when `change` is called.

    Attributes:
        has_failed: the last one could not be loaded.
    """

    def __init__(self, load: LoadClassifier) -> None:
        self._lock = threading.Lock()
        self._wanted: LoadClassifier | None = load
        self._classifier: FrameClassifier | None = None
        self._is_loading = False
        self.has_failed = False

    @property
    def classifier(self) -> FrameClassifier | None:
        """What judges now; None before the first model is loaded."""
        return self._classifier

    @property
    def is_loading(self) -> bool:
        """True while another model is wanted or on its way."""
        return self._is_loading or self._wanted is not None

    def want(self, load: LoadClassifier) -> None:
        """Ask for another model; called on any thread, the newest wish counts."""
        with self._lock:
            self._wanted = load

    def change(self) -> bool:
        """Load what is wanted, if anything is; True if another model judges from now on.

        Called on the thread that judges.

        Raises:
            ModelError: it cannot be loaded; the text says what judges now.
        """
        with self._lock:
            load, self._wanted = self._wanted, None
        if load is None:
            return False
        self._is_loading = True
        try:
            self._classifier = load()
            self.has_failed = False
        except SpiViewerError as error:
            self.has_failed = True
            raise ModelError(f"the model cannot be used, {self._consequence()}: {error}") from error
        finally:
            self._is_loading = False
        return True

    def _consequence(self) -> str:
        return "nothing is judged" if self._classifier is None else f"{self._classifier.name} stays"
