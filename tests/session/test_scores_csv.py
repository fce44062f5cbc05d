import contextlib
import csv
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_viewer.errors import SessionError
from spi_viewer.frames import DecisionRule, FrameFlag, FrameId, Verdict
from spi_viewer.session.scores_csv import COLUMNS, ScoresWriter, read_scores, write_scores

RULE = DecisionRule(0.5)


def test_scores_come_back_as_they_were_judged(filled, tmp_path):
    path = tmp_path / "scores.csv"
    assert write_scores(filled, path) == 100
    scored = list(read_scores(path))
    rows = np.arange(100)
    assert [one.id.index for one in scored] == rows.tolist()
    assert [one.verdict for one in scored] == filled.verdicts(rows).tolist()
    p = np.array([one.probabilities for one in scored])
    assert np.allclose(p, filled.probabilities(rows), rtol=1e-5)


def test_an_invalid_frame_has_an_empty_verdict_and_empty_scores(tmp_path):
    path = tmp_path / "scores.csv"
    flags = np.array([FrameFlag.NO_VALID_PIXELS | FrameFlag.NON_FINITE, 0], np.uint32)
    with ScoresWriter(path, RULE) as writer:
        writer.write(
            [FrameId("/a.cxi", "/d", 0), FrameId("/a.cxi", "/d", 1)],
            np.array([[0.9, 0, 0, 0.1], [0.9, 0, 0, 0.1]], np.float32),
            flags,
        )
    header, invalid, good = path.read_text().splitlines()
    assert header == "file,dataset,frame,verdict,p_good,p_single,p_multi,p_non_sample,p_blank,flags"
    assert invalid == "/a.cxi,/d,0,,,,,,,no_valid_pixels|non_finite"
    assert good == "/a.cxi,/d,1,good,0.9,0.9,0,0,0.1,"
    first, second = read_scores(path)
    assert (first.verdict, first.probabilities) == (Verdict.INVALID, None)
    assert first.flags == FrameFlag.NO_VALID_PIXELS | FrameFlag.NON_FINITE
    assert second.probabilities == (0.9, 0, 0, 0.1)


def test_a_broken_off_writer_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text("old")
    with pytest.raises(KeyError), ScoresWriter(path, RULE):
        raise KeyError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["scores.csv"]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SessionError, match="nowhere"):
        ScoresWriter(tmp_path / "nowhere" / "scores.csv", RULE)
    with pytest.raises(SessionError, match=r"none\.csv"):
        list(read_scores(tmp_path / "none.csv"))


_GOOD_LINE = "/a.cxi,/d,0,good,0.9,0.9,0.1,0,0,"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "line 1: not a scores file"),
        ("exp,run,event_num,label\n", "line 1: not a scores file"),
        (f"{','.join(COLUMNS)}\n{_GOOD_LINE}\n/a.cxi,/d\n", "line 3: 2 columns instead of 10"),
        (f"{','.join(COLUMNS)}\n/a,/d,-1,good,1,1,0,0,0,\n", "line 2: frame '-1'"),
        (f"{','.join(COLUMNS)}\n/a,/d,1,fine,1,1,0,0,0,\n", "line 2: verdict 'fine'"),
        (f"{','.join(COLUMNS)}\n/a,/d,1,good,1,1.5,0,0,0,\n", "line 2: a probability"),
        (f"{','.join(COLUMNS)}\n/a,/d,1,good,1,nan,0,0,0,\n", "line 2: a probability"),
        (f"{','.join(COLUMNS)}\n/a,/d,1,good,1,one,0,0,0,\n", "line 2: could not convert"),
        (f"{','.join(COLUMNS)}\n/a,/d,1,good,1,1,0,0,0,shiny\n", "line 2: unknown flag 'shiny'"),
    ],
)
def test_an_error_names_the_file_and_the_line(tmp_path, text, complaint):
    path = tmp_path / "scores.csv"
    path.write_text(text)
    with pytest.raises(SessionError, match=rf"scores\.csv: {complaint}"):
        list(read_scores(path))


def test_a_real_label_file_is_no_scores_file(real_data):
    with pytest.raises(SessionError, match="not a scores file"):
        list(read_scores(real_data / "amo06516.label.csv"))


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=300), with_header=st.booleans())
def test_no_bytes_do_worse_than_a_session_error(tmp_path_factory, content, with_header):
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_bytes((",".join(COLUMNS).encode() + b"\n" if with_header else b"") + content)
    with contextlib.suppress(SessionError):
        list(read_scores(path))


@settings(max_examples=50, deadline=None)
@given(
    name=st.text(
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20
    )
)
def test_any_file_name_comes_back(tmp_path_factory, name):
    path = tmp_path_factory.getbasetemp() / "names.csv"
    with ScoresWriter(path, RULE) as writer:
        writer.write([FrameId(name, "/d", 3)], np.eye(4, dtype=np.float32)[:1], np.zeros(1, "u4"))
    assert [one.id.path for one in read_scores(path)] == [name]


def test_the_table_is_plain_csv(filled, tmp_path):
    write_scores(filled, tmp_path / "s.csv", rows=[5, 3])
    with (tmp_path / "s.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["frame"] for row in rows] == ["5", "3"]
    assert all(row["p_good"] == row["p_single"] for row in rows)
