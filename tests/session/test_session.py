import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spi_viewer.errors import SessionError
from spi_viewer.frames import Crop, DecisionRule, FrameFlag, OperatorLabel, Verdict
from spi_viewer.session.session import ExportPolicy, RowFilter, RunState, Session, SortOrder

GOOD, BAD, NONE = OperatorLabel.GOOD, OperatorLabel.BAD, OperatorLabel.NONE


def _p(*good):
    """Rows whose P(single) is given; the rest goes to multi, non-sample, blank 3 : 2 : 1."""
    rest = 1 - np.array(good, np.float32)
    return np.stack([1 - rest, rest / 2, rest / 3, rest / 6], axis=1).astype(np.float32)


@pytest.fixture
def four(session, make_batch):
    """Rows: 0 good, 1 multi, 2 unsure and good, 3 invalid."""
    run = session.add_run("a", "/a", "file")
    flags = np.array([0, 0, 0, FrameFlag.NO_VALID_PIXELS], np.uint32)
    session.append(run, make_batch(4), _p(0.9, 0.1, 0.6, 0.99), flags)
    return session


def test_a_new_session_is_empty_and_asks_nothing_of_anyone(session):
    assert session.row_count == 0
    assert session.runs() == []
    assert session.counts().frames == 0
    assert session.select().tolist() == []
    assert len(session.hit_rate_series(None, 1.0).time_s) == 0
    assert session.score_histogram(10)[1].sum() == 0
    assert session.undo().tolist() == session.redo().tolist() == []


def test_counts_keep_invalid_frames_out_of_the_hit_rate(four):
    counts = four.counts()
    assert (counts.frames, counts.good, counts.bad, counts.invalid) == (4, 2, 1, 1)
    assert (counts.multi, counts.unsure) == (1, 1)
    assert counts.hit_rate == pytest.approx(2 / 3)
    assert counts.hit_rate_low < 2 / 3 < counts.hit_rate_high


def test_an_invalid_frame_has_no_scores(four):
    assert np.isnan(four.probabilities([3])).all()
    assert four.verdicts([3]) == Verdict.INVALID
    assert four.score_histogram(4)[1].sum() == 3


def test_a_frame_without_a_finite_score_is_invalid_not_bad(session, make_batch):
    run = session.add_run("a", "/a", "file")
    p = np.full((1, 4), np.nan, np.float32)
    session.append(run, make_batch(1), p, np.zeros(1, np.uint32))
    assert session.counts().invalid == 1
    assert session.counts().bad == 0


def test_the_rule_judges_old_and_new_frames(four, make_batch):
    before = four.revision
    four.set_rule(DecisionRule(threshold=0.7))
    assert four.revision > before
    assert four.verdicts(range(4)).tolist() == [1, 0, 0, 2]
    four.append(0, make_batch(1, 4), _p(0.65), np.zeros(1, np.uint32))
    assert four.verdicts([4]) == Verdict.BAD
    assert four.counts().good == 1


@pytest.mark.parametrize(
    ("row_filter", "rows"),
    [
        (RowFilter.ALL, [0, 1, 2, 3]),
        (RowFilter.GOOD, [0, 2]),
        (RowFilter.BAD, [1]),
        (RowFilter.MULTI, [1]),
        (RowFilter.BLANK, []),
        (RowFilter.UNSURE, [2]),
        (RowFilter.INVALID, [3]),
        (RowFilter.FLAGGED, [3]),
        (RowFilter.LABELLED, [0, 1, 3]),
        (RowFilter.DISAGREE, [0]),
    ],
)
def test_filters_pass_what_they_say(four, row_filter, rows):
    four.label([0, 1, 3], BAD)
    assert four.select(row_filter).tolist() == rows


def test_what_the_network_has_never_seen_is_not_silently_good(session, make_batch):
    run = session.add_run("a", "/a", "file")
    unknown = FrameFlag.OUT_OF_DISTRIBUTION
    flags = [0, unknown, unknown, unknown | FrameFlag.SATURATED, unknown | FrameFlag.UNREADABLE]
    p = _p(0.99, 0.99, 0.01, 0.99, 0.99)
    session.append(run, make_batch(5), p, np.array(flags, np.uint32))
    counts = session.counts(run)
    assert (counts.good, counts.bad, counts.invalid) == (3, 1, 1)
    assert (counts.unsure, counts.unfamiliar) == (2, 3)
    assert session.select(RowFilter.UNSURE).tolist() == [1, 3]
    assert session.select(RowFilter.UNFAMILIAR).tolist() == [1, 2, 3]
    assert session.select(RowFilter.FLAGGED).tolist() == [3, 4]  # something wrong with the data
    assert session.unsure(range(5)).tolist() == [False, True, False, True, False]
    session.set_rule(DecisionRule(threshold=1.0))
    assert session.counts(run).unsure == 0
    assert session.counts(run).unfamiliar == 3


@pytest.mark.parametrize(
    ("order", "rows"),
    [
        (SortOrder.OLDEST, [0, 1, 2, 3]),
        (SortOrder.NEWEST, [3, 2, 1, 0]),
        (SortOrder.P_GOOD_HIGH, [0, 2, 1, 3]),
        (SortOrder.P_GOOD_LOW, [1, 2, 0, 3]),
        (SortOrder.UNCERTAIN, [2, 0, 1, 3]),
        (SortOrder.PHOTONS, [3, 2, 1, 0]),
    ],
)
def test_orders_put_frames_without_a_score_last(four, order, rows):
    assert four.select(RowFilter.ALL, order).tolist() == rows


def test_a_selection_follows_the_session(four, make_batch):
    assert len(four.select(RowFilter.GOOD)) == 2
    four.append(0, make_batch(1, 4), _p(0.95), np.zeros(1, np.uint32))
    assert four.select(RowFilter.GOOD).tolist() == [0, 2, 4]
    four.set_rule(DecisionRule(threshold=0.92))
    assert four.select(RowFilter.GOOD).tolist() == [4]


def test_runs_are_told_apart(four, make_batch):
    other = four.add_run("b", "/b", "watch")
    four.append(other, make_batch(2, path="/b/x.h5"), _p(0.9, 0.9), np.zeros(2, np.uint32))
    four.set_run_state(other, RunState.LIVE, "waiting for more")
    assert four.select(RowFilter.GOOD, run=other).tolist() == [4, 5]
    assert four.run_of(5) == other
    assert [one.counts.good for one in four.runs()] == [2, 2]
    assert four.runs()[1].state is RunState.LIVE
    assert four.runs()[1].message == "waiting for more"
    assert four.counts(other).frames == 2


def test_a_row_knows_its_frame_crop_and_model(session, make_batch):
    run = session.add_run("a", "/a", "file")
    zeros = np.zeros(2, np.uint32)
    session.set_model("first", "111")
    session.append(run, make_batch(2), _p(0.1, 0.2), zeros)
    session.set_model("second", "222")
    session.append(run, make_batch(2, 2, crop=Crop(1, 2, 3)), _p(0.1, 0.2), zeros)
    assert session.frame_id(3).index == 3
    assert session.frame_id(3).name == "1003:3"
    assert session.frame_id(0).name == "1000:0"
    assert (session.crop(1), session.crop(2)) == (Crop(64.5, 60, 2), Crop(1, 2, 3))
    assert (session.model(1), session.model(2)) == (("first", "111"), ("second", "222"))
    assert session.geometry(0).photon_energy_ev == 1600


@pytest.mark.parametrize("row", [-1, 4])
def test_a_row_that_is_not_there_is_an_index_error(four, row):
    for ask in (four.frame_id, four.crop, lambda r: four.thumbnails([r]), four.run_of):
        with pytest.raises(IndexError):
            ask(row)
    with pytest.raises(IndexError):
        four.label([row], GOOD)


def test_thumbnails_come_by_row_in_any_order(filled):
    rows = [99, 0, 50, 50]
    thumbnails = filled.thumbnails(rows)
    assert thumbnails.shape == (4, 64, 64)
    assert thumbnails[:, 3, 5].tolist() == rows


def test_labels_are_undone_and_redone(four):
    assert four.label([0, 1], GOOD).tolist() == [0, 1]
    assert four.label([1, 2], BAD).tolist() == [1, 2]
    assert four.undo().tolist() == [1, 2]
    assert four.labels(range(4)).tolist() == [1, 1, -1, -1]
    assert four.redo().tolist() == [1, 2]
    assert four.labels(range(4)).tolist() == [1, 0, 0, -1]
    assert four.counts().labelled == 3
    four.undo()
    four.label([3], GOOD)
    assert not four.can_redo


def test_labelling_as_before_is_no_decision_to_undo(four):
    four.label([0], GOOD)
    assert four.label([0], GOOD).tolist() == []
    four.undo()
    assert not four.can_undo
    assert four.labels([0]) == NONE


def test_the_final_verdict_is_the_operators_where_there_is_one(four):
    four.label([0], BAD)
    four.label([1], GOOD)
    assert four.final_verdicts(range(4)).tolist() == [0, 1, 1, 2]
    assert four.decided_rows(ExportPolicy.NETWORK).tolist() == [0, 2]
    assert four.decided_rows(ExportPolicy.OPERATOR).tolist() == [1]
    assert four.decided_rows(ExportPolicy.FINAL).tolist() == [1, 2]


def test_labelled_scores_leave_invalid_frames_out(four):
    four.label([0, 3], GOOD)
    four.label([1], BAD)
    p_good, is_good = four.labelled_scores()
    assert p_good.tolist() == pytest.approx([0.9, 0.1])
    assert is_good.tolist() == [True, False]


def test_a_file_read_at_once_has_a_series_by_frames(session, make_batch, make_probabilities):
    run = session.add_run("a", "/a", "file")
    batch = make_batch(100, written_at_s=np.full(100, 5.0))
    session.append(run, batch, make_probabilities(100), np.zeros(100, np.uint32))
    assert len(session.hit_rate_series(run, 1.0).time_s) == 1
    series = session.hit_rate_series(run, 1.0, bin_frames=25)
    assert series.first_row.tolist() == [0, 25, 50, 75]
    good = (session.verdicts(range(25)) == Verdict.GOOD).sum()
    assert series.hit_rate[0] == pytest.approx(good / 25)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(
                st.just("label"),
                st.lists(st.integers(0, 9), min_size=1, max_size=5),
                st.sampled_from(OperatorLabel),
            ),
            st.tuples(st.just("undo")),
            st.tuples(st.just("redo")),
            st.tuples(st.just("reopen")),
        ),
        max_size=25,
    )
)
def test_any_history_of_labels_equals_a_plain_list_of_states(tmp_path_factory, make_batch, steps):
    folder = tmp_path_factory.mktemp("history") / "s"
    session = Session(folder)
    try:
        session.append(
            session.add_run("a", "/a", "file"), make_batch(10), _p(*[0.5] * 10), np.zeros(10, "u4")
        )
        states, now = [[-1] * 10], 0
        for step in steps:
            if step[0] == "label":
                new = [int(step[2]) if r in step[1] else old for r, old in enumerate(states[now])]
                if new != states[now]:
                    states[now + 1 :] = [new]
                    now += 1
                session.label(step[1], step[2])
            elif step[0] == "undo":
                now = max(0, now - 1)
                session.undo()
            elif step[0] == "redo":
                now = min(len(states) - 1, now + 1)
                session.redo()
            else:
                session.close()
                session = Session(folder)
            assert session.labels(range(10)).tolist() == states[now]
            assert (session.can_undo, session.can_redo) == (now > 0, now < len(states) - 1)
            assert session.counts().labelled == sum(label >= 0 for label in states[now])
    finally:
        session.close()


def test_threads_may_append_label_look_and_threshold_together(
    session, make_batch, make_probabilities
):
    run = session.add_run("a", "/a", "watch")
    zeros, done, errors = np.zeros(16, np.uint32), threading.Event(), []

    def append():
        for number in range(150):
            batch = make_batch(16, 16 * number)
            session.append(run, batch, make_probabilities(16, number), zeros)
        done.set()

    def look():
        while not done.is_set():
            counts = session.counts()
            kinds = counts.good + counts.multi + counts.non_sample + counts.blank + counts.invalid
            assert kinds == counts.frames
            rows = session.select(RowFilter.GOOD, SortOrder.P_GOOD_HIGH)
            if len(rows):
                assert session.thumbnails(rows[-3:])[:, 0, 0].tolist() == (
                    (rows[-3:] % 251).tolist()
                )
                session.label(rows[:2], GOOD)
                session.undo()

    def threshold():
        number = 0
        while not done.is_set():
            number += 1
            session.set_rule(DecisionRule(threshold=(number % 9 + 1) / 10))

    def guarded(work):
        try:
            work()
        except BaseException as error:  # noqa: BLE001  told to the test's own thread
            errors.append(error)
            done.set()

    threads = [threading.Thread(target=guarded, args=(w,)) for w in (append, look, threshold)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert session.row_count == 2400
    assert session.frame_id(2399).name == "3399:5"
    session.set_rule(DecisionRule(0.5))
    p = session.probabilities(range(2400))[:, 0]
    assert session.counts().good == (p >= 0.5).sum()


def test_a_million_rows_are_counted_and_selected_right(session, make_batch):
    rng = np.random.default_rng(1)
    block = make_batch(50_000)
    session._folder.thumbnails.write = lambda *_: None  # 4 GB that this test does not look at
    runs = [session.add_run(name, f"/{name}", "file") for name in "ab"]
    scores = []
    for number in range(20):
        p = rng.dirichlet([0.3] * 4, 50_000).astype(np.float32)
        session.append(runs[number % 2], block, p, np.zeros(50_000, np.uint32))
        scores.append(p)
    p = np.concatenate(scores)
    counts = session.counts()
    assert (counts.frames, counts.good) == (1_000_000, (p[:, 0] >= 0.5).sum())
    assert counts.multi == ((p[:, 0] < 0.5) & (p[:, 1:].argmax(axis=1) == 0)).sum()
    first = np.arange(1_000_000) // 50_000 % 2 == 0
    good = np.flatnonzero(first & (p[:, 0] >= 0.5))
    found = session.select(RowFilter.GOOD, SortOrder.P_GOOD_HIGH, run=runs[0])
    assert np.array_equal(found, good[np.argsort(-p[good, 0], kind="stable")])


def test_a_full_disk_stops_neither_results_nor_looking(filled, make_batch, make_probabilities):
    def refuse(*_):
        raise SessionError("/s/thumbnails.bin: No space left on device")

    filled._folder.thumbnails.write = refuse
    filled.append(0, make_batch(5, 100), make_probabilities(5), np.zeros(5, np.uint32))
    assert filled.row_count == 105
    assert "No space left" in filled.problem
    assert filled.thumbnails([104]).max() == 0


def test_a_label_that_cannot_be_saved_is_not_shown(filled):
    filled._folder.journal._connection.close()
    with pytest.raises(SessionError, match=r"labels\.sqlite"):
        filled.label([1], GOOD)
    assert filled.labels([1]) == NONE
    assert not filled.can_undo


def test_a_temporary_session_leaves_no_folder():
    session = Session(None)
    folder = session.path
    assert folder.is_dir()
    session.close()
    session.close()
    assert not folder.exists()


def test_frames_judged_again_have_the_other_models_scores(filled, make_probabilities):
    filled.set_rule(DecisionRule(0.5, 0.3, 0.6))
    filled.label([3, 4], OperatorLabel.GOOD)
    rows = np.arange(20, 60)
    scores = make_probabilities(40, seed=9)
    flags = np.zeros(40, np.uint32)
    flags[0] = FrameFlag.OUT_OF_DISTRIBUTION
    revision = filled.revision
    filled.judged_again(rows, scores, flags, "other", "beef")
    assert filled.revision > revision
    np.testing.assert_array_equal(filled.probabilities(rows), scores)
    np.testing.assert_array_equal(filled.verdicts(rows) == Verdict.GOOD, scores[:, 0] >= 0.5)
    assert filled.flags([20, 21]).tolist() == flags[:2].tolist()
    assert filled.unsure([20])[0] == (scores[0, 0] >= 0.5 or 0.3 <= scores[0, 0] < 0.6)
    assert filled.model(20) == ("other", "beef")
    assert filled.model(19) == ("", "")
    assert filled.crop(20) == filled.crop(19)
    everything = np.arange(100)
    assert filled.counts().good == (filled.verdicts(everything) == Verdict.GOOD).sum()
    assert filled.counts(0).labelled == 2
    assert filled.rows_judged_by_others("beef").tolist() == [*range(20), *range(60, 100)]
    assert filled.rows_judged_by_others("beef", run=0).size == 60


def test_no_pattern_is_nobodys_to_judge_again(session, make_batch, make_probabilities):
    run = session.add_run("r", "/r", "file")
    flags = np.array([0, FrameFlag.UNREADABLE, 0], np.uint32)
    session.append(run, make_batch(3), make_probabilities(3), flags)
    assert session.rows_judged_by_others("beef").tolist() == [0, 2]
