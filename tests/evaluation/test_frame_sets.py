from __future__ import annotations

import pytest
import torch

from spi_viewer.errors import SpiViewerError
from spi_viewer.evaluation.frame_sets import SimulatedSet


def test_there_are_as_many_frames_as_asked_for_and_always_the_same() -> None:
    frames = SimulatedSet(("sphere", "rod"), 150, seed=2)
    first, again = ([batch.frames for batch in frames.batches()] for _ in range(2))
    assert [len(batch.frame_class) for batch in first] == [128, 22]
    for a, b in zip(first, again, strict=True):
        assert torch.equal(a.counts, b.counts)


def test_another_seed_gives_other_frames() -> None:
    one, other = (
        next(SimulatedSet(("sphere",), 64, seed=seed).batches()).frames for seed in (0, 1)
    )
    assert not torch.equal(one.counts, other.counts)


def test_the_conditions_say_what_is_needed_to_repeat_it() -> None:
    said = SimulatedSet(("sphere", "core_shell"), 1000, ("agipd",), seed=7).conditions
    for part in ("1,000", "3000000026", "sphere, core shell", "agipd", "cpu"):
        assert part in said


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        (SimulatedSet(("cube",), 64), "cube.*icosahedron"),
        (SimulatedSet(("sphere",), 64, ("film",)), "film.*agipd"),
    ],
)
def test_what_does_not_exist_is_answered_with_what_does(frames: SimulatedSet, told: str) -> None:
    with pytest.raises(SpiViewerError, match=told):
        frames.check()
