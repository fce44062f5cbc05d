"""Answers that stay true until the session changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

_MAX_ANSWERS = 16
Answer = TypeVar("Answer")


class RevisionCache:
    """The latest answer to each of a few questions, kept for one revision."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, tuple[int, Any]] = OrderedDict()

    def get(self, question: Hashable, revision: int, compute: Callable[[], Answer]) -> Answer:
        """The answer for this revision, computed only if it is not known yet."""
        known = self._answers.get(question)
        if known is not None and known[0] == revision:
            return known[1]
        answer = compute()
        self._answers[question] = (revision, answer)
        self._answers.move_to_end(question)
        while len(self._answers) > _MAX_ANSWERS:
            self._answers.popitem(last=False)
        return answer
