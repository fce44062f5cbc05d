"""Robustness by particle family, and what becomes of families that a model never learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from spi_viewer.evaluation.answers import Answers
from spi_viewer.evaluation.drawing import Palette
from spi_viewer.evaluation.figures import draw_rates_by_name
from spi_viewer.evaluation.fixed_rate import lost_at
from spi_viewer.evaluation.held_out import Judged, held_out_tables
from spi_viewer.evaluation.models import EvaluatedModel
from spi_viewer.evaluation.report import Illustration, Part
from spi_viewer.evaluation.simulated import BRIGHT, LET_IN, LOST, bright_and_all
from spi_viewer.evaluation.table import Cell, Table, percent
from spi_viewer.frames import FrameClass
from spi_viewer.networks.intervals import Estimate

FIXED_FALSE_POSITIVES = (0.005, 0.01)
_AT_RATE = [f"{LOST} at {100 * rate:g} % {LET_IN}" for rate in FIXED_FALSE_POSITIVES]
_KNOWN = ("model", "family", "learned from", "frames", "good")
_LEARNED = {True: "yes", False: "no", None: None}


def families_part(
    models: Sequence[EvaluatedModel], answers: Sequence[Answers], palette: Palette
) -> Part:
    """Good frames lost by family, at the own threshold and at fixed false positives."""
    table = Table(
        "families",
        "By family",
        [*_KNOWN, LOST, *_AT_RATE, "several", "several called good"],
    )
    bright: list[Judged] = []
    for model, answer in zip(models, answers, strict=True):
        for name, part in bright_and_all(answer):
            lost = [lost_at(part, rate, _of_families(part)) for rate in FIXED_FALSE_POSITIVES]
            table.rows += _family_rows(model, name, part, lost)
            if name == BRIGHT:
                bright.append(Judged(model, part, lost[0]))
    table.shown = _shown(models, table)
    caption = (
        f"{_AT_RATE[0].capitalize()}, {BRIGHT}, by family, with 95 % intervals. "
        "Hollow: the model has not learned from this family."
    )
    drawn = {one.model.name: one.lost for one in bright}
    hollow = {m.name: {f for f in drawn[m.name] if m.has_learned(f) is False} for m in models}
    figure = draw_rates_by_name(drawn, hollow, _AT_RATE[0], palette)
    text = (
        "Each model has one threshold for all families, at which the stated share of all bad "
        f"frames of this set is called good ({_bad(answers[0])} bad frames {BRIGHT}); the "
        "intervals contain the uncertainty of that threshold. A star marks families that the "
        "model has not learned from, as its card says. The CSV also has frames of all "
        "brightnesses, each model's own threshold, and the multiple hits of each family."
    )
    tables = [table, *held_out_tables(bright, _AT_RATE[0])]
    return Part("Robustness by family", text, tables, [Illustration("families", caption, figure)])


def _bad(answer: Answers) -> str:
    return f"{int((answer.is_bright & ~answer.is_good).sum()):,}"


def _of_families(answer: Answers) -> dict[str, np.ndarray]:
    """Which frames are of each family of particles, by name."""
    families = sorted(set(answer.family[answer.is_good].tolist()))
    return {name: answer.family == name for name in families}


def _family_rows(
    model: EvaluatedModel, frames: str, answer: Answers, lost: Sequence[Mapping[str, Estimate]]
) -> list[Sequence[Cell]]:
    rows: list[Sequence[Cell]] = []
    for family, here in _of_families(answer).items():
        good, several = here & answer.is_good, here & (answer.frame_class == FrameClass.MULTI)
        known = [family, _LEARNED[model.has_learned(family)], frames, int(good.sum())]
        own = answer.share(~answer.called_good, good)
        let_in = answer.share(answer.called_good, several)
        at_rates = [rates[family] for rates in lost]
        rows.append([model.name, *known, own, *at_rates, int(several.sum()), let_in])
    return rows


def _shown(models: Sequence[EvaluatedModel], table: Table) -> Table:
    """A line a family and a column a model, of bright frames at the strictest rate."""
    cells: dict[str, dict[str, str]] = {}
    for model, family, learned, frames, _, _, lost, *_ in table.rows:
        if frames == BRIGHT and isinstance(lost, Estimate):
            star = " *" if learned == "no" else ""
            cells.setdefault(str(family), {})[str(model)] = percent(lost) + star
    names = [model.name for model in models]
    rows: list[Sequence[Cell]] = [
        [family.replace("_", " "), *map(of_model.get, names)] for family, of_model in cells.items()
    ]
    return Table(table.name, f"{_AT_RATE[0].capitalize()}, {BRIGHT}", ["family", *names], rows)
