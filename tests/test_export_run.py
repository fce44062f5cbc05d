from __future__ import annotations

import threading
from pathlib import Path

import h5py
import numpy as np
import pytest

from spi_viewer.errors import ExportCancelledError, ExportError
from spi_viewer.export_run import export_rows, export_scored
from spi_viewer.frames import DecisionRule, OperatorLabel
from spi_viewer.session.scores_csv import write_scores
from spi_viewer.session.session import Session
from spi_viewer.sources.local_reader import LocalReader
from spi_viewer.sources.run_feed import FileFeed

DATASET = "/entry_1/data_1/data"
P_GOOD = np.linspace(0.05, 0.95, 6)


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    frames = np.random.default_rng(1).poisson(4, (6, 80, 90)).astype(np.int32)
    with h5py.File(tmp_path / "run.cxi", "w") as file:
        file.create_dataset(DATASET, data=frames, chunks=(1, 80, 90))
    return tmp_path / "run.cxi"


@pytest.fixture
def session(run_file: Path):
    """Six frames, the later the better; the first three are bad."""
    session, reader = Session(None), LocalReader()
    run = session.add_run("run.cxi", str(run_file), "file")
    feed = FileFeed(reader, str(run_file))
    rest = ((1 - P_GOOD) / 3)[:, None].repeat(3, axis=1)
    probabilities = np.c_[P_GOOD, rest].astype(np.float32)
    for name, digest, part in (("small", "abc", slice(0, 4)), ("other", "def", slice(4, 6))):
        batch = feed.next_batch(part.stop - part.start)
        assert batch is not None
        session.set_model(name, digest)
        session.append(run, batch, probabilities[part], batch.flags)
    yield session
    session.close()
    reader.close()


def test_rows_of_a_session_are_exported_with_their_scores_and_labels(
    session: Session, run_file: Path, tmp_path: Path
) -> None:
    session.label([4], OperatorLabel.GOOD)
    told: list[tuple[int, int]] = []
    report = export_rows(
        session,
        [4, 2],
        tmp_path / "good.cxi",
        progress=lambda done, total: told.append((done, total)),
    )
    assert report.frame_count == 2
    assert told[-1][0] == told[-1][1]
    with h5py.File(tmp_path / "good.cxi") as good, h5py.File(run_file, locking=False) as source:
        assert np.array_equal(good[DATASET][()], source[DATASET][()][[4, 2]])
        assert good["spi_viewer/model_name"].asstr()[:].tolist() == ["other", "small"]
        assert good["spi_viewer/model_hash"].asstr()[:].tolist() == ["def", "abc"]


def test_a_cancelled_export_leaves_nothing(session: Session, tmp_path: Path) -> None:
    cancelled = threading.Event()
    with pytest.raises(ExportCancelledError):
        export_rows(
            session,
            range(6),
            tmp_path / "good.cxi",
            progress=lambda done, total: cancelled.set() if done > 2 else None,
            cancelled=cancelled.is_set,
        )
    assert [p.name for p in tmp_path.iterdir()] == ["run.cxi"]


def test_the_sessions_own_table_exports_the_same_frames(
    session: Session, run_file: Path, tmp_path: Path
) -> None:
    session.set_rule(DecisionRule(0.5))
    write_scores(session, tmp_path / "scores.csv")
    export_scored(run_file, tmp_path / "scores.csv", tmp_path / "scored.cxi")
    export_rows(session, np.flatnonzero(P_GOOD >= 0.5), tmp_path / "rows.cxi")
    with h5py.File(tmp_path / "scored.cxi") as one, h5py.File(tmp_path / "rows.cxi") as other:
        assert len(one[DATASET]) == 3
        assert np.array_equal(one[DATASET][()], other[DATASET][()])


def test_a_folder_of_links_to_runs_is_exported_as_they_are(
    session: Session, run_file: Path, tmp_path: Path
) -> None:
    chosen = tmp_path / "chosen"
    chosen.mkdir()
    (chosen / "link.cxi").symlink_to(run_file)
    write_scores(session, tmp_path / "scores.csv")
    text = (tmp_path / "scores.csv").read_text()
    (tmp_path / "scores.csv").write_text(text.replace(str(run_file), str(chosen / "link.cxi")))
    for run in (chosen, chosen / "link.cxi", run_file):
        report = export_scored(
            run, tmp_path / "scores.csv", tmp_path / "good.cxi", threshold=0.5, overwrite=True
        )
        assert "3" in report.summary


def test_an_empty_table_has_no_frames_of_the_run(
    session: Session, run_file: Path, tmp_path: Path
) -> None:
    write_scores(session, tmp_path / "scores.csv", [])
    with pytest.raises(ExportError, match="it is empty"):
        export_scored(run_file, tmp_path / "scores.csv", tmp_path / "good.cxi")
