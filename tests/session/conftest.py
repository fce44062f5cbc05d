"""Made-up frames for sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from spi_viewer.frames import Crop, DetectorGeometry, FrameBatch, FrameId
from spi_viewer.session.session import Session


def _make_batch(count: int, start: int = 0, path: str = "/data/run.cxi", **values) -> FrameBatch:
    index = np.arange(start, start + count)
    return FrameBatch(
        ids=[FrameId(path, "/entry_1/data_1/data", int(i), f"{1000 + i}:{i % 7}") for i in index],
        counts=np.zeros((count, 128, 128), np.float32),
        valid=np.ones((count, 128, 128), bool),
        thumbnails=np.broadcast_to(
            (index % 251).astype(np.uint8)[:, None, None], (count, 64, 64)
        ).copy(),
        flags=np.zeros(count, np.uint32),
        photons=values.get("photons", index * 10.0),
        written_at_s=values.get("written_at_s", 1.7e9 + index / 10),
        crop=values.get("crop", Crop(64.5, 60.0, 2.0)),
        geometry=DetectorGeometry(1600.0, 0.58, 7.5e-5),
    )


def _make_probabilities(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet([0.5] * 4, count).astype(np.float32)


@pytest.fixture
def make_batch() -> Callable[..., FrameBatch]:
    return _make_batch


@pytest.fixture
def make_probabilities() -> Callable[..., np.ndarray]:
    return _make_probabilities


@pytest.fixture
def session() -> Iterator[Session]:
    with_nothing = Session(None)
    yield with_nothing
    with_nothing.close()


@pytest.fixture
def filled(session: Session) -> Session:
    """A session with one run of 100 frames."""
    run = session.add_run("run.cxi", "/data/run.cxi", "file")
    session.append(run, _make_batch(100), _make_probabilities(100), np.zeros(100, np.uint32))
    return session


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "session"
