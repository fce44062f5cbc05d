from pathlib import Path

import numpy as np

from spi_viewer.exporting.frame_selection import frames_of_session, good_frames_of_scores
from spi_viewer.frames import (
    Crop,
    DecisionRule,
    FrameBatch,
    FrameFlag,
    FrameId,
    OperatorLabel,
    Verdict,
)
from spi_viewer.session.scores_csv import ScoresWriter, read_scores
from spi_viewer.session.session import Session


def _batch():
    return FrameBatch(
        [
            FrameId("/a.cxi", "/d", 0, "zero"),
            FrameId("/b.cxi", "/d", 1),
            FrameId("/b.cxi", "/d", 2),
        ],
        np.zeros((3, 128, 128), np.float32),
        np.ones((3, 128, 128), bool),
        np.zeros((3, 64, 64), np.uint8),
        np.zeros(3, np.uint32),
        np.zeros(3),
        np.zeros(3),
        Crop(1, 2, 3),
    )


_P = np.array([[0.9, 0.1, 0, 0], [0.6, 0.4, 0, 0], [0.9, 0.1, 0, 0]], np.float32)
_FLAGS = np.array([0, 0, FrameFlag.UNREADABLE], np.uint32)


def test_rows_of_a_session_keep_order_scores_and_labels():
    session = Session(None)
    session.append(session.add_run("a", "/a", "file"), _batch(), _P, _FLAGS)
    session.label([1], OperatorLabel.BAD)
    invalid, bad, good = frames_of_session(session, [2, 1, 0])
    session.close()
    assert (invalid.verdict, invalid.probabilities) == (Verdict.INVALID, None)
    assert invalid.flags == FrameFlag.UNREADABLE
    assert (bad.verdict, bad.label) == (Verdict.GOOD, OperatorLabel.BAD)
    assert good.id == FrameId("/a.cxi", "/d", 0, "zero")
    assert np.allclose(good.probabilities, [0.9, 0.1, 0, 0])


def test_good_frames_of_a_scores_file_may_be_of_one_run_and_another_threshold(tmp_path):
    path = tmp_path / "scores.csv"
    with ScoresWriter(path, DecisionRule(0.5)) as writer:
        writer.write(_batch().ids, _P, _FLAGS)

    def indices(**options):
        return [one.id.index for one in good_frames_of_scores(read_scores(path), **options)]

    assert indices() == [0, 1]
    assert indices(threshold=0.8) == [0]
    assert indices(run=Path("/b.cxi")) == [1]
    assert indices(run=Path("/")) == [0, 1]
    assert indices(run=tmp_path) == []
