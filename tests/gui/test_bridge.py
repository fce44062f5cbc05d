from __future__ import annotations

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from spi_viewer.gui.bridge import Bridge


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bridge(viewer, clock: Clock) -> Bridge:
    viewer.window.bridge.stop()
    made = Bridge(viewer.session, viewer.pipeline, viewer.inspector, clock)
    made.look()
    return made


def test_a_look_at_nothing_new_announces_nothing(qtbot: QtBot, bridge: Bridge) -> None:
    announced: list[str] = []
    for name in ("status_changed", "rows_changed", "counts_due", "charts_due"):
        getattr(bridge, name).connect(lambda *_, name=name: announced.append(name))
    bridge.look()
    assert announced == []


def test_many_appends_between_two_looks_are_one_change(viewer, bridge: Bridge) -> None:
    seen: list[int] = []
    bridge.rows_changed.connect(lambda: seen.append(1))
    for number in range(5):
        viewer.pipeline.add_frames(0, 1, start=60 + number)
    bridge.look()
    assert seen == [1]


def test_charts_are_drawn_less_often_than_counts(viewer, bridge: Bridge, clock: Clock) -> None:
    counts: list[float] = []
    charts: list[float] = []
    bridge.counts_due.connect(lambda: counts.append(clock.now_s))
    bridge.charts_due.connect(lambda: charts.append(clock.now_s))
    for tick in range(1, 41):  # two seconds of a run
        clock.now_s = tick * 0.05
        viewer.session.set_model(f"m{tick}", "")
        bridge.look()
    assert 8 <= len(counts) <= 11
    assert 1 <= len(charts) <= 3


def test_the_last_change_is_shown_even_if_nothing_follows(
    viewer, bridge: Bridge, clock: Clock
) -> None:
    seen: list[int] = []
    bridge.counts_due.connect(lambda: seen.append(viewer.session.counts().frames))
    viewer.pipeline.add_frames(0, 3, start=60)
    bridge.look()  # too early: the counts have just been shown
    clock.now_s = 10.0
    bridge.look()
    assert seen[-1] == 63


def test_one_failing_part_is_logged_once_and_the_others_still_show(
    viewer, bridge: Bridge, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("no status")

    monkeypatch.setattr(viewer.pipeline, "status", fail)
    seen: list[int] = []
    bridge.rows_changed.connect(lambda: seen.append(1))
    for number in range(3):
        viewer.pipeline.add_frames(0, 1, start=70 + number)
        bridge.look()
    assert len(seen) == 3
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1


def test_a_new_status_is_announced(qtbot: QtBot, viewer, bridge: Bridge, clock: Clock) -> None:
    viewer.pipeline.state = replace(viewer.pipeline.state, frames_behind=7)
    clock.now_s = 1.0
    with qtbot.waitSignal(bridge.status_changed) as announced:
        bridge.look()
    assert announced.args[0].frames_behind == 7


def test_one_kind_of_news_is_told_at_a_tick_and_each_gets_its_turn(
    qtbot: QtBot, viewer, bridge: Bridge, clock: Clock
) -> None:
    told: list[str] = []
    ticks: list[int] = []
    for name in ("status_changed", "rows_changed", "counts_due", "charts_due"):
        getattr(bridge, name).connect(lambda *_, name=name: told.append(name))
    bridge.ticked.connect(lambda _now_s: ticks.append(len(told)))
    clock.now_s = 5.0
    viewer.pipeline.state = replace(viewer.pipeline.state, frames_behind=9)
    viewer.pipeline.add_frames(0, 1, start=90)
    bridge.start()
    qtbot.waitUntil(lambda: len(ticks) >= 6)
    bridge.stop()
    assert sorted(told) == ["charts_due", "counts_due", "rows_changed", "status_changed"]
    assert ticks[:5] == [1, 2, 3, 4, 4]


def test_news_without_end_keep_no_other_waiting(
    qtbot: QtBot, viewer, bridge: Bridge, clock: Clock
) -> None:
    told: list[str] = []
    bridge.counts_due.connect(lambda: told.append("counts"))
    bridge.charts_due.connect(lambda: told.append("charts"))
    clock.now_s = 5.0

    def add_another() -> None:  # as a fast run does: new rows at every tick
        told.append("rows")
        viewer.session.set_model(f"m{len(told)}", "")

    bridge.rows_changed.connect(add_another)
    viewer.session.set_model("m", "")
    bridge.start()
    qtbot.waitUntil(lambda: {"counts", "charts"} <= set(told))
    bridge.stop()
