import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from spi_viewer.errors import SessionError
from spi_viewer.frames import DecisionRule, FrameFlag, OperatorLabel
from spi_viewer.session.session import RowFilter, RunState, Session, SortOrder


@pytest.fixture
def saved(folder, make_batch, make_probabilities):
    """A closed session of 300 frames with labels; returns what it answered."""
    session = Session(folder)
    session.set_model("resnet10", "abc")
    flags = np.zeros(300, np.uint32)
    flags[7] = FrameFlag.UNREADABLE
    flags[8] = FrameFlag.SATURATED
    run = session.add_run("run.cxi", "/data/run.cxi", "file")
    session.append(run, make_batch(300), make_probabilities(300), flags)
    session.set_run_state(run, RunState.DONE)
    session.set_rule(DecisionRule(0.7, 0.3, 0.75))
    session.label([1, 2, 3], OperatorLabel.GOOD)
    session.label([3, 4], OperatorLabel.BAD)
    session.undo()
    answers = _answers(session)
    session.close()
    return answers


def _answers(session):
    rows = np.arange(session.row_count)
    return {
        "counts": session.counts(),
        "runs": session.runs(),
        "rule": session.rule,
        "ids": [session.frame_id(row) for row in rows],
        "models": session.model(5),
        "crop": session.crop(5),
        "geometry": session.geometry(5),
        "order": session.select(RowFilter.GOOD, SortOrder.P_GOOD_HIGH).tolist(),
        "p": session.probabilities(rows).tobytes(),
        "flags": session.flags(rows).tolist(),
        "photons": session.photons(rows).tolist(),
        "times": session.written_at_s(rows).tolist(),
        "labels": session.labels(rows).tolist(),
        "thumbnails": session.thumbnails(rows).tobytes(),
        "undo": (session.can_undo, session.can_redo),
    }


def test_a_reopened_session_answers_as_before(folder, saved):
    session = Session(folder)
    assert _answers(session) == saved
    assert session.redo().tolist() == [3, 4]
    session.close()


def test_a_reopened_session_goes_on(folder, saved, make_batch, make_probabilities):
    for number in (1, 2):
        session = Session(folder)
        run = session.add_run("next", "/data/next.cxi", "watch")
        session.append(
            run,
            make_batch(10, path=f"/data/{number}.cxi"),
            make_probabilities(10),
            np.zeros(10, "u4"),
        )
        session.close()
    session = Session(folder)
    assert session.row_count == 320
    assert session.frame_id(315).path == "/data/2.cxi"
    assert session.thumbnails([315])[0, 0, 0] == 5
    assert session.runs()[2].message == "interrupted"
    assert session.labels([1]) == OperatorLabel.GOOD
    session.close()


def test_file_names_that_are_not_utf8_survive(folder, make_batch, make_probabilities):
    odd = os.fsdecode(b"/data/caf\xe9.cxi")
    session = Session(folder)
    run = session.add_run(odd, odd, "file")
    session.set_run_state(run, RunState.FAILED, f"{odd} is missing")
    session.append(run, make_batch(2, path=odd), make_probabilities(2), np.zeros(2, "u4"))
    session.label([0], OperatorLabel.GOOD)
    session.close()
    session = Session(folder)
    assert session.frame_id(1).path == odd
    assert session.runs()[0].path == odd
    assert session.runs()[0].message == f"{odd} is missing"
    assert session.labels([0]) == OperatorLabel.GOOD
    session.close()


def test_the_journal_keeps_every_step_and_names_the_frame(folder, saved):
    connection = sqlite3.connect(folder / "labels.sqlite")
    kinds = [kind for (kind,) in connection.execute("SELECT kind FROM actions ORDER BY action")]
    entry = connection.execute(
        "SELECT row, old, new, file, dataset, frame, operator, model_hash, time_s "
        "FROM changes JOIN actions USING (action) WHERE kind = 'undo' ORDER BY row"
    ).fetchone()
    connection.close()
    assert kinds == ["label", "label", "undo"]
    assert entry[:6] == (3, 0, 1, "/data/run.cxi", "/entry_1/data_1/data", 3)
    assert entry[6]
    assert entry[7] == "abc"
    assert entry[8] > 1.7e9


_CHILD = """
import sys
import threading
import time
from pathlib import Path
import numpy as np
from spi_viewer.frames import *
from spi_viewer.session.session import Session
session = Session(Path(sys.argv[1]))
run = session.add_run("live", "/data", "watch")
for number in range(1_000_000):
    session.append(
        run,
        FrameBatch(
            [FrameId("/data/a.cxi", "/d", 8 * number + i) for i in range(8)],
            np.zeros((8, 1, 1), "f4"), np.ones((8, 1, 1), bool),
            np.full((8, 64, 64), number % 251, "u1"), np.zeros(8, "u4"), np.zeros(8),
            np.full(8, 1.7e9), Crop(1, 2, 3),
        ),
        np.full((8, 4), 0.25, "f4"), np.zeros(8, "u4"),
    )
    session.label([8 * number], OperatorLabel.GOOD)
    sys.stdout.write(f"{session.row_count} {session._folder.store.row_count}\\n")
    sys.stdout.flush()
"""


@pytest.mark.parametrize("lines", [3, 120])
def test_a_killed_program_loses_no_label_and_no_saved_row(folder, lines):
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(folder)], stdout=subprocess.PIPE, text=True
    )
    with child:
        told = [child.stdout.readline() for _ in range(lines)]
        os.kill(child.pid, signal.SIGKILL)
        rest = child.stdout.read()
    finished = [line for line in [*told, *rest.splitlines(keepends=True)] if line.endswith("\n")]
    rows, _ = map(int, finished[-1].split())
    session = Session(folder)
    labelled = session.select(RowFilter.LABELLED)
    assert session.row_count >= rows - 8  # here every label has its row written
    assert len(labelled) >= rows // 8
    assert (labelled % 8 == 0).all()
    assert session.thumbnails([rows - 8])[0, 0, 0] == (rows // 8 - 1) % 251
    assert session.problem == ""
    assert session.runs()[0].message == "interrupted"
    session.close()


def test_results_are_saved_within_about_a_second_unasked(folder, make_batch, make_probabilities):
    session = Session(folder)
    run = session.add_run("a", "/a", "file")
    session.append(run, make_batch(9), make_probabilities(9), np.zeros(9, "u4"))
    saved = _wait_until(lambda: session._folder.store.row_count == 9)
    session.close()
    assert saved


def test_a_session_in_use_is_refused_with_the_way_out(folder, saved):
    session = Session(folder)
    with pytest.raises(SessionError, match="in use by another SPI Viewer; close"):
        Session(folder)
    session.close()
    Session(folder).close()


@pytest.mark.parametrize("name", ["results.sqlite", "labels.sqlite"])
@pytest.mark.parametrize(
    "content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_damaged_file_is_named_with_the_way_out(folder, saved, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(SessionError, match=rf"{name}.*another (one|folder)"):
        Session(folder)


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM results WHERE row = 100",
        "UPDATE results SET file = 99",
        "UPDATE results SET context = -1 WHERE row = 3",
        "UPDATE results SET run = 5",
        "UPDATE results SET photons = 'many'",
        "UPDATE results SET flags = -1",
        "UPDATE runs SET state = 'asleep'",
        "UPDATE notes SET value = 'high' WHERE name = 'threshold'",
        "DELETE FROM notes WHERE name = 'threshold'",
        "DELETE FROM texts WHERE number = 0",
        "DROP TABLE results",
        "PRAGMA user_version = 99",
        "PRAGMA application_id = 1",
    ],
)
def test_contents_that_make_no_sense_are_refused(folder, saved, damage):
    _execute(folder / "results.sqlite", damage)
    with pytest.raises(SessionError, match=r"results\.sqlite: .*(another|free)"):
        Session(folder)


def test_a_journal_that_undoes_nothing_is_refused(folder, saved):
    _execute(folder / "labels.sqlite", "UPDATE actions SET kind = 'redo'")
    with pytest.raises(SessionError, match=r"labels\.sqlite"):
        Session(folder)


def test_labels_of_rows_that_are_not_there_are_told_not_hidden(folder, saved):
    _execute(folder / "labels.sqlite", "UPDATE changes SET row = 5000 WHERE row = 4")
    session = Session(folder)
    assert "labels belong to frames" in session.problem
    session.redo()
    session.close()


def test_a_foreign_database_is_left_alone(folder):
    folder.mkdir()
    _execute(folder / "results.sqlite", "CREATE TABLE people (name TEXT)")
    with pytest.raises(SessionError, match="not written by SPI Viewer"):
        Session(folder)
    _execute(folder / "results.sqlite", "SELECT * FROM people")


def test_a_file_where_the_folder_should_be_is_refused(folder):
    folder.write_text("hello")
    with pytest.raises(SessionError, match="choose another"):
        Session(folder)


def test_missing_thumbnails_are_empty_not_an_error(folder, saved):
    (folder / "thumbnails.bin").unlink()
    session = Session(folder)
    assert session.thumbnails([0, 299]).max() == 0
    session.close()


def _execute(path, statement):
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


def _wait_until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    return condition()


def test_frames_judged_again_stay_so(folder, saved, make_probabilities):
    session = Session(folder)
    rows, scores = np.array([0, 5, 6, 299]), make_probabilities(4, seed=5)
    session.judged_again(rows, scores, np.zeros(4, np.uint32), "other", "beef")
    expected = _answers(session)
    session.close()
    session = Session(folder)
    assert _answers(session) == expected
    assert session.model(5) == ("other", "beef")
    np.testing.assert_array_equal(session.probabilities(rows), scores)
    session.close()


def test_frames_judged_again_are_written_once_the_disk_has_room(
    folder, saved, make_probabilities, monkeypatch
):
    session = Session(folder)
    store, scores = session._folder.store, make_probabilities(2, seed=5)
    write = store._database.write

    def refuse(tables):
        raise SessionError("the disk is full")

    monkeypatch.setattr(store._database, "write", refuse)
    session.judged_again(np.array([5, 299]), scores, np.zeros(2, np.uint32), "other", "beef")
    with pytest.raises(SessionError):
        session.flush()
    monkeypatch.setattr(store._database, "write", write)
    session.close()
    session = Session(folder)
    np.testing.assert_array_equal(session.probabilities([5, 299]), scores)
    assert session.model(299) == ("other", "beef")
    session.close()
