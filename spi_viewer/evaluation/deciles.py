"""Errors by decile of what makes hits hard: how few their photons are, how fine their fringes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spi_viewer.evaluation.answers import Answers
from spi_viewer.evaluation.drawing import Palette
from spi_viewer.evaluation.figures import Trend, draw_trends
from spi_viewer.evaluation.report import Illustration, Part
from spi_viewer.evaluation.simulated import BRIGHT, LET_IN, LOST
from spi_viewer.evaluation.table import Table

_DECILES = 10


@dataclass(frozen=True)
class _Decile:
    number: int
    ends: tuple[float, float]
    middle: float
    hits: Answers


def photons_part(answers: Sequence[Answers], palette: Palette) -> Part:
    """Rates by decile of the photons that the sample scattered."""
    text = "Blank frames, which have no photons from a sample, are left out."
    hits = [answer.select(answer.photons > 0) for answer in answers]
    return _part("photons", "photons from the sample", hits, text, palette)


def fringes_part(answers: Sequence[Answers], palette: Palette) -> Part:
    """Rates by decile of the fringes that the largest particle makes across the frame."""
    text = (
        f"Hits on one particle and on several, {BRIGHT}, by the periods across the frame of the "
        "finest fringes of one particle: its diameter times the range of spatial frequencies. All "
        "that is bad here is several particles."
    )
    hits = [answer.select(answer.is_bright & (answer.fringes > 0)) for answer in answers]
    return _part("fringes", "fringes across the frame", hits, text, palette)


def _part(name: str, label: str, answers: Sequence[Answers], text: str, palette: Palette) -> Part:
    columns = ["model", "decile", f"{name} from", f"{name} to", "good", LOST, "bad", LET_IN]
    table = Table(name, f"By decile of {name}", columns)
    trends = {}
    for answer in answers:
        deciles = list(_deciles(answer, getattr(answer, name)))
        if not deciles:
            continue
        lost, let_in = ([getattr(d.hits, rate) for d in deciles] for rate in ("lost", "let_in"))
        trends[answer.model] = Trend([d.middle for d in deciles], lost, let_in)
        for decile, missed, taken in zip(deciles, lost, let_in, strict=True):
            good = int(decile.hits.is_good.sum())
            rates = [good, missed, len(decile.hits) - good, taken]
            table.rows.append([answer.model, decile.number, *decile.ends, *rates])
    caption = (
        f"Errors at each model's own threshold by {name}, a point a decile of the hits, with 95 % "
        "intervals."
    )
    figure = draw_trends(trends, label, palette)
    return Part(f"By {name}", text, [table], [Illustration(name, caption, figure)])


def _deciles(answer: Answers, values: NDArray) -> Iterator[_Decile]:
    """A tenth of the frames each, by rising values (N,) above 0; equal ones stay together."""
    if not len(answer):
        return
    edges = np.quantile(values, np.linspace(0, 1, _DECILES + 1)[1:-1])
    decile = np.searchsorted(edges, values)
    for number in np.unique(decile).tolist():
        here = decile == number
        ends = float(values[here].min()), float(values[here].max())
        middle = float(np.exp(np.log(values[here]).mean()))
        yield _Decile(number + 1, ends, middle, answer.select(here))
