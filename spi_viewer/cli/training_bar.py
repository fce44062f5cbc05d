"""How a training shows its progress on a terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spi_viewer.networks.training import TrainingProgress


class TrainingBar:
    """A bar of steps with the loss, and a line an epoch."""

    def __enter__(self) -> Callable[[TrainingProgress], None]:
        from tqdm import tqdm

        self._bar = tqdm(unit=" steps", desc="training", disable=None)
        return self._show

    def __exit__(self, *_error: object) -> None:
        self._bar.close()

    def _show(self, progress: TrainingProgress) -> None:
        self._bar.total = progress.steps
        self._bar.update(progress.step - self._bar.n)
        self._bar.set_postfix(loss=f"{progress.loss:.3f}", frames_per_s=progress.frames_per_s)
        result = progress.validation
        if result is not None:
            lost = result["false_negatives_at_allowed_false_positives"]
            self._bar.write(
                f"epoch {progress.epoch}: accuracy {result['accuracy']:.4f}, "
                f"false negatives {lost:.4f} at the allowed false positives, "
                f"{progress.frames_per_s:.0f} frames/s{', kept' if result['kept'] else ''}"
            )
