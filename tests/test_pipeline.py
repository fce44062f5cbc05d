from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import dataclass

import h5py
import numpy as np
import pytest

from spi_viewer.errors import ModelError
from spi_viewer.frames import Crop, DecisionRule, FrameFlag, Verdict
from spi_viewer.inspector import Inspector
from spi_viewer.pipeline import BATCH_FRAMES, Pipeline
from spi_viewer.pipeline_status import UnjudgedFrame
from spi_viewer.session.session import RunState, Session
from spi_viewer.sources.local_reader import LocalReader
from spi_viewer.sources.reader import Position


@dataclass
class Answer:
    probabilities: np.ndarray
    out_of_distribution: np.ndarray
    features: np.ndarray | None = None


class BrightnessClassifier:
    """Says that bright frames are single; counts what it was asked."""

    name = "brightness"
    device_name = "CPU"
    model_hash = "0"
    rule = DecisionRule(threshold=0.5, unsure_low=0.4, unsure_high=0.6)

    def __init__(self):
        self.frames = 0
        self.hold = threading.Event()
        self.hold.set()

    def classify(self, counts, valid):
        assert self.hold.wait(20)
        self.frames += len(counts)
        p_single = (counts.mean(axis=(1, 2)) > 5).astype(np.float32)
        nothing = np.zeros_like(p_single)
        return Answer(np.stack([p_single, 1 - p_single, nothing, nothing], 1), nothing > 1)

    def explain(self, counts, valid):
        raise AssertionError("not asked for here")


def write_run(path, levels, shape=(128, 128), dtype=np.int32, **attributes):
    with h5py.File(path, "w") as file:
        stack = np.stack([np.full(shape, level) for level in levels]).astype(dtype)
        data = file.create_dataset("entry_1/data_1/data", data=stack, chunks=(1, *shape))
        data.attrs.update(attributes)
    return path


def wait_until(condition, limit_s=20.0):
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        threading.Event().wait(0.01)


@pytest.fixture
def session():
    session = Session(None)
    yield session
    session.close()


@pytest.fixture
def classifier():
    return BrightnessClassifier()


@pytest.fixture
def pipeline(session, classifier):
    pipeline = Pipeline(session, lambda: classifier, LocalReader)
    pipeline.start()
    yield pipeline
    pipeline.stop()


def state_of(session, run):
    return next(summary.state for summary in session.runs() if summary.run == run)


def finished(session, run):
    return lambda: state_of(session, run) in (RunState.DONE, RunState.FAILED)


def test_every_frame_of_a_file_is_judged_once_and_in_order(tmp_path, pipeline, session, classifier):
    levels = np.random.default_rng(0).integers(1, 10, 150)
    run = pipeline.open_file(write_run(tmp_path / "r.cxi", levels))
    wait_until(finished(session, run))
    assert session.row_count == classifier.frames == 150
    rows = np.arange(150)
    assert [session.frame_id(row).index for row in rows] == list(range(150))
    np.testing.assert_array_equal(session.verdicts(rows) == Verdict.GOOD, levels > 5)
    assert session.counts(run).good == (levels > 5).sum()


def test_frames_without_a_pattern_are_neither_judged_nor_bad(
    tmp_path, pipeline, session, classifier
):
    path = write_run(tmp_path / "r.cxi", [9, np.nan, 1], dtype=np.float32)
    run = pipeline.open_file(path)
    wait_until(finished(session, run))
    counts = session.counts(run)
    assert (counts.frames, counts.good, counts.bad, counts.invalid) == (3, 1, 1, 1)
    assert classifier.frames == 2
    assert session.flags(np.array([1]))[0] & FrameFlag.NO_VALID_PIXELS
    assert np.isnan(session.probabilities(np.array([1]))).all()


def test_a_refused_file_is_reported_and_the_next_run_goes_on(tmp_path, pipeline, session):
    broken = tmp_path / "broken.h5"
    broken.write_text("this is not a run")
    failed = pipeline.open_file(broken)
    good = pipeline.open_file(write_run(tmp_path / "r.cxi", [9, 9]))
    wait_until(finished(session, failed))
    wait_until(finished(session, good))
    assert state_of(session, failed) is RunState.FAILED
    assert session.counts(good).good == 2
    problems = pipeline.status().problems
    assert [problem.path for problem in problems] == [str(broken)]
    assert session.counts().bad == 0


def test_a_watched_directory_stays_live_and_takes_what_arrives(tmp_path, pipeline, session):
    run = pipeline.watch(tmp_path)
    for number in range(3):
        aside = write_run(tmp_path / f"r{number}.part", [9, 1])
        aside.rename(tmp_path / f"r{number}.cxi")
        wait_until(lambda number=number: session.row_count == 2 * (number + 1))
    assert state_of(session, run) is RunState.LIVE
    status = pipeline.status()
    assert status.frames_behind == 0
    assert status.newest_frame_age_s is not None
    pipeline.close_run(run)
    assert state_of(session, run) is RunState.DONE


def test_a_slow_network_holds_the_reader_back_and_loses_nothing(
    tmp_path, pipeline, session, classifier
):
    classifier.hold.clear()
    run = pipeline.open_file(write_run(tmp_path / "r.cxi", [9] * 200))
    wait_until(lambda: 0 < pipeline.status().frames_behind < 200)
    assert session.row_count == 0
    classifier.hold.set()
    wait_until(finished(session, run))
    assert session.counts(run).good == 200


def test_the_next_frames_are_read_while_the_last_are_judged(
    tmp_path, pipeline, session, classifier
):
    classifier.hold.clear()
    run = pipeline.open_file(write_run(tmp_path / "r.cxi", [9] * 400))
    ahead = 2 * BATCH_FRAMES  # one batch is judged, one waits for it, one for its place
    wait_until(lambda: pipeline._feeds.frames_ahead == ahead)
    threading.Event().wait(0.1)
    assert pipeline._feeds.frames_ahead == ahead
    assert pipeline.status().frames_behind == 400 - BATCH_FRAMES
    assert session.row_count == 0
    classifier.hold.set()
    wait_until(finished(session, run))
    assert session.row_count == 400


def test_a_closed_run_gets_no_frames_that_were_read_ahead(tmp_path, pipeline, session, classifier):
    classifier.hold.clear()
    closed = pipeline.open_file(write_run(tmp_path / "a.cxi", [9] * 400))
    wait_until(lambda: pipeline._feeds.frames_ahead == 2 * BATCH_FRAMES)
    pipeline.close_run(closed)
    run = pipeline.open_file(write_run(tmp_path / "b.cxi", [9] * 10))
    classifier.hold.set()
    wait_until(finished(session, run))
    assert session.counts(closed).frames == BATCH_FRAMES  # those that were being judged
    assert state_of(session, closed) is RunState.DONE
    assert pipeline.status().frames_behind == 0


def open_two_datasets(tmp_path, pipeline) -> int:
    """A run that waits for the operator to choose one of its datasets."""
    path = tmp_path / "two.h5"
    with h5py.File(path, "w") as file:
        file["first/stack"] = np.full((2, 128, 128), 9, np.int32)
        file["second/stack"] = np.full((3, 128, 128), 1, np.int32)
    run = pipeline.open_file(path)
    wait_until(lambda: pipeline.status().choices)
    return run


def test_the_operator_chooses_between_datasets(tmp_path, pipeline, session):
    run = open_two_datasets(tmp_path, pipeline)
    (choice,) = pipeline.status().choices
    assert state_of(session, run) is RunState.WAITING
    pipeline.choose_dataset(run, next(name for name in choice.candidates if "second" in name))
    wait_until(finished(session, run))
    assert session.counts(run).bad == 3
    assert not pipeline.status().choices


def test_a_run_that_is_stopped_instead_of_choosing_waits_no_more(tmp_path, pipeline, session):
    run = open_two_datasets(tmp_path, pipeline)
    pipeline.close_run(run)
    assert state_of(session, run) is RunState.DONE
    assert not pipeline.status().choices


def test_a_model_that_cannot_be_loaded_is_said_and_nothing_is_counted(tmp_path, session):
    def refuse():
        raise ModelError("resnet: the weights do not match their checksum")

    pipeline = Pipeline(session, refuse, LocalReader)
    pipeline.start()
    pipeline.open_file(write_run(tmp_path / "r.cxi", [9]))
    wait_until(lambda: pipeline.status().problems)
    assert "checksum" in pipeline.status().problems[0].text
    pipeline.stop()
    assert session.row_count == 0


def test_features_of_judged_frames_are_remembered_by_row(tmp_path, pipeline, session):
    class WithFeatures(BrightnessClassifier):
        def classify(self, counts, valid):
            answer = super().classify(counts, valid)
            answer.features = counts.mean(axis=(1, 2))[:, None].repeat(3, axis=1)
            return answer

    pipeline.use_model(WithFeatures)
    wait_until(lambda: isinstance(pipeline.classifier(), WithFeatures))
    path = write_run(tmp_path / "r.cxi", [9, np.nan, 1, 4], dtype=np.float32)
    wait_until(finished(session, pipeline.open_file(path)))
    rows, values = pipeline.features.snapshot()
    assert rows.tolist() == [0, 2, 3]
    assert values[:, 0].tolist() == [9, 1, 4]


def test_another_model_judges_what_comes_after(tmp_path, pipeline, session):
    class Generous(BrightnessClassifier):
        name, model_hash = "generous", "1"
        rule = DecisionRule(threshold=0.0, unsure_low=0.0, unsure_high=0.1)

    first = pipeline.open_file(write_run(tmp_path / "a.cxi", [9, 1]))
    wait_until(finished(session, first))
    pipeline.use_model(Generous)
    wait_until(lambda: pipeline.status().model == "generous")
    second = pipeline.open_file(write_run(tmp_path / "b.cxi", [9, 1]))
    wait_until(finished(session, second))
    assert [session.model(row) for row in range(4)] == [("brightness", "0")] * 2 + [
        ("generous", "1")
    ] * 2
    assert session.counts(second).good == 2
    assert session.rule == Generous.rule


def test_a_model_brings_its_threshold_though_its_weights_are_those_of_the_last(
    tmp_path, pipeline, session
):
    """Calibrated anew for other false positives."""

    class Stricter(BrightnessClassifier):
        name = "stricter"
        rule = DecisionRule(threshold=0.9, unsure_low=0.5, unsure_high=0.95)

    run = pipeline.open_file(write_run(tmp_path / "a.cxi", [9, 1]))
    wait_until(finished(session, run))
    pipeline.use_model(Stricter)
    wait_until(lambda: pipeline.status().model == "stricter")
    wait_until(lambda: session.rule == Stricter.rule)


@pytest.mark.parametrize(("model_hash", "kept"), [("0", True), ("another", False)])
def test_a_reopened_session_keeps_the_threshold_that_was_set_for_its_model(
    tmp_path, session, classifier, model_hash, kept
):
    session.set_model("brightness", model_hash)
    own = DecisionRule(threshold=0.83, unsure_low=0.3, unsure_high=0.9)
    session.set_rule(own)
    pipeline = Pipeline(session, lambda: classifier, LocalReader)
    pipeline.start()
    wait_until(lambda: pipeline.status().model == "brightness")
    run = pipeline.open_file(write_run(tmp_path / "a.cxi", [9, 1]))
    wait_until(finished(session, run))
    pipeline.stop()
    assert session.rule == (own if kept else classifier.rule)


@pytest.mark.parametrize("error", [ModelError("m: damaged"), ZeroDivisionError("oops")])
def test_a_model_that_cannot_be_loaded_leaves_the_old_one(tmp_path, pipeline, session, error):
    def refuse():
        raise error

    wait_until(lambda: pipeline.status().model == "brightness")
    pipeline.use_model(refuse)
    wait_until(lambda: pipeline.status().problems)
    assert str(error) in pipeline.status().problems[0].text
    assert not pipeline.status().loading_model
    run = pipeline.open_file(write_run(tmp_path / "a.cxi", [9, 1]))
    wait_until(finished(session, run))
    assert session.counts(run).good == 1
    assert pipeline.status().model == "brightness"


def test_a_model_that_works_makes_up_for_one_that_did_not(tmp_path, session, classifier):
    def refuse():
        raise ModelError("resnet: the weights do not match their checksum")

    pipeline = Pipeline(session, refuse, LocalReader)
    pipeline.start()
    run = pipeline.open_file(write_run(tmp_path / "r.cxi", [9]))
    wait_until(lambda: pipeline.status().problems)
    pipeline.use_model(lambda: classifier)
    wait_until(finished(session, run))
    pipeline.stop()
    assert session.counts(run).good == 1


def test_the_inspector_tells_what_judged_a_frame_and_what_explains_it(tmp_path, pipeline, session):
    class Explaining(BrightnessClassifier):
        name = "another"

        def explain(self, counts, valid):
            return "because"

    class Puzzled(BrightnessClassifier):
        def classify(self, counts, valid):
            answer = super().classify(counts, valid)
            return Answer(answer.probabilities, np.ones(len(counts), bool))

    pipeline.use_model(Puzzled)
    wait_until(lambda: isinstance(pipeline.classifier(), Puzzled))
    run = pipeline.open_file(write_run(tmp_path / "r.cxi", [9]))
    wait_until(finished(session, run))
    inspector = Inspector(session, Explaining, lambda _: None, LocalReader)
    inspector.start()
    inspector.request(0)
    wait_until(lambda: inspector.latest() is not None)
    seen = inspector.latest()
    inspector.stop()
    assert (seen.judged_by, seen.explained_by) == ("brightness", "another")
    assert seen.p_good == 1.0
    assert seen.is_unfamiliar
    assert seen.is_unsure
    assert seen.verdict is Verdict.GOOD


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no niceness")
def test_judging_yields_to_the_window_however_low_the_program_already_stands(
    tmp_path, session, classifier
):
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    seen = []

    def load():
        seen.append(niceness())
        return classifier

    def low() -> None:  # as started by `nice`; the pipeline's thread inherits it
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness() + 10)
        seen.append(niceness())
        with_low = Pipeline(session, load, LocalReader)
        with_low.start()
        wait_until(lambda: len(seen) == 2)
        with_low.stop()

    thread = threading.Thread(target=low)
    thread.start()
    thread.join()
    assert seen[1] == min(19, seen[0] + 10)


def test_stopping_in_the_middle_ends_the_thread(tmp_path, session, classifier):
    pipeline = Pipeline(session, lambda: classifier, LocalReader)
    pipeline.start()
    pipeline.open_file(write_run(tmp_path / "r.cxi", [9] * 300))
    wait_until(lambda: session.row_count > 0)
    pipeline.stop()
    assert not [
        thread for thread in threading.enumerate() if thread.name in ("pipeline", "reading")
    ]


def test_the_inspector_shows_the_frame_that_was_asked_for_last(
    tmp_path, pipeline, session, classifier
):
    run = pipeline.open_file(write_run(tmp_path / "r.cxi", range(1, 31)))
    wait_until(finished(session, run))
    inspector = Inspector(session, lambda: None, lambda _: None, LocalReader)
    for row in range(30):
        inspector.request(row)
    inspector.start()
    wait_until(lambda: inspector.latest() is not None)
    inspection = inspector.latest()
    assert inspection.row == 29
    assert (inspection.frame.pixels == 30).all()
    assert inspection.verdict is Verdict.GOOD
    assert inspection.explanation is None
    inspector.stop()


def test_the_inspector_says_why_a_frame_cannot_be_shown(tmp_path, pipeline, session):
    path = write_run(tmp_path / "r.cxi", [9])
    run = pipeline.open_file(path)
    wait_until(finished(session, run))
    path.unlink()
    inspector = Inspector(session, lambda: None, lambda _: None, LocalReader)
    inspector.start()
    inspector.request(0)
    wait_until(lambda: inspector.latest() is not None)
    assert str(path) in inspector.latest().error
    inspector.stop()


def test_the_inspector_looks_with_the_operators_crop(tmp_path, pipeline, session):
    run = pipeline.open_file(write_run(tmp_path / "r.cxi", [9], shape=(256, 256)))
    wait_until(finished(session, run))
    inspector = Inspector(session, lambda: None, lambda _: None, LocalReader)
    inspector.set_crop(run, Crop(64.0, 64.0, 1.0))
    inspector.start()
    inspector.request(0)
    wait_until(lambda: inspector.latest() is not None)
    assert inspector.latest().crop == Crop(64.0, 64.0, 1.0)
    assert (inspector.latest().counts[inspector.latest().valid] == 9).all()
    inspector.set_crop(run, None)
    inspector.request(0)
    wait_until(lambda: inspector.latest().crop == session.crop(0))
    assert (inspector.latest().counts == 36).all()
    inspector.stop()


@dataclass
class Reasons:
    probabilities: np.ndarray


class ExplainingClassifier(BrightnessClassifier):
    def explain(self, counts, valid):
        p_single = float(counts.mean() > 5)
        return Reasons(np.array([p_single, 1 - p_single, 0, 0], np.float32))


@pytest.fixture
def overloaded(tmp_path, session):
    """A watched directory with far more frames than are judged in time."""
    for age_s, name in enumerate("edcba"):
        path = write_run(tmp_path / f"{name}.cxi", [1] * BATCH_FRAMES)
        os.utime(path, (time.time() - age_s,) * 2)
    write_run(tmp_path / "f.cxi", [1] * (3 * BATCH_FRAMES) + [8])
    slow = ExplainingClassifier()
    slow.hold.clear()
    pipeline = Pipeline(session, lambda: slow, LocalReader)
    pipeline.start()
    run = pipeline.watch(tmp_path)
    yield pipeline, run
    slow.hold.set()
    pipeline.stop()


def test_the_newest_frame_is_seen_though_its_turn_comes_late(tmp_path, overloaded, session):
    pipeline, run = overloaded
    wait_until(lambda: pipeline.newest_unjudged(None) is not None)
    unjudged = pipeline.newest_unjudged(run)
    assert pipeline.newest_unjudged(run + 1) is None
    assert pipeline.status().newest_frame_age_s == pytest.approx(
        time.time() - (tmp_path / "f.cxi").stat().st_mtime, abs=1.0
    )
    inspector = Inspector(session, ExplainingClassifier, lambda _: None, LocalReader)
    inspector.start()
    inspector.request(unjudged)
    wait_until(lambda: inspector.latest() is not None)
    seen = inspector.latest()
    inspector.stop()
    assert session.row_count == 0
    assert seen.row is None
    assert (seen.id.path, seen.id.index) == (str(tmp_path / "f.cxi"), 3 * BATCH_FRAMES)
    assert (seen.frame.pixels == 8).all()
    assert seen.verdict is Verdict.GOOD
    assert seen.judged is None
    assert seen.p_good == 1.0


def test_work_that_keeps_up_shows_no_frame_before_its_turn(tmp_path, pipeline, session):
    run = pipeline.watch(tmp_path)
    for number in range(4):
        write_run(tmp_path / f"{number}.part", [9]).rename(tmp_path / f"{number}.cxi")
    wait_until(lambda: session.row_count == 4)
    assert pipeline.newest_unjudged(run) is None


def test_a_frame_that_was_judged_meanwhile_or_is_gone_is_not_looked_at(tmp_path, session):
    path = write_run(tmp_path / "r.cxi", [9, 9])
    run = session.add_run("r", str(tmp_path), "watch")
    inspector = Inspector(session, ExplainingClassifier, lambda _: None, LocalReader)
    inspector.start()
    crop = Crop(63.5, 63.5, 1.0)
    judged = UnjudgedFrame(run, Position(str(path), None, 2, 0.0), crop)
    gone = UnjudgedFrame(run, Position(str(tmp_path / "none.cxi"), None, 0, 0.0), crop)
    left = UnjudgedFrame(run, Position(str(path), None, 1, 0.0), crop)
    for wanted in (judged, gone):
        inspector.request(wanted)
        time.sleep(0.1)
        assert inspector.latest() is None
    inspector.request(left)
    wait_until(lambda: inspector.latest() is not None)
    assert inspector.latest().id.index == 1
    inspector.stop()


def test_an_unforeseen_fault_ends_its_run_and_no_other(tmp_path, pipeline, session, classifier):
    def fail(counts, valid):
        raise RuntimeError("device-side assert")

    judge, classifier.classify = classifier.classify, fail
    failed = pipeline.open_file(write_run(tmp_path / "a.cxi", [9, 1]))
    wait_until(finished(session, failed))
    classifier.classify = judge
    good = pipeline.open_file(write_run(tmp_path / "b.cxi", [9, 1]))
    wait_until(finished(session, good))
    assert state_of(session, failed) is RunState.FAILED
    assert "device-side assert" in pipeline.status().problems[0].text
    assert session.counts(good).good == 1
