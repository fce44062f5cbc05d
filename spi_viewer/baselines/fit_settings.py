"""What every fit of a baseline is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Report = Callable[[int], None]


@dataclass(frozen=True)
class FitSettings:
    """How a baseline is fitted, whatever its kind.

    Attributes:
        name: of the model.
        frames: of the stream to take at most; None: as many as are good for the kind.
        false_positives: rate of bad frames that the threshold lets through.
        seed: of what is drawn at random.
        device: auto, cpu or cuda; for those that gain from a GPU.
        description: of the frames, for the card.
        report: called with the number of frames so far.
    """

    name: str
    frames: int | None = None
    false_positives: float = 0.005
    seed: int = 0
    device: str = "auto"
    description: dict[str, Any] = field(default_factory=dict)
    report: Report = lambda _: None
