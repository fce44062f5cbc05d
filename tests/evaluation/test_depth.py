from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from spi_viewer.evaluation import depth
from spi_viewer.evaluation.depth import DepthStudy, turned
from spi_viewer.evaluation.progress import Progress
from spi_viewer.networks.training_step import Update


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DepthStudy:
    monkeypatch.setattr(depth, "_EPOCHS", 2)
    monkeypatch.setattr(depth, "_LEAST_STEPS", 1)
    return DepthStudy(64, ("sphere",), 0, tmp_path, "cpu", sizes=((1, 1),))


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of updates done, as the length; the third of them is interrupted."""
    step, done = Update.step, []

    def counted(*arguments):
        done.append(len(done))
        if len(done) == 3:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(Update, "step", counted)
    return done


def test_an_interrupted_study_resumes_and_a_finished_network_stays(
    study: DepthStudy, steps: list[int]
) -> None:
    shown: list[int] = []
    progress = Progress(lambda _text, done, _total: shown.append(done))
    progress.total = study.frames_seen
    progress.begin("training", study.frames_seen)
    with pytest.raises(KeyboardInterrupt):
        list(study.points(progress))
    (point,) = study.points(progress)
    assert len(steps) == 3 + 2  # two passes of two steps, one of them tried twice
    assert (point.n, point.m) == (1, 1)
    assert point.training is not None
    assert 0 <= point.training.value <= 1
    assert next(study.points(progress)).validation == point.validation
    assert len(steps) == 5
    assert study.frames_seen == 2 * 64
    assert max(shown) == study.frames_seen


def test_networks_of_other_families_are_trained_anew(study: DepthStudy, tmp_path: Path) -> None:
    other = dataclasses.replace(study, families=("torus",))
    for one in (study, other):
        list(one.points(Progress()))
    cards = sorted(tmp_path.rglob("model.json"))
    assert len(cards) == 2
    families = [json.loads(card.read_text())["training"]["families"] for card in cards]
    assert sorted(families) == [["sphere"], ["torus"]]


def test_frames_and_masks_are_turned_together() -> None:
    counts = torch.arange(2 * 16.0).reshape(2, 4, 4)
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for _ in range(40):
        new_counts, new_valid = turned(counts, counts > 7, torch.zeros(2), generator)
        assert torch.equal(new_counts > 7, new_valid)
        seen.add(tuple(new_counts[0].flatten().tolist()))
    assert len(seen) == 8
