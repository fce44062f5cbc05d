"""Which models there are to judge with, which one was asked for, and how another is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class ModelChoice:
    """What the settings offer.

    Attributes:
        bundled: names of the models that come with the program.
        asked: name or folder of the model that was asked for last.
        use: asks for another; it is loaded in the background.
        has_failed: whether the model that was asked for last could not be loaded.
    """

    bundled: tuple[str, ...]
    asked: str
    use: Callable[[str], None]
    has_failed: Callable[[], bool] = lambda: False

    def ask(self, model: str) -> bool:
        """Ask for a model unless it was asked for last and came; True if it was asked for."""
        if model == self.asked and not self.has_failed():
            return False
        self.asked = model
        self.use(model)
        return True
