"""The model over session rows: lazy, honest, and unharmed by growth."""

import numpy as np
import pytest

from spi_viewer.frames import (
    Crop,
    FrameBatch,
    FrameClass,
    FrameFlag,
    FrameId,
    OperatorLabel,
    Verdict,
)
from spi_viewer.gui.thumbnail_model import ThumbnailModel, describe
from spi_viewer.session.row_selection import SortOrder


def fill(session, count, p_good=None, flags=None, run=None):
    """Append frames whose thumbnails hold their row number."""
    if run is None:
        run = session.add_run("r0173", "/data/r0173.cxi", "file")
    start = session.row_count
    p_good = np.linspace(0, 1, count) if p_good is None else np.asarray(p_good, float)
    flags = np.zeros(count, np.uint32) if flags is None else np.asarray(flags, np.uint32)
    numbers = np.arange(start, start + count)
    batch = FrameBatch(
        ids=[FrameId("/data/r0173.cxi", "/data", int(n), f"12:{n}") for n in numbers],
        counts=np.zeros((count, 128, 128), np.float32),
        valid=np.ones((count, 128, 128), bool),
        thumbnails=np.broadcast_to(
            (numbers % 255 + 1).astype(np.uint8)[:, None, None], (count, 64, 64)
        ),
        flags=flags,
        photons=numbers.astype(float),
        written_at_s=numbers.astype(float),
        crop=Crop(64, 64, 1),
    )
    rest = (1 - p_good)[:, None] / 3
    probabilities = np.hstack([p_good[:, None], rest, rest, rest]).astype(np.float32)
    session.append(run, batch, probabilities, flags)
    return run


@pytest.fixture
def model(session):
    fill(session, 200)
    model = ThumbnailModel(session, "viridis")
    model.set_rows(session.select(order=SortOrder.NEWEST))
    return model


def cell(model, position):
    return model.data(model.index(position), ThumbnailModel.CELL_ROLE)


def test_it_keeps_qts_rules(model, qtmodeltester):
    qtmodeltester.check(model)


def test_it_keeps_qts_rules_while_it_grows(session, model, qtmodeltester):
    qtmodeltester.check(model)
    fill(session, 10)
    assert model.set_rows(session.select(order=SortOrder.NEWEST))
    assert not model.set_rows(session.select(order=SortOrder.P_GOOD_HIGH))
    assert not model.set_rows(np.zeros(0, np.int64))


def test_a_cell_is_the_frame_of_its_row(model):
    assert cell(model, 0).row == 199
    assert cell(model, 0).id.index == 199
    assert model.data(model.index(199)) == "0 · 0.00"
    picture = model.data(model.index(150), ThumbnailModel.PICTURE_ROLE)
    same = model.data(model.index(151), ThumbnailModel.PICTURE_ROLE)
    assert picture.width() == 64
    assert picture.pixel(0, 0) != same.pixel(0, 0)


def test_labels_win_over_the_network_and_end_doubt(session, model):
    position = 100  # p is about a half
    assert cell(model, position).is_unsure
    session.label([cell(model, position).row], OperatorLabel.BAD)
    model.forget_facts()
    assert not cell(model, position).is_unsure
    assert cell(model, position).final_verdict == Verdict.BAD


def test_an_invalid_frame_has_no_score(session):
    fill(session, 2, [np.nan, 0.9], [int(FrameFlag.NOT_WRITTEN), 0])
    model = ThumbnailModel(session, "viridis")
    model.set_rows(session.select())
    assert cell(model, 0).verdict == Verdict.INVALID
    assert cell(model, 0).caption == "0 · –"
    assert "not written" in describe(cell(model, 0))
    assert FrameClass.SINGLE.label in describe(cell(model, 1))


def test_growth_at_the_top_is_an_insertion(session, model, qtbot):
    fill(session, 5)
    with qtbot.waitSignal(model.rowsInserted) as signal:
        model.set_rows(session.select(order=SortOrder.NEWEST))
    assert signal.args[1:] == [0, 4]


def test_thumbnails_are_fetched_once_and_in_chunks(session, model, monkeypatch):
    asked = []
    read = session.thumbnails
    monkeypatch.setattr(session, "thumbnails", lambda rows: asked.append(len(rows)) or read(rows))
    for position in range(100):
        model.data(model.index(position), ThumbnailModel.PICTURE_ROLE)
    model.data(model.index(3), ThumbnailModel.PICTURE_ROLE)
    assert asked == [64, 64]
