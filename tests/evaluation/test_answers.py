from __future__ import annotations

import numpy as np
import pytest
import torch

from spi_viewer.evaluation.answers import gathered, judged
from spi_viewer.evaluation.frame_sets import EvaluationBatch
from spi_viewer.frames import FrameClass
from spi_viewer.networks.training_data import TrainingBatch


def batch(frames: int, first: float) -> TrainingBatch:
    counts = torch.rand(frames, 128, 128, generator=torch.Generator().manual_seed(frames))
    return TrainingBatch(
        counts=counts,
        valid=torch.ones_like(counts, dtype=torch.bool),
        frame_class=torch.arange(frames) % 4,
        photons=torch.arange(frames) + first,
        family=[f"family{n % 2}" for n in range(frames)],
    )


def test_every_model_answers_every_frame_in_order(toy_classifier) -> None:
    models = {"one": toy_classifier("one"), "two": toy_classifier("two")}
    found = gathered(judged(models, [EvaluationBatch(batch(5, 0)), EvaluationBatch(batch(3, 5))]))
    assert [answer.model for answer in found] == ["one", "two"]
    assert found[1].photons.tolist() == list(range(8))
    assert found[0].family[:3].tolist() == ["family0", "family1", "family0"]
    assert len(set(found[0].group.tolist())) == 8


def test_frames_of_an_event_stay_together_over_batches(toy_classifier) -> None:
    groups = [np.array(["a", "a", "b"]), np.array(["b", "c"])]
    batches = [EvaluationBatch(batch(3, 0), groups[0]), EvaluationBatch(batch(2, 3), groups[1])]
    (found,) = gathered(judged({"one": toy_classifier()}, batches))
    assert found.group.tolist() == ["a", "a", "b", "b", "c"]


def test_an_event_is_judged_by_its_mean_and_apart_for_each_label(answers) -> None:
    frames = answers(
        [0.9, 0.7, 0.2, 0.4, 0.6],
        [0, 0, 1, 0, 0],
        [10, 30, 20, 5, 5],
        group=["a", "a", "a", "b", "b"],
    )
    events = frames.by_group()
    rows = sorted(zip(events.group, events.frame_class, events.p_good, events.photons, strict=True))
    assert [(g, c) for g, c, *_ in rows] == [("a", 0), ("a", 1), ("b", 0)]
    assert [p for *_, p, _ in rows] == pytest.approx([0.8, 0.2, 0.5])
    assert [n for *_, n in rows] == [30, 20, 5]


def test_rates_are_at_the_models_own_threshold(answers) -> None:
    frames = answers([0.9, 0.6, 0.75, 0.1], [0, 0, 1, 2], threshold=0.7)
    assert frames.lost.value == 0.5
    assert frames.let_in.value == 0.5
    assert frames.accuracy.value == 0.5


def test_dim_frames_are_left_out_and_blank_ones_are_not(answers) -> None:
    frames = answers([0.5] * 3, [0, 1, FrameClass.BLANK], [100, 5000, 0])
    assert frames.is_bright.tolist() == [False, True, True]
