"""A table that is written twice: CSV for programs, Markdown for people."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from spi_viewer.networks.intervals import Estimate

_WELL_KNOWN = 0.02  # intervals narrower than this deserve another digit
Cell = str | int | float | Estimate | None


@dataclass
class Table:
    """Rows of cells under named columns.

    Attributes:
        name: of its file, without suffix.
        title: the line above it.
        columns: names; estimates are fractions in CSV and per cent in Markdown, except in the
            columns named in `plain`.
        rows: cells, as many as columns each; None where nothing is known.
        plain: columns whose numbers are no shares, such as areas under a curve.
        shown: another arrangement of the same for Markdown, if this one is long.
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: list[Sequence[Cell]] = field(default_factory=list)
    plain: frozenset[str] = frozenset()
    shown: Table | None = None

    def csv(self) -> str:
        """As CSV; an estimate takes three columns, `name`, `name_low` and `name_high`."""
        estimated = [any(isinstance(row[i], Estimate) for row in self.rows) for i in self._indices]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(
            name
            for column, wide in zip(self.columns, estimated, strict=True)
            for name in _names(column.replace(" ", "_"), wide)
        )
        for row in self.rows:
            writer.writerow(
                value
                for cell, wide in zip(row, estimated, strict=True)
                for value in _values(cell, wide)
            )
        return text.getvalue()

    def markdown(self) -> str:
        """As a Markdown table under its title."""
        if self.shown is not None:
            return self.shown.markdown()
        lines = [f"**{self.title}**", "", _line(self.columns), _line(["---"] * len(self.columns))]
        for row in self.rows:
            cells = zip(self.columns, row, strict=True)
            lines.append(_line([_text(cell, column in self.plain) for column, cell in cells]))
        return "\n".join(lines) + "\n"

    @property
    def _indices(self) -> range:
        return range(len(self.columns))


def percent(estimate: Estimate) -> str:
    """'1.92 % (1.59–2.32)'; a dash where nothing is known."""
    if not estimate.is_known:
        return "–"
    digits = 2 if estimate.high - estimate.low < _WELL_KNOWN else 1
    return _with_interval(estimate, 100, digits, " %")


def _names(column: str, wide: bool) -> list[str]:
    return [column, f"{column}_low", f"{column}_high"] if wide else [column]


def _values(cell: Cell, wide: bool) -> list[str | int | float]:
    if isinstance(cell, Estimate):
        numbers = (cell.value, cell.low, cell.high)
        return [f"{number:.6g}" if math.isfinite(number) else "" for number in numbers]
    plain = "" if cell is None else f"{cell:.6g}" if isinstance(cell, float) else cell
    return [plain, "", ""] if wide else [plain]


def _text(cell: Cell, plain: bool) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, Estimate):
        return _number(cell) if plain else percent(cell)
    if isinstance(cell, float):
        return f"{cell:.3g}" if abs(cell) < 1000 else f"{cell:,.0f}"
    return f"{cell:,}" if isinstance(cell, int) else cell.replace("|", "\\|")


def _number(estimate: Estimate) -> str:
    return _with_interval(estimate, 1, 3, "") if estimate.is_known else "–"


def _with_interval(estimate: Estimate, factor: int, digits: int, unit: str) -> str:
    text = f"{factor * estimate.value:.{digits}f}{unit}"
    if not math.isfinite(estimate.low):
        return text
    return f"{text} ({factor * estimate.low:.{digits}f}–{factor * estimate.high:.{digits}f})"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
