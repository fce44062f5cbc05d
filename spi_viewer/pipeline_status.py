"""What whoever watches may know of the pipeline's work."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from spi_viewer.frames import Crop
from spi_viewer.sources.reader import Position

_RATE_WINDOW_S = 3.0


@dataclass(frozen=True, slots=True)
class Problem:
    """Something the operator should know of a file; shown quietly, never in a storm."""

    time_s: float
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class DatasetChoice:
    """A file with several possible frame datasets that waits for the operator's choice."""

    run: int
    path: str
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnjudgedFrame:
    """The last frame of a live run's newest file, whose turn comes late.

    Attributes:
        position: the file, and its first frame that was not handed out.
        crop: what the run's frames get.
    """

    run: int
    position: Position
    crop: Crop


@dataclass(frozen=True, slots=True)
class PipelineStatus:
    """A snapshot for whoever watches.

    Attributes:
        reading_per_s, classified_per_s: frames per second over the last seconds.
        frames_behind: frames complete on disk, not yet judged.
        newest_frame_age_s: since the newest frame of the live runs was written; None if none.
        latency_s: from 'on disk' to 'judged' of the last live batch; None before the first.
        device, model: what judges; '' while nothing does.
        loading_model: another model, or the first, is on its way.
        judging_again: frames done and to do of those that another model had judged; None if none.
    """

    reading_per_s: float = 0.0
    classified_per_s: float = 0.0
    frames_behind: int = 0
    newest_frame_age_s: float | None = None
    latency_s: float | None = None
    device: str = ""
    model: str = ""
    loading_model: bool = False
    busy: bool = False
    waiting: tuple[tuple[str, str], ...] = ()
    problems: tuple[Problem, ...] = ()
    choices: tuple[DatasetChoice, ...] = ()
    judging_again: tuple[int, int] | None = None


class FrameRate:
    """Events per second over a sliding window."""

    def __init__(self) -> None:
        self._events: deque[tuple[float, int]] = deque()

    def add(self, count: int) -> None:
        """Note `count` events now; called by one thread."""
        now = time.monotonic()
        self._events.append((now, count))
        while self._events[0][0] < now - _RATE_WINDOW_S:
            self._events.popleft()

    def per_second(self) -> float:
        """Mean over the window; callable from any thread."""
        oldest = time.monotonic() - _RATE_WINDOW_S
        recent = [count for at, count in tuple(self._events) if at >= oldest]
        return sum(recent) / _RATE_WINDOW_S
