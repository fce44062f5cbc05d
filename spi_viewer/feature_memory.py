"""What the network made of the newest frames: their features, kept to be laid out as a map."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

MOST_FRAMES = 20_000  # 128 features of 2 bytes each: 5 MiB


class FeatureMemory:
    """Features of the newest frames that one model judged; the oldest make room.

    Filled on the thread that judges, looked at from any other.
    """

    def __init__(self, most_frames: int = MOST_FRAMES) -> None:
        self._most_frames = most_frames
        self._lock = threading.Lock()
        self._model_hash = ""
        self._rows = np.zeros(most_frames, np.int64)
        self._features = np.zeros((most_frames, 0), np.float16)
        self._added = 0

    @property
    def added(self) -> int:
        """Frames added so far by the model at hand; changes with every addition."""
        return self._added

    def add(self, model_hash: str, rows: NDArray[np.int64], features: NDArray[np.float32]) -> None:
        """Keep features (B, C) of session rows (B,); those of another model are forgotten."""
        with self._lock:
            if model_hash != self._model_hash or features.shape[1] != self._features.shape[1]:
                self._model_hash, self._added = model_hash, 0
                self._features = np.zeros((self._most_frames, features.shape[1]), np.float16)
            places = np.arange(self._added, self._added + len(rows)) % self._most_frames
            self._rows[places] = rows
            self._features[places] = features.clip(-6e4, 6e4)  # what float16 can hold
            self._added += len(rows)

    def snapshot(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Copies of rows (n,) and features (n, C), in no particular order."""
        with self._lock:
            count = min(self._added, self._most_frames)
            return self._rows[:count].copy(), self._features[:count].astype(np.float32)
