"""Accuracy on simulated frames, by brightness and by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spi_viewer.evaluation.answers import Answers
from spi_viewer.evaluation.report import Part
from spi_viewer.evaluation.table import Table
from spi_viewer.frames import FrameClass
from spi_viewer.networks.measurement import BRIGHT_PHOTONS

LOST, LET_IN = "good called bad", "bad called good"
BRIGHT, ALL = f"above {BRIGHT_PHOTONS:,} photons", "all"


def bright_and_all(answer: Answers) -> list[tuple[str, Answers]]:
    """The frames bright enough to be judged, and all, by their names in tables."""
    return [(BRIGHT, answer.select(answer.is_bright)), (ALL, answer)]


def accuracy_part(answers: Sequence[Answers]) -> Part:
    """Rates at each model's own threshold, for bright frames and for all, and by class."""
    rates = Table(
        "accuracy",
        "At each model's own threshold",
        ["model", "frames", "number", "threshold", "accuracy", LOST, LET_IN, "unfamiliar"],
    )
    classes = Table(
        "accuracy_by_class", "By what the frames are", ["model", "class", "number", "called good"]
    )
    for answer in answers:
        for name, part in bright_and_all(answer):
            unfamiliar = part.share(part.unfamiliar, np.ones(len(part), bool))
            row = [part.accuracy, part.lost, part.let_in, unfamiliar]
            rates.rows.append([answer.model, name, len(part), answer.threshold, *row])
        for frame_class in FrameClass:
            of_class = answer.frame_class == frame_class
            called = answer.share(answer.called_good, of_class)
            classes.rows.append([answer.model, frame_class.label, int(of_class.sum()), called])
    text = (
        "Good is exactly one particle. Blank frames have no photons from a sample and are among "
        "the frames of both kinds. Unfamiliar are frames that the model flags as unlike its "
        "training, whatever its verdict."
    )
    return Part("Accuracy on simulated frames", text, [rates, classes])
