from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from spi_viewer.errors import ExportCancelledError
from spi_viewer.frames import FrameId
from spi_viewer.gui.export_form import ExportOrder
from spi_viewer.gui.session_export import SessionExport
from spi_viewer.session.session import Session


@pytest.fixture
def filled(session: Session, make_batch, tmp_path: Path) -> Session:
    """A session of a run that is really on disk, 6 frames."""
    path = tmp_path / "run.h5"
    with h5py.File(path, "w") as file:
        pixels = np.arange(6 * 128 * 128, dtype="i4").reshape(6, 128, 128)
        file["entry_1/data_1/data"] = pixels
    batch = make_batch(6)
    batch.ids = [FrameId(str(path), "/entry_1/data_1/data", n) for n in range(6)]
    run = session.add_run("run.h5", str(path), "file")
    session.append(run, batch, np.full((6, 4), 0.25, np.float32), batch.flags)
    return session


def test_rows_of_a_session_are_exported_bit_for_bit(filled: Session, tmp_path: Path) -> None:
    order = ExportOrder(np.array([1, 4]), tmp_path / "good.cxi", False, "selection")
    told: list[tuple[int, int]] = []
    report = SessionExport(filled)(order, lambda *step: told.append(step), lambda: False)
    assert report.frame_count == 2
    assert told[-1][0] == told[-1][1]
    found: list[np.ndarray] = []
    with h5py.File(order.destination) as file:
        file.visititems(
            lambda _, entry: found.append(entry[()]) if getattr(entry, "ndim", 0) == 3 else None
        )
    expected = np.arange(6 * 128 * 128, dtype="i4").reshape(6, 128, 128)[[1, 4]]
    assert any(
        stack.shape == expected.shape
        and stack.dtype == expected.dtype
        and (stack == expected).all()
        for stack in found
    )


def test_a_cancelled_export_leaves_no_file(filled: Session, tmp_path: Path) -> None:
    order = ExportOrder(np.array([1, 4]), tmp_path / "good.cxi", False, "selection")
    with pytest.raises(ExportCancelledError):
        SessionExport(filled)(order, lambda *_: None, lambda: True)
    assert not order.destination.exists()
