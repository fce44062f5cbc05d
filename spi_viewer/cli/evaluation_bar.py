"""How an evaluation shows its progress on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spi_viewer.evaluation.progress import ShowProgress


class EvaluationBar:
    """A bar of frames with what is being done."""

    def __enter__(self) -> ShowProgress:
        from tqdm import tqdm

        self._bar = tqdm(unit=" frames", disable=None)
        return self._show

    def __exit__(self, *_error: object) -> None:
        self._bar.close()

    def _show(self, text: str, done: int, total: int) -> None:
        self._bar.total = total
        self._bar.set_description(text, refresh=False)
        self._bar.update(done - self._bar.n)
