"""How often the models are right, over how sure they say they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spi_viewer.evaluation.answers import Answers
from spi_viewer.evaluation.drawing import Palette
from spi_viewer.evaluation.models import EvaluatedModel
from spi_viewer.evaluation.report import Illustration, Part
from spi_viewer.evaluation.score_figures import draw_reliability
from spi_viewer.evaluation.table import Table
from spi_viewer.frames import FrameClass
from spi_viewer.networks.curves import RELIABILITY_BINS, reliability
from spi_viewer.networks.intervals import UNKNOWN, Estimate, bootstrap

_CLASS, _SINGLE = "error of the likeliest class", "error of P(single)"


def calibration_part(
    models: Sequence[EvaluatedModel], answers: Sequence[Answers], palette: Palette
) -> Part:
    """Expected calibration errors with the diagram; apart, frames of families never learned."""
    table = Table(
        "calibration",
        f"Expected calibration error in {RELIABILITY_BINS} bins",
        ["model", "frames", "number", _CLASS, _SINGLE],
        plain=frozenset({_CLASS, _SINGLE}),
    )
    likeliest, single = {}, {}
    for model, answer in zip(models, answers, strict=True):
        parts = [("all", answer)]
        if model.families:
            parts.append(("of families not learned from", answer.select(_unseen(model, answer))))
        for name, part in parts:
            said, right = part.probability.max(1), part.probability.argmax(1) == part.frame_class
            errors = [_error(said, right), _error(part.p_good, part.is_good)]
            table.rows.append([model.name, name, len(part), *errors])
        right = answer.probability.argmax(1) == answer.frame_class
        likeliest[model.name] = reliability(answer.probability.max(1), right)
        single[model.name] = reliability(answer.p_good, answer.is_good)
    figure = draw_reliability({"likeliest class": likeliest, "P(single)": single}, palette)
    caption = (
        "Reliability: on the dashed line a probability means what it says; points with 95 % "
        "intervals. Below: how many frames are in each bin."
    )
    text = (
        "The error is the gap between what was said and what came true, averaged over frames. "
        "The frames are of all brightnesses, half of them good; on a run with fewer good ones "
        "P(single) says too much."
    )
    return Part("Calibration", text, [table], [Illustration("reliability", caption, figure)])


def _unseen(model: EvaluatedModel, answer: Answers) -> NDArray[np.bool_]:
    """Frames of particles of families that the model has not learned from, (N,)."""
    is_of_particles = np.isin(answer.frame_class, [FrameClass.SINGLE, FrameClass.MULTI])
    return is_of_particles & ~np.isin(answer.family, model.families)


def _error(said: NDArray, is_true: NDArray[np.bool_]) -> Estimate:
    if not len(said):
        return UNKNOWN
    return bootstrap(lambda *of: reliability(*of).error, said, is_true, needs_both=False)
