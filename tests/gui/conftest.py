"""A window on a real session with a made-up run behind it; no thread, no file, no network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyqtgraph as pg
import pytest
from numpy.typing import NDArray
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from spi_viewer.adapt_run import AdaptationReport, label_counts
from spi_viewer.feature_memory import FeatureMemory
from spi_viewer.frames import (
    Crop,
    DetectorGeometry,
    FrameBatch,
    FrameFlag,
    FrameId,
    FullFrame,
    Verdict,
)
from spi_viewer.gui.adapt_dialog import AdaptationOrder
from spi_viewer.gui.export_form import ExportOrder
from spi_viewer.gui.model_choice import ModelChoice
from spi_viewer.inspection import Inspection
from spi_viewer.pipeline_status import PipelineStatus, UnjudgedFrame
from spi_viewer.preprocessing.cropping import bin_and_crop, thumbnail
from spi_viewer.session.session import RunState, Session
from spi_viewer.settings import Settings

SIDE_PX = 128
GEOMETRY = DetectorGeometry(photon_energy_ev=1700.0, distance_m=0.58, pixel_size_m=150e-6)
CROP = Crop(63.5, 63.5, 1.0)


def ring_pattern(number: int) -> NDArray[np.int32]:
    """Photons of a sphere, or of two (every third frame), (128, 128), with a beam stop."""
    random = np.random.default_rng(number)
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX] - 63.5
    radius = np.hypot(x, y) + 1e-3
    u = radius * random.uniform(0.25, 0.5)
    intensity = 4e4 * random.uniform(0.05, 1) * ((np.sin(u) - u * np.cos(u)) / u**3) ** 2
    if number % 3 == 2:
        intensity *= 1 + np.cos(0.3 * (x * random.normal() + y * random.normal()))
    photons = random.poisson(intensity + 0.02).astype(np.int32)
    photons[radius < 5] = -1
    return photons


def fake_batch(run_name: str, start: int, count: int, written_at_s: float) -> FrameBatch:
    """Frames start .. start + count of a made-up run; one in 40 was never written."""
    frames = [ring_pattern(number) for number in range(start, start + count)]
    cut = [bin_and_crop(frame, frame >= 0, CROP) for frame in frames]
    flags = np.zeros(count, np.uint32)
    flags[[n for n in range(count) if (start + n) % 40 == 39]] = int(FrameFlag.NOT_WRITTEN)
    return FrameBatch(
        ids=[FrameId(f"/data/{run_name}", "/entry/data", start + n) for n in range(count)],
        counts=np.stack([counts for counts, _ in cut]),
        valid=np.stack([valid for _, valid in cut]),
        thumbnails=np.stack([thumbnail(counts, valid) for counts, valid in cut]),
        flags=flags,
        photons=np.array([counts.sum() for counts, _ in cut], np.float64),
        written_at_s=written_at_s + np.arange(count) / 20.0,
        crop=CROP,
        geometry=GEOMETRY,
    )


def fake_probabilities(start: int, count: int) -> NDArray[np.float32]:
    """(count, 4): every third frame single, some undecided."""
    random = np.random.default_rng(start + 1)
    kinds = (np.arange(start, start + count) * 7919) % 9
    logits = random.normal(0, 0.7, (count, 4))
    logits[np.arange(count), np.choose(kinds % 9, [0, 0, 1, 1, 1, 2, 3, 3, 3])] += 3.4
    odds = np.exp(logits)
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


@dataclass
class FakeExplanation:
    """What a network tells about a frame; same names as networks.activation_maps.Explanation."""

    probabilities: NDArray[np.float32]
    network_input: NDArray[np.float32]
    class_maps: NDArray[np.float32]
    layers: list[Any]


@dataclass
class FakeLayer:
    name: str
    maps: NDArray[np.float32]


def fake_explanation(counts: NDArray[np.float32], seed: int) -> FakeExplanation:
    """Smooth maps that look like something."""
    root = np.sqrt(counts)
    small = root.reshape(32, 4, 32, 4).mean(axis=(1, 3))
    tiny = small.reshape(16, 2, 16, 2).mean(axis=(1, 3))
    maps = np.stack([root - root.mean(), small.repeat(4, 0).repeat(4, 1), root > 1]).astype("f4")
    return FakeExplanation(
        fake_probabilities(seed, 1)[0],
        maps,
        np.stack([np.kron(tiny, np.ones((8, 8))) * sign for sign in (1, -0.4, 0.3, -1)]).astype(
            "f4"
        ),
        [
            FakeLayer("stem", np.stack([root[::2, ::2] * (1 + n) for n in range(16)])),
            FakeLayer("block 1", np.stack([np.roll(small, n, 0) for n in range(32)])),
            FakeLayer("block 2", np.stack([np.roll(tiny, n, 1) for n in range(64)])),
        ],
    )


class FakePipeline:
    """Records what the window asks for; frames come when the test says so."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.state = PipelineStatus(device="CPU", model="resnet10")
        self.opened: list[tuple[str, str]] = []
        self.closed: list[int] = []
        self.crops: list[tuple[int, Crop | None]] = []
        self.judged_again: list[int | None] = []
        self.chosen: list[tuple[int, str]] = []
        self.features = FeatureMemory()
        self.unjudged: UnjudgedFrame | None = None

    def open_file(self, path: str | Path, dataset: str | None = None) -> int:
        self.opened.append(("file", str(path)))
        return self._add(path, "file", RunState.READING)

    def watch(self, directory: str | Path, kind: Any = "watch") -> int:
        self.opened.append((kind, str(directory)))
        return self._add(directory, kind, RunState.LIVE)

    def _add(self, path: str | Path, kind: Any, state: RunState) -> int:
        run = self.session.add_run(Path(path).name, str(path), kind)
        self.session.set_run_state(run, state)
        return run

    def add_frames(self, run: int, count: int, start: int = 0, at_s: float | None = None) -> None:
        batch = fake_batch(f"run{run}.cxi", start, count, at_s or time.time() - count / 20)
        probabilities = fake_probabilities(start, count)
        probabilities[batch.flags != 0] = np.nan
        judged = np.flatnonzero(batch.flags == 0)
        rows = self.session.row_count + judged
        self.session.append(run, batch, probabilities, batch.flags)
        self.features.add("0", rows, np.log(probabilities[judged] + 1e-3))

    def add_unfamiliar_frames(self, run: int, count: int, p_good: float) -> None:
        batch = fake_batch("strange.cxi", 1000, count, time.time())
        batch.flags[:] = int(FrameFlag.OUT_OF_DISTRIBUTION)
        probabilities = np.tile(np.array([p_good, 1 - p_good, 0, 0], np.float32), (count, 1))
        self.session.append(run, batch, probabilities, batch.flags)

    def close_run(self, run: int) -> None:
        self.closed.append(run)
        self.session.set_run_state(run, RunState.DONE)

    def judge_again(self, run: int | None) -> None:
        self.judged_again.append(run)
        self.state = replace(self.state, judging_again=(30, 120))

    def stop_judging_again(self) -> None:
        self.state = replace(self.state, judging_again=None)

    def choose_dataset(self, run: int, dataset: str) -> None:
        self.chosen.append((run, dataset))
        self.state = replace(self.state, choices=())

    def set_crop(self, run: int, crop: Crop | None) -> None:
        self.crops.append((run, crop))

    def status(self) -> PipelineStatus:
        return self.state

    def newest_unjudged(self, run: int | None) -> UnjudgedFrame | None:
        return self.unjudged


@dataclass
class FakeInspector:
    """Answers at the next look, like the real one."""

    session: Session
    requests: list[int | UnjudgedFrame] = field(default_factory=list)
    crops: dict[int, Crop | None] = field(default_factory=dict)
    _latest: Inspection | None = None

    def set_crop(self, run: int, crop: Crop | None) -> None:
        self.crops[run] = crop

    def request(self, row: int | UnjudgedFrame) -> None:
        self.requests.append(row)
        if isinstance(row, UnjudgedFrame):
            self._latest = replace(
                self._latest,
                row=None,
                run=row.run,
                id=FrameId(row.position.path, "/entry/data", 7),
                judged=None,
                judged_by="",
            )
            return
        frame_id, crop = self.session.frame_id(row), self.session.crop(row)
        pixels = ring_pattern(frame_id.index)
        valid = pixels >= 0
        counts, cut = bin_and_crop(pixels, valid, crop)
        flags = FrameFlag(int(self.session.flags([row])[0]))
        explanation = fake_explanation(counts, frame_id.index)
        explanation.probabilities = self.session.probabilities([row])[0]
        verdict = Verdict(int(self.session.verdicts([row])[0]))
        frame = FullFrame(frame_id, pixels, valid, flags, crop, GEOMETRY, {"pulse_energy_mj": 2.1})
        self._latest = Inspection(
            row=row,
            run=self.session.run_of(row),
            id=frame_id,
            crop=crop,
            verdict=verdict,
            threshold=self.session.rule.threshold,
            frame=frame,
            counts=counts,
            valid=cut,
            per_pixel=((counts - counts.mean()) / counts.std()).astype(np.float32),
            explanation=explanation if verdict is not Verdict.INVALID else None,  # type: ignore[arg-type]
            explained_by="resnet10",
            judged_by="resnet10",
            judged=explanation.probabilities if verdict is not Verdict.INVALID else None,
            flags=FrameFlag(int(self.session.flags([row])[0])),
            is_unsure=bool(self.session.unsure([row])[0]),
        )

    def latest(self) -> Inspection | None:
        return self._latest


@dataclass
class Viewer:
    """The window and the fakes behind it."""

    window: Any
    session: Session
    pipeline: FakePipeline
    inspector: FakeInspector
    settings: Settings
    exported: list[ExportOrder]
    models_asked: list[str]
    adaptation: FakeAdaptation

    @property
    def title(self) -> str:
        """Which frame is on the screen, as it stands above the pattern."""
        return self.window.pattern.header.title.text()


class FakeAdaptation:
    """Adapts at once, and says how it was asked to."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.orders: list[tuple[str, int | None, AdaptationOrder]] = []

    def free_folder(self, name: str) -> Path:
        return Path("/models") / name

    def label_counts(self, run: int | None) -> tuple[int, int]:
        return label_counts(self.session, run)

    def adapt(
        self, model: str, run: int | None, order: AdaptationOrder, cancelled: Callable[[], bool]
    ) -> AdaptationReport:
        self.orders.append((model, run, order))
        return AdaptationReport(True, "before 0.7\nafter 0.9")


def make_viewer(
    session: Session, settings: Settings, export_frames: Callable[..., Any] | None = None
) -> Viewer:
    """A window on fakes."""
    from spi_viewer.gui.main_window import MainWindow

    pipeline, inspector = FakePipeline(session), FakeInspector(session)
    exported: list[ExportOrder] = []
    models_asked: list[str] = []

    def export(order: ExportOrder, progress: Any, cancelled: Any) -> str:
        exported.append(order)
        progress(len(order.rows), len(order.rows))
        return f"{len(order.rows)} frames written to {order.destination}"

    adaptation = FakeAdaptation(session)
    window = MainWindow(
        session,
        pipeline,  # type: ignore[arg-type]
        inspector,  # type: ignore[arg-type]
        settings,
        export_frames or export,
        adaptation,  # type: ignore[arg-type]
        ModelChoice(("resnet10", "best"), settings.model, models_asked.append),
        start_demo=lambda: Path("/tmp"),
    )
    return Viewer(
        window, session, pipeline, inspector, settings, exported, models_asked, adaptation
    )


@pytest.fixture(autouse=True)
def plain_application(qapp: QApplication) -> Iterator[None]:
    """Each test starts without a theme's style sheet and leaves no window open."""
    pg.setConfigOptions(antialias=False, mouseRateLimit=-1)  # no move may be dropped
    yield
    qapp.setStyleSheet("")
    for widget in qapp.topLevelWidgets():
        widget.close()


@pytest.fixture
def session() -> Iterator[Session]:
    """A temporary session, removed afterwards."""
    opened = Session(None)
    yield opened
    opened.close()


@pytest.fixture
def make_batch() -> Callable[[int], FrameBatch]:
    """Makes a batch of so many made-up frames."""
    return lambda count: fake_batch("run.cxi", 0, count, time.time())


@pytest.fixture
def new_viewer(qtbot: QtBot, session: Session) -> Callable[[Settings], Viewer]:
    """Makes windows that were not shown yet."""

    def make(settings: Settings) -> Viewer:
        made = make_viewer(session, settings)
        qtbot.addWidget(made.window)
        return made

    return make


@pytest.fixture
def empty_viewer(qtbot: QtBot, session: Session) -> Iterator[Viewer]:
    """The whole window without a run, shown."""
    made = make_viewer(session, Settings(model="resnet10"))
    qtbot.addWidget(made.window)
    made.window.show()
    qtbot.waitExposed(made.window)
    yield made
    made.window.close()


@pytest.fixture
def viewer(qtbot: QtBot, session: Session) -> Iterator[Viewer]:
    """The whole window with a run of 60 frames, shown."""
    made = make_viewer(session, Settings(model="resnet10"))
    qtbot.addWidget(made.window)
    run = made.pipeline.open_file("/data/run0.cxi")
    made.pipeline.add_frames(run, 60)
    made.window.select_run(run)
    made.window.show()
    qtbot.waitExposed(made.window)
    made.window.bridge.look()
    made.window.bridge.look()
    qtbot.waitUntil(lambda: made.title == "run0.cxi · frame 59")
    yield made
    made.window.close()
