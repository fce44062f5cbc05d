"""All thresholds at once: operating curves, and precision where few frames are good."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spi_viewer.evaluation.answers import Answers
from spi_viewer.evaluation.drawing import Palette
from spi_viewer.evaluation.figures import (
    draw_operating_curves,
    draw_precision_recall,
)
from spi_viewer.evaluation.report import Illustration, Part
from spi_viewer.evaluation.table import Table
from spi_viewer.networks.curves import operating_curve, precision_of
from spi_viewer.networks.intervals import (
    Estimate,
    area_under_curve,
    average_precision,
    bootstrap,
)

PREVALENCES = (0.01, 0.03, 0.1)


def curves_part(answers: Sequence[Answers], palette: Palette) -> Part:
    """Operating curves, and what they mean where few frames are good."""
    areas = Table(
        "curves",
        "Over all thresholds",
        ["model", "area under the curve", "good called good at 0.5 % bad called good"],
        plain=frozenset({"area under the curve"}),
    )
    rare = Table(
        "prevalence",
        "Where few frames are good",
        ["model", "prevalence", "average precision", "precision", "recall"],
        plain=frozenset({"average precision"}),
    )
    for answer in answers:
        area = area_under_curve(answer.p_good, answer.is_good)
        areas.rows.append([answer.model, area, _recall_at_half_per_cent(answer)])
        recall = answer.share(answer.called_good, answer.is_good)
        for prevalence in PREVALENCES:
            average = average_precision(answer.p_good, answer.is_good, prevalence)
            precision = _precision(answer, prevalence)
            rare.rows.append([answer.model, f"{100 * prevalence:g} %", average, precision, recall])
    text = (
        "Precision and recall are at each model's own threshold. Precision is computed for each "
        "prevalence from the rates measured on this set, in which half of the frames are good."
    )
    curves = draw_operating_curves(answers, palette)
    precision_recall = draw_precision_recall(answers, PREVALENCES, palette)
    caption = "Good frames kept over bad frames let in; dots are the models' own thresholds."
    return Part(
        "All thresholds, and low hit rates",
        text,
        [areas, rare],
        [
            Illustration("operating_curves", caption, curves),
            Illustration(
                "precision_recall",
                "Precision over recall where few frames are good, with 95 % bands of precision; "
                "dots are the models' own thresholds.",
                precision_recall,
            ),
        ],
    )


def _recall_at_half_per_cent(answer: Answers) -> Estimate:
    def statistic(score: NDArray, is_good: NDArray[np.bool_], weights: NDArray) -> float:
        return operating_curve(score, is_good, weights).recall_at(0.005)

    return bootstrap(statistic, answer.p_good, answer.is_good)


def _precision(answer: Answers, prevalence: float) -> Estimate:
    """Precision at the own threshold; its ends from the ends of recall and false positives."""
    recall, let_in = answer.share(answer.called_good, answer.is_good), answer.let_in
    kept = np.array([recall.value, recall.low, recall.high])
    taken = np.array([let_in.value, let_in.high, let_in.low])
    return Estimate(*precision_of(kept, taken, prevalence).tolist())
