"""A baseline is fitted, calibrated and measured on frames of its own, as a network is."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from spi_viewer.baseline_jobs import BASELINES, fit_baseline
from spi_viewer.errors import ModelError
from spi_viewer.frames import FrameClass
from spi_viewer.networks.training_data import TrainingBatch
from spi_viewer.training_frames import HeldBackSet, SimulatedData


def bright_or_dark(seed: int, frames: int = 32) -> TrainingBatch:
    """Half rings, half nothing."""
    generator = torch.Generator().manual_seed(seed)
    good = torch.arange(frames) % 2 == 0
    axis = torch.arange(128) - 63.5
    rings = 5 + 5 * torch.sin(torch.hypot(axis[:, None], axis) / 3)
    counts = torch.poisson(torch.where(good[:, None, None], rings, 0.01), generator=generator)
    frame_class = torch.where(good, int(FrameClass.SINGLE), int(FrameClass.BLANK))
    valid = torch.ones(counts.shape, dtype=torch.bool)
    photons = counts.sum((1, 2)) * good
    return TrainingBatch(counts, valid, frame_class, photons, ["ring"] * frames)


@dataclass
class ToyData:
    """Frames of `bright_or_dark`; notes when its stream is closed."""

    closed: int = 0

    def training_stream(self, batch: int, seeds: tuple[int, ...], device: str):
        try:
            for number in itertools.count():
                yield bright_or_dark(number, batch)
        finally:
            self.closed += 1

    def validation_set(self, frames: int, seed: int) -> list[TrainingBatch]:
        return [bright_or_dark(10_000, frames)]

    def test_sets(self, frames: int, seed: int) -> dict[str, HeldBackSet]:
        return {"test": HeldBackSet("toys", [bright_or_dark(20_000, frames)])}

    def description(self) -> dict[str, Any]:
        return {"data": "toys"}


@pytest.mark.parametrize("kind", ["diffusion_map", "lit_pixels"])
def test_the_card_has_the_figures_of_frames_that_were_held_back(tmp_path, kind):
    data, told = ToyData(), []
    sizes = {"frames": 100, "validation_frames": 40, "test_frames": 50}
    card = fit_baseline(kind, data, tmp_path / "toy", progress=told.append, seed=3, **sizes)
    stored = json.loads((tmp_path / "toy" / "model.json").read_text())
    assert stored["name"] == card.name == "toy"
    assert stored["figures"] == card.figures
    assert stored["figures"]["test"]["conditions"] == "toys"
    assert stored["figures"]["test"]["frames"] == 50
    assert stored["figures"]["test"]["all"]["accuracy"] == 1
    assert stored["figures"]["validation"]["frames"] == 40
    assert stored["training"] | {"data": "toys", "seed": 3, "frames": 100} == stored["training"]
    assert told[-1] == 100
    assert data.closed == 1


def test_a_stream_is_closed_when_the_fit_fails(tmp_path):
    data = ToyData()
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match="cannot be written"):
        fit_baseline("lit_pixels", data, tmp_path / "file", frames=64, validation_frames=8)
    assert data.closed == 1


def test_validation_frames_of_one_kind_are_refused(tmp_path, monkeypatch):
    batch = bright_or_dark(0)
    batch.frame_class[:] = FrameClass.SINGLE
    monkeypatch.setattr(ToyData, "validation_set", lambda *_: [batch])
    with pytest.raises(ModelError, match="all good"):
        fit_baseline("lit_pixels", ToyData(), tmp_path)


def test_an_unknown_kind_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(ModelError, match=", ".join(BASELINES)):
        fit_baseline("oracle", SimulatedData(("sphere",)), tmp_path)
