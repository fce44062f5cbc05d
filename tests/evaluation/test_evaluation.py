from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from spi_viewer.errors import EvaluationError
from spi_viewer.evaluation import fixed_rate, speed
from spi_viewer.evaluation.evaluation import Plan, evaluate
from spi_viewer.evaluation.frame_sets import EvaluationBatch, SimulatedSet
from spi_viewer.evaluation.report import Report
from spi_viewer.networks import intervals


@dataclass
class ReplayedRun:
    """Frames that were simulated once, in events of four; may be interrupted."""

    batch: object
    name: str = "run.cxi"
    conditions: str = "run.cxi with labels.csv"
    frames: int = 64
    interrupted: bool = False

    def batches(self) -> Iterator[EvaluationBatch]:
        yield EvaluationBatch(self.batch, np.arange(64) // 4)
        if self.interrupted:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def simulated() -> SimulatedSet:
    return SimulatedSet(("sphere", "rod"), 64)


@pytest.fixture(scope="module")
def run(simulated: SimulatedSet) -> ReplayedRun:
    return ReplayedRun(next(simulated.batches()).frames)


@pytest.fixture
def plan(
    toy_model, simulated: SimulatedSet, run: ReplayedRun, monkeypatch: pytest.MonkeyPatch
) -> Plan:
    monkeypatch.setattr(speed, "_ROUNDS", 2)
    for module in (intervals, fixed_rate):
        monkeypatch.setattr(module, "RESAMPLES", 10)
    models = [toy_model("net", families=["sphere"]), toy_model("finder", has_maps=False)]
    return Plan(models, simulated, [run])


def test_a_report_has_all_parts_and_every_link_leads_somewhere(plan: Plan, tmp_path: Path) -> None:
    shown: list[tuple[str, int, int]] = []
    report = Report.begin(tmp_path / "r", ["Command: `x`"])
    evaluate(plan, report, lambda *line: shown.append(line))
    text = (tmp_path / "r/report.md").read_text()
    titles = re.findall(r"^## (.*)$", text, re.M)
    assert titles == [
        "Missing",
        "Models",
        "Beside the poster",
        "Accuracy on simulated frames",
        "Robustness by family",
        "By photons",
        "By fringes",
        "All thresholds, and low hit rates",
        "Calibration",
        "Measured run: run.cxi",
        "Activation maps",
        "Speed",
    ]
    assert "--figure-6" in text
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 20
    for link in links:
        assert (tmp_path / "r" / link).stat().st_size > 0
    for figure in (tmp_path / "r/figures").iterdir():
        assert figure.read_bytes().startswith(b"\x89PNG")
    speeds = (tmp_path / "r/tables/speed.csv").read_text().splitlines()[1:]
    assert min(float(line.rsplit(",", 1)[1]) for line in speeds) == 1  # the slowest
    done = [line[1] for line in shown]
    assert done == sorted(done)
    assert shown[-1][1] == shown[-1][2]


def test_an_interrupted_report_keeps_what_is_done_and_says_where_it_stopped(
    plan: Plan, run: ReplayedRun, tmp_path: Path
) -> None:
    stopping = ReplayedRun(run.batch, interrupted=True)
    plan = Plan(plan.models, plan.simulated, [stopping])
    report = Report.begin(tmp_path / "r", [])
    with pytest.raises(KeyboardInterrupt):
        evaluate(plan, report)
    text = (tmp_path / "r/report.md").read_text()
    assert text.startswith("# Evaluation (unfinished)")
    assert "stopped while judging run.cxi" in text
    assert "## Calibration" in text
    assert "## Speed" not in text
    Report.begin(tmp_path / "r", [])  # without being forced


@dataclass
class Frames:
    """Any batches under a name."""

    given: list[EvaluationBatch]
    name: str = "frames"
    conditions: str = "frames"
    frames: int = 64

    def batches(self) -> Iterator[EvaluationBatch]:
        yield from self.given


def test_frames_of_one_kind_are_refused_with_the_way_out(
    plan: Plan, run: ReplayedRun, tmp_path: Path
) -> None:
    good = run.batch.select((run.batch.frame_class == 0).nonzero()[:, 0])
    with pytest.raises(EvaluationError, match=r"all good or all bad.*--frames"):
        evaluate(
            Plan(plan.models, Frames([EvaluationBatch(good)])), Report.begin(tmp_path / "r", [])
        )


def test_a_run_without_labels_is_named(plan: Plan, tmp_path: Path) -> None:
    empty = Frames([], name="run7.cxi")
    with pytest.raises(EvaluationError, match=r"run7\.cxi: there is no frame with a label"):
        evaluate(Plan(plan.models, plan.simulated, [empty]), Report.begin(tmp_path / "r", []))
