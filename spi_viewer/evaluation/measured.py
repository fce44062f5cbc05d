"""Parts on measured runs with labels: few frames, several of one event, so wide intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spi_viewer.evaluation.answers import Answers
from spi_viewer.evaluation.drawing import Palette
from spi_viewer.evaluation.report import Illustration, Part, file_name
from spi_viewer.evaluation.score_figures import draw_scores
from spi_viewer.evaluation.simulated import LET_IN, LOST
from spi_viewer.evaluation.table import Table
from spi_viewer.frames import FrameClass
from spi_viewer.networks.intervals import (
    UNKNOWN,
    Estimate,
    area_under_curve,
    average_precision,
    balanced_accuracy,
)

_AREAS = ("area under the curve", "average precision")
_BY_FRAME, _BY_EVENT = "frame", "event"


def measured_part(run: str, conditions: str, answers: Sequence[Answers], palette: Palette) -> Part:
    """Rates on a measured run, counted by frame and by event.

    By frame, the intervals take the views of one event for one; by event, the mean answer over the
    views of a class is judged.
    """
    base = file_name(run)
    table = Table(
        f"measured_{base}",
        "At each model's own threshold",
        ["model", "by", "good", "bad", "accuracy", "balanced accuracy", LOST, LET_IN, *_AREAS],
        plain=frozenset(_AREAS),
    )
    classes = Table(
        f"measured_{base}_by_class",
        "By label, called good",
        ["model", "by", *(frame_class.label for frame_class in FrameClass), "unfamiliar"],
    )
    for frames in answers:
        for by, answer in ((_BY_FRAME, frames), (_BY_EVENT, frames.by_group())):
            good = int(answer.is_good.sum())
            table.rows.append(
                [answer.model, by, good, len(answer) - good, answer.accuracy, *_rates(answer)]
            )
            called = [
                answer.share(answer.called_good, answer.frame_class == frame_class)
                for frame_class in FrameClass
            ]
            unfamiliar = answer.share(answer.unfamiliar, np.ones(len(answer), bool))
            classes.rows.append([answer.model, by, *called, unfamiliar])
    caption = (
        "P(single) of every frame by the label that people gave; the dashed line is the model's "
        "own threshold. Crosses are flagged as unfamiliar."
    )
    events = len(np.unique(answers[0].group))
    text = (
        f"{conditions[:1].upper()}{conditions[1:]}. {len(answers[0]):,} labelled frames of "
        f"{events:,} events. The figures say nothing of a model that was trained on this run."
    )
    if not answers[0].has_both:
        text += " All of them are good or all are bad, so no curve can be drawn."
    figure = Illustration(f"measured_{base}", caption, draw_scores(answers, palette))
    return Part(f"Measured run: {run}", text, [table, classes], [figure])


def _rates(answer: Answers) -> list[Estimate]:
    if not answer.has_both:
        return [UNKNOWN, answer.lost, answer.let_in, UNKNOWN, UNKNOWN]
    score, good, group = answer.p_good, answer.is_good, answer.group
    return [
        balanced_accuracy(answer.called_good, good, group),
        answer.lost,
        answer.let_in,
        area_under_curve(score, good, group),
        average_precision(score, good, group=group),
    ]
