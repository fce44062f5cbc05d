"""Parts on simulated frames, which say of each frame what it is of and how bright."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spi_viewer.evaluation.answers import Answers
from spi_viewer.evaluation.curves import operating_curve
from spi_viewer.evaluation.drawing import Palette
from spi_viewer.evaluation.figures import draw_rates_by_name, draw_rates_by_photons
from spi_viewer.evaluation.intervals import Estimate, share
from spi_viewer.evaluation.report import Illustration, Part
from spi_viewer.evaluation.table import Table, pivoted
from spi_viewer.frames import FrameClass

LOST, TAKEN = "good called bad", "bad called good"
FIXED_FALSE_POSITIVES = (0.005, 0.01)
_DECILES = 10


def accuracy_part(answers: Sequence[Answers]) -> Part:
    """Rates at each model's own threshold, for bright frames and for all, and by class."""
    rates = Table(
        "accuracy",
        "At each model's own threshold",
        ["model", "frames", "number", "threshold", "accuracy", LOST, TAKEN, "unfamiliar"],
    )
    classes = Table(
        "accuracy_by_class",
        "By what the frames are",
        ["model", "class", "number", "called good"],
    )
    for answer in answers:
        bright = answer.select(answer.is_bright)
        for name, part in (("above 3,000 photons", bright), ("all", answer)):
            rates.rows.append([answer.model, name, len(part), answer.threshold, *error_rates(part)])
        for frame_class in FrameClass:
            of_class = answer.frame_class == frame_class
            called = share(answer.called_good, of_class)
            classes.rows.append([answer.model, frame_class.label, int(of_class.sum()), called])
    text = (
        "Good is exactly one particle. Unfamiliar are frames that the model flags as unlike its "
        "training, whatever its verdict."
    )
    return Part("Accuracy on simulated frames", text, [rates, classes])


def error_rates(answer: Answers) -> list[Estimate]:
    """Accuracy, good called bad, bad called good, and frames flagged as unfamiliar."""
    every = np.ones(len(answer), bool)
    return [
        share(answer.called_good == answer.is_good, every),
        share(~answer.called_good, answer.is_good),
        share(answer.called_good, ~answer.is_good),
        share(answer.unfamiliar, every),
    ]


def families_part(answers: Sequence[Answers], palette: Palette) -> Part:
    """Good frames lost by family, at the own threshold and at fixed false positives."""
    at_rate = [f"{LOST} at {100 * rate:g} % {TAKEN}" for rate in FIXED_FALSE_POSITIVES]
    table = Table(
        "families",
        "By family",
        ["model", "family", "good", LOST, *at_rate, "several", "several called good"],
    )
    for answer in answers:
        table.rows += [[answer.model, *row] for row in _family_rows(answer)]
    table.shown = pivoted(table, "family", "model", at_rate[0], f"By family: {at_rate[0]}")
    rates: dict[str, dict[str, Estimate]] = {answer.model: {} for answer in answers}
    for row in table.rows:
        assert isinstance(row[4], Estimate)
        rates[str(row[0])][str(row[1])] = row[4]
    text = (
        "For each model one threshold for all families, at which the stated share of all bad "
        "frames of this set is called good. The CSV also has each model's own threshold, and the "
        "multiple hits of each family that were called good."
    )
    caption = f"{at_rate[0].capitalize()}, by family, with 95 % intervals."
    figure = draw_rates_by_name(rates, at_rate[0], palette)
    return Part("Robustness by family", text, [table], [Illustration("families", caption, figure)])


def _family_rows(answer: Answers) -> list[list]:
    curve = operating_curve(answer.p_good, answer.is_good)
    strict = [answer.p_good >= curve.threshold_at(rate) for rate in FIXED_FALSE_POSITIVES]
    rows = []
    for family in sorted(set(answer.family[answer.is_good].tolist())):
        here = answer.family == family
        good, several = here & answer.is_good, here & (answer.frame_class == FrameClass.MULTI)
        lost = [share(~called, good) for called in (answer.called_good, *strict)]
        taken = share(answer.called_good, several)
        rows.append([family, int(good.sum()), *lost, int(several.sum()), taken])
    return rows


def photons_part(answers: Sequence[Answers], palette: Palette) -> Part:
    """Rates by decile of the photons that the sample scattered."""
    table = Table(
        "photons",
        "By decile of photons",
        ["model", "decile", "photons from", "photons to", "good", LOST, "bad", TAKEN],
    )
    centres: dict[str, list[float]] = {}
    lost: dict[str, list[Estimate]] = {}
    taken: dict[str, list[Estimate]] = {}
    for answer in answers:
        hits = answer.select(answer.frame_class != FrameClass.BLANK)
        edges = np.quantile(hits.photons, np.linspace(0, 1, _DECILES + 1)[1:-1])
        decile = np.searchsorted(edges, hits.photons)
        for number in np.unique(decile):
            part = hits.select(decile == number)
            _, of_good, of_bad, _ = error_rates(part)
            table.rows.append(
                [
                    answer.model,
                    int(number) + 1,
                    float(part.photons.min()),
                    float(part.photons.max()),
                    int(part.is_good.sum()),
                    of_good,
                    int((~part.is_good).sum()),
                    of_bad,
                ]
            )
            centres.setdefault(answer.model, []).append(float(np.exp(np.log(part.photons).mean())))
            lost.setdefault(answer.model, []).append(of_good)
            taken.setdefault(answer.model, []).append(of_bad)
    caption = "Errors by photons, a point a decile of the hits, with 95 % intervals."
    figure = draw_rates_by_photons(centres, lost, taken, palette)
    text = "Blank frames, which have no photons from the sample, are left out."
    return Part("By photons", text, [table], [Illustration("photons", caption, figure)])
