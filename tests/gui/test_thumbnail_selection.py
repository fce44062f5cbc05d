"""What the grid asks of a session."""

import numpy as np

from spi_viewer.frames import Crop, FrameBatch, FrameFlag, FrameId, OperatorLabel
from spi_viewer.gui.thumbnail_selection import Choice, select_shown
from spi_viewer.session.row_selection import RowFilter, SortOrder


def fill(session):
    """Six frames: good, multi, good, multi, unsure, flagged."""
    run = session.add_run("r0173", "/data/r0173.cxi", "file")
    p_good = np.array([0.9, 0.1, 0.95, 0.05, 0.5, 0.2], np.float32)
    probabilities = np.stack([p_good, 1 - p_good, 0 * p_good, 0 * p_good], axis=1)
    flags = np.array([0, 0, 0, 0, 0, int(FrameFlag.SATURATED)], np.uint32)
    batch = FrameBatch(
        ids=[FrameId("/data/r0173.cxi", "/data", n) for n in range(6)],
        counts=np.zeros((6, 128, 128), np.float32),
        valid=np.ones((6, 128, 128), bool),
        thumbnails=np.ones((6, 64, 64), np.uint8),
        flags=flags,
        photons=np.arange(6.0),
        written_at_s=np.arange(6.0),
        crop=Crop(64, 64, 1),
    )
    session.append(run, batch, probabilities, flags)
    return run


def test_rows_from_held_from_on_are_counted_and_not_shown(session):
    fill(session)
    selected = select_shown(session, Choice(held_from=4))
    assert selected.rows.tolist() == [3, 2, 1, 0]
    assert selected.held_back == 2
    assert selected.row_count == 6


def test_only_held_rows_that_pass_the_filter_count(session):
    fill(session)
    selected = select_shown(session, Choice(RowFilter.MULTI, held_from=3))
    assert selected.rows.tolist() == [1]
    assert selected.held_back == 2


def test_the_oldest_first_holds_nothing_back(session):
    fill(session)
    selected = select_shown(session, Choice(order=SortOrder.OLDEST, held_from=1))
    assert selected.rows.tolist() == [0, 1, 2, 3, 4, 5]
    assert selected.held_back == 0


def test_counts_agree_with_what_each_filter_shows(session):
    run = fill(session)
    session.label([0], OperatorLabel.BAD)
    counts = select_shown(session, Choice(run=run)).counts
    for row_filter, count in counts.items():
        assert count == len(select_shown(session, Choice(row_filter, run=run)).rows)
    assert counts[RowFilter.DISAGREE] == counts[RowFilter.FLAGGED] == 1
