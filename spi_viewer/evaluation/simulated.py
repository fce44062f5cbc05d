"""Accuracy by class and by photons, on simulated frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spi_viewer.evaluation.answers import Answers
from spi_viewer.evaluation.drawing import Palette
from spi_viewer.evaluation.figures import draw_rates_by_photons
from spi_viewer.evaluation.report import Illustration, Part
from spi_viewer.evaluation.table import Cell, Table
from spi_viewer.frames import FrameClass
from spi_viewer.networks.intervals import Estimate
from spi_viewer.networks.measurement import BRIGHT_PHOTONS

LOST, LET_IN = "good called bad", "bad called good"
BRIGHT, ALL = f"above {BRIGHT_PHOTONS:,} photons", "all"
_DECILES = 10


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


def photons_part(answers: Sequence[Answers], palette: Palette) -> Part:
    """Rates by decile of the photons that the sample scattered."""
    table = Table(
        "photons",
        "By decile of photons",
        ["model", "decile", "photons from", "photons to", "good", LOST, "bad", LET_IN],
    )
    centres: dict[str, list[float]] = {}
    lost: dict[str, list[Estimate]] = {}
    let_in: dict[str, list[Estimate]] = {}
    for answer in answers:
        hits = answer.select(answer.photons > 0)
        if not len(hits):
            continue
        edges = np.quantile(hits.photons, np.linspace(0, 1, _DECILES + 1)[1:-1])
        decile = np.searchsorted(edges, hits.photons)
        for number in np.unique(decile).tolist():
            part = hits.select(decile == number)
            good = int(part.is_good.sum())
            ends = [float(part.photons.min()), float(part.photons.max())]
            rates: list[Cell] = [good, part.lost, len(part) - good, part.let_in]
            table.rows.append([answer.model, number + 1, *ends, *rates])
            centres.setdefault(answer.model, []).append(float(np.exp(np.log(part.photons).mean())))
            lost.setdefault(answer.model, []).append(part.lost)
            let_in.setdefault(answer.model, []).append(part.let_in)
    caption = (
        "Errors at each model's own threshold by photons, a point a decile of the hits, with 95 % "
        "intervals."
    )
    figure = draw_rates_by_photons(centres, lost, let_in, palette)
    text = "Blank frames, which have no photons from a sample, are left out."
    return Part("By photons", text, [table], [Illustration("photons", caption, figure)])
