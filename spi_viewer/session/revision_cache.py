"""Answers that stay true until the session changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class RevisionCache:
    """Answers to questions about one revision; a newer revision forgets them all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._revision = -1
        self._answers: dict[Hashable, Any] = {}

    def get(self, question: Hashable, revision: int, compute: Callable[[], Answer]) -> Answer:
        """The answer for this revision, computed only if it is not known yet."""
        with self._lock:
            if revision > self._revision:
                self._revision = revision
                self._answers = {}
            answers = self._answers if revision == self._revision else {}
        if question not in answers:
            answers[question] = compute()
        return answers[question]
