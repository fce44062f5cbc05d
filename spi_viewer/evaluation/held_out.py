"""What becomes of families of particles that a model never learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spi_viewer.evaluation.answers import Answers
from spi_viewer.evaluation.models import EvaluatedModel
from spi_viewer.evaluation.simulated import BRIGHT, LET_IN, LOST
from spi_viewer.evaluation.table import Cell, Table
from spi_viewer.frames import FrameClass
from spi_viewer.networks.intervals import Estimate

_MEAN, _WORST = "mean", "worst"


@dataclass(frozen=True)
class Judged:
    """A model's answers, and by family the good frames lost at a fixed share of bad ones."""

    model: EvaluatedModel
    answer: Answers
    lost: Mapping[str, Estimate]

    def of_family(self, *families: str) -> Answers:
        """Answers on particles of these families and on everything that is no particle."""
        is_particle = np.isin(self.answer.frame_class, [FrameClass.SINGLE, FrameClass.MULTI])
        return self.answer.select(np.isin(self.answer.family, families) | ~is_particle)


def held_out_tables(judged: Sequence[Judged], at_rate: str) -> list[Table]:
    """Tables that have rows: families not learned from, and those held out on purpose.

    Args:
        judged: bright frames, a model each.
        at_rate: what `lost` is, for the head of its column.
    """
    tables = [_not_learned(judged, at_rate), _leave_one_out(judged, at_rate)]
    return [table for table in tables if table.rows]


def _not_learned(judged: Sequence[Judged], at_rate: str) -> Table:
    """A row a model: mean and worst over all families that it has not learned from."""
    table = Table(
        "families_not_learned",
        f"Families that a model has not learned from, {BRIGHT}",
        ["model", "families", f"mean of {at_rate}", "worst family", "its rate", LOST, LET_IN],
    )
    for one in judged:
        unseen = [n for n, rate in one.lost.items() if one.model.has_learned(n) is False]
        known = [name for name in unseen if one.lost[name].is_known]
        if known:
            part = one.of_family(*known)
            worst = max(known, key=lambda name: one.lost[name].value)
            mean = _mean([one.lost[name] for name in known])
            rates: list[Cell] = [mean, worst, one.lost[worst], part.lost, part.let_in]
            table.rows.append([one.model.name, _listed(known), *rates])
    return table


def _leave_one_out(judged: Sequence[Judged], at_rate: str) -> Table:
    """A row for each family that a model's card says was held out; mean and worst below."""
    table = Table(
        "leave_one_family_out",
        f"Families held out on purpose, {BRIGHT}",
        ["model", "held out", "good", LOST, LET_IN, at_rate],
    )
    found: list[tuple[Estimate, Estimate, Estimate]] = []
    for one in judged:
        for family in one.model.held_out_families:
            if family in one.lost and one.lost[family].is_known:
                part = one.of_family(family)
                found.append((part.lost, part.let_in, one.lost[family]))
                known: list[Cell] = [one.model.name, family, int(part.is_good.sum())]
                table.rows.append([*known, *found[-1]])
    if len(found) > 1:
        columns = list(zip(*found, strict=True))
        means: list[Cell] = [_mean(column) for column in columns]
        worst: list[Cell] = [max(column, key=lambda e: e.value) for column in columns]
        table.rows += [[_MEAN, None, None, *means], [_WORST, None, None, *worst]]
    return table


def _mean(rates: Sequence[Estimate]) -> Estimate:
    """Without an interval: the families are all there are, not a sample of some."""
    return Estimate(float(np.mean([rate.value for rate in rates])), np.nan, np.nan)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)
