"""Frames of another model are judged again, beside everything else that goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from spi_viewer.errors import RunFileError
from spi_viewer.frames import DecisionRule, FrameBatch, Verdict
from spi_viewer.networks.frame_classifier import Classification
from spi_viewer.pipeline import Pipeline
from spi_viewer.session.session import Session
from spi_viewer.sources.local_reader import LocalReader


class LevelClassifier:
    """Calls frames good that are brighter than its level."""

    device_name = "CPU"
    rule = DecisionRule(threshold=0.5, unsure_low=0.4, unsure_high=0.6)

    def __init__(self, level: float) -> None:
        self.level = level
        self.name = self.model_hash = f"level {level}"
        self.frames = 0
        self.go_on = threading.Event()
        self.go_on.set()

    def classify(self, counts: np.ndarray, valid: np.ndarray) -> Classification:
        assert self.go_on.wait(20)
        self.frames += len(counts)
        good = (counts.mean((1, 2)) > self.level).astype(np.float32)
        zeros = np.zeros_like(good)
        scores = np.stack([good, 1 - good, zeros, zeros], 1)
        return Classification(scores, zeros > 0, np.zeros((len(good), 4), np.float32))


def wait_until(condition: Callable[[], bool], limit_s: float = 20.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        threading.Event().wait(0.01)


def write_run(path: Path, levels: list[int]) -> Path:
    frames = np.stack([np.full((128, 128), level, np.int32) for level in levels])
    with h5py.File(path, "w") as file:
        file["entry_1/data_1/data"] = frames
    return path


class Setting:
    """Two runs that a first model judged, and a second one in use."""

    def __init__(self, folder: Path, session: Session) -> None:
        self.session = session
        self.first, self.second = LevelClassifier(2), LevelClassifier(6)
        self.pipeline = Pipeline(session, lambda: self.first, LocalReader)
        self.pipeline.start()
        levels = [1, 3, 5, 7, 9] * 20
        self.levels = np.array(levels + levels[:7])
        self.paths = [
            write_run(folder / "a.cxi", levels),
            write_run(folder / "b.cxi", levels[:7]),
        ]
        for path, row_count in zip(self.paths, (100, 107), strict=True):
            self.pipeline.open_file(path)
            wait_until(lambda count=row_count: session.row_count == count)
        self.pipeline.use_model(lambda: self.second)

    def judge_again(self, run: int | None = None) -> None:
        self.pipeline.judge_again(run)
        wait_until(lambda: self.pipeline.status().judging_again is None)

    def good(self) -> np.ndarray:
        return self.session.verdicts(np.arange(self.session.row_count)) == Verdict.GOOD

    def models(self) -> list[str]:
        return [self.session.model(row)[0] for row in range(self.session.row_count)]


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    session = Session(None)
    setting = Setting(tmp_path, session)
    yield setting
    for classifier in (setting.first, setting.second):
        classifier.go_on.set()
    setting.pipeline.stop()
    session.close()


def test_all_frames_get_the_verdicts_of_the_model_in_use(setting: Setting) -> None:
    np.testing.assert_array_equal(setting.good(), setting.levels > 2)
    setting.judge_again()
    np.testing.assert_array_equal(setting.good(), setting.levels > 6)
    assert set(setting.models()) == {"level 6"}
    assert setting.session.counts().good == (setting.levels > 6).sum()
    assert setting.session.row_count == len(setting.levels)
    rows, _ = setting.pipeline.features.snapshot()
    assert sorted(rows) == list(range(len(setting.levels)))


def test_a_run_is_judged_again_without_the_others(setting: Setting) -> None:
    setting.judge_again(run=1)
    assert setting.models() == ["level 2"] * 100 + ["level 6"] * 7


def test_nothing_is_judged_twice_by_one_model(setting: Setting) -> None:
    setting.judge_again()
    frames = setting.second.frames
    setting.judge_again()
    assert setting.second.frames == frames


def test_it_can_be_stopped_and_goes_on_where_it_was(setting: Setting) -> None:
    setting.second.go_on.clear()
    setting.pipeline.judge_again(None)
    wait_until(lambda: setting.pipeline.status().judging_again == (0, 107))
    setting.pipeline.stop_judging_again()
    setting.second.go_on.set()
    wait_until(lambda: setting.pipeline.status().judging_again is None)
    assert set(setting.models()) == {"level 2", "level 6"}
    setting.judge_again()
    assert set(setting.models()) == {"level 6"}
    assert setting.second.frames == len(setting.levels)


def test_a_model_put_in_use_meanwhile_judges_all_that_it_is_asked_for(setting: Setting) -> None:
    third = LevelClassifier(4)
    setting.second.go_on.clear()
    setting.pipeline.judge_again(None)
    wait_until(lambda: setting.pipeline.status().judging_again == (0, 107))
    setting.pipeline.use_model(lambda: third)
    setting.pipeline.judge_again(None)
    setting.second.go_on.set()
    wait_until(lambda: setting.pipeline.status().judging_again is None)
    assert setting.models() == ["level 4"] * 107
    np.testing.assert_array_equal(setting.good(), setting.levels > 4)


def test_it_may_be_asked_for_while_it_is_still_stopping(setting: Setting) -> None:
    setting.second.go_on.clear()
    setting.pipeline.judge_again(None)
    wait_until(lambda: setting.pipeline.status().judging_again == (0, 107))
    setting.pipeline.stop_judging_again()
    setting.pipeline.judge_again(None)
    setting.second.go_on.set()
    wait_until(lambda: setting.pipeline.status().judging_again is None)
    assert set(setting.models()) == {"level 6"}


def test_one_run_after_another_is_judged_again(setting: Setting) -> None:
    setting.second.go_on.clear()
    for run in (1, 0):
        setting.pipeline.judge_again(run)
    setting.second.go_on.set()
    wait_until(lambda: setting.pipeline.status().judging_again is None)
    assert set(setting.models()) == {"level 6"}


def test_frames_that_are_gone_keep_what_they_have(setting: Setting) -> None:
    setting.paths[0].unlink()
    setting.judge_again()
    assert setting.models() == ["level 2"] * 100 + ["level 6"] * 7
    (problem,) = setting.pipeline.status().problems
    assert problem.path == str(setting.paths[0])
    assert "not judged again" in problem.text


def test_new_frames_are_judged_meanwhile(setting: Setting, tmp_path: Path) -> None:
    wait_until(lambda: setting.pipeline.classifier() is setting.second)
    hangs, goes_on = threading.Event(), threading.Event()
    judge = setting.second.classify

    def classify(counts: np.ndarray, valid: np.ndarray) -> Classification:
        if threading.current_thread().name == "judging again":
            hangs.set()
            assert goes_on.wait(20)
        return judge(counts, valid)

    setting.second.classify = classify  # type: ignore[method-assign]
    setting.pipeline.judge_again(None)
    assert hangs.wait(20)
    setting.pipeline.open_file(write_run(tmp_path / "new.cxi", [9, 1]))
    wait_until(lambda: setting.session.row_count == len(setting.levels) + 2)
    goes_on.set()
    wait_until(lambda: setting.pipeline.status().judging_again is None)
    assert set(setting.models()) == {"level 6"}


def test_a_hanging_read_does_not_hold_up_the_end(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, ended = threading.Event(), threading.Event()

    class HangingReader(LocalReader):
        def read_batch(self, path: str, *_where: object) -> FrameBatch:  # type: ignore[override]
            hangs.set()
            assert ended.wait(20)
            raise RunFileError(path, "the reader has been closed")

        def close(self) -> None:
            ended.set()

    monkeypatch.setattr(setting.pipeline._again, "_make_reader", HangingReader)
    setting.pipeline.judge_again(None)
    assert hangs.wait(20)
    setting.pipeline.stop()
    assert ended.is_set()
    assert not [t for t in threading.enumerate() if t.name == "judging again"]
    assert not setting.pipeline.status().problems


def test_the_program_ends_in_the_middle_of_it(setting: Setting) -> None:
    setting.pipeline.judge_again(None)
    setting.pipeline.stop()
    assert not [t for t in threading.enumerate() if t.name == "judging again"]
