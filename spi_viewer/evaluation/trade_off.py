"""Parts on all thresholds at once: operating curves, precision at low prevalence, calibration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spi_viewer.evaluation.answers import Answers
from spi_viewer.evaluation.curves import operating_curve, reliability
from spi_viewer.evaluation.drawing import Palette
from spi_viewer.evaluation.figures import (
    draw_operating_curves,
    draw_precision_recall,
    draw_reliability,
)
from spi_viewer.evaluation.intervals import (
    Estimate,
    area_under_curve,
    average_precision,
    bootstrap,
    share,
)
from spi_viewer.evaluation.report import Illustration, Part
from spi_viewer.evaluation.table import Table

PREVALENCES = (0.01, 0.02, 0.05, 0.1)
_DRAWN_PREVALENCES = (0.01, 0.05, 0.1)


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
        recall = share(answer.called_good, answer.is_good)
        for prevalence in PREVALENCES:
            average = average_precision(answer.p_good, answer.is_good, prevalence)
            precision = _precision(answer, prevalence)
            rare.rows.append([answer.model, f"{100 * prevalence:g} %", average, precision, recall])
    text = (
        "Precision and recall are at each model's own threshold. Precision is computed for each "
        "prevalence from the rates measured on this set, in which half of the frames are good."
    )
    curves = draw_operating_curves(answers, palette)
    precision_recall = draw_precision_recall(answers, _DRAWN_PREVALENCES, palette)
    caption = "Good frames kept over bad frames let in; dots are the models' own thresholds."
    return Part(
        "All thresholds, and low hit rates",
        text,
        [areas, rare],
        [
            Illustration("operating_curves", caption, curves),
            Illustration(
                "precision_recall", "Precision and recall at low hit rates.", precision_recall
            ),
        ],
    )


def _recall_at_half_per_cent(answer: Answers) -> Estimate:
    def statistic(score: NDArray, is_good: NDArray[np.bool_], weights: NDArray) -> float:
        return operating_curve(score, is_good, weights).recall_at(0.005)

    return bootstrap(statistic, answer.p_good, answer.is_good)


def _precision(answer: Answers, prevalence: float) -> Estimate:
    """Precision at the own threshold; its ends from the ends of recall and false positives."""
    recall = share(answer.called_good, answer.is_good)
    taken = share(answer.called_good, ~answer.is_good)

    def precision(kept: float, let_in: float) -> float:
        called = prevalence * kept + (1 - prevalence) * let_in
        return prevalence * kept / called if called else 1.0

    return Estimate(
        precision(recall.value, taken.value),
        precision(recall.low, taken.high),
        precision(recall.high, taken.low),
    )


def calibration_part(answers: Sequence[Answers], palette: Palette) -> Part:
    """How often the models are right, over how sure they say they are."""
    table = Table(
        "calibration",
        "Expected calibration error in 15 bins",
        ["model", "of the likeliest class", "of P(single)"],
        plain=frozenset({"of the likeliest class", "of P(single)"}),
    )
    likeliest, single = {}, {}
    for answer in answers:
        right = answer.probability.argmax(1) == answer.frame_class
        said = answer.probability.max(1)
        table.rows.append(
            [
                answer.model,
                _calibration_error(said, right),
                _calibration_error(answer.p_good, answer.is_good),
            ]
        )
        likeliest[answer.model] = reliability(said, right)
        single[answer.model] = reliability(answer.p_good, answer.is_good)
    figure = draw_reliability({"likeliest class": likeliest, "P(single)": single}, palette)
    caption = "Reliability: on the dashed line a probability means what it says."
    return Part(
        "Calibration", tables=[table], figures=[Illustration("reliability", caption, figure)]
    )


def _calibration_error(said: NDArray, is_true: NDArray[np.bool_]) -> Estimate:
    return bootstrap(lambda *of: reliability(*of).error, said, is_true, needs_both=False)
