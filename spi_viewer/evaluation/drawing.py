"""How figures look: one column wide, a colour a model, nothing that a display is needed for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spi_viewer.networks.intervals import Estimate

HOLLOW = "hollow: not learned from"
COLUMN_IN = 6.3  # width of a column of text
# M. Okabe & K. Ito, Color Universal Design (2008), in the order of most contrast; black last.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = "osD^vPX"
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}


styled = rc_context(_STYLE)  # decorates what makes a figure


def new_axes(
    rows: int = 1, columns: int = 1, height_in: float = 3.4, width_in: float = COLUMN_IN, **sub: Any
) -> tuple[Figure, NDArray[Any]]:
    """A figure without a window, and its axes (rows, columns)."""
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False, **sub)


class Palette:
    """The look of each model, the same in every figure of a report."""

    def __init__(self, names: Sequence[str]) -> None:
        self._place = {name: number for number, name in enumerate(names)}

    def of(self, name: str) -> dict[str, Any]:
        """Keywords for matplotlib: colour and marker; models past the seventh share."""
        number = self._place.setdefault(name, len(self._place))
        return {
            "color": _COLOURS[number % len(_COLOURS)],
            "marker": _MARKERS[number % len(_MARKERS)],
        }

    def line(self, name: str) -> dict[str, Any]:
        """The same for lines without markers."""
        return {"color": self.of(name)["color"]}


def error_bars(estimates: Sequence[Estimate]) -> tuple[NDArray, NDArray]:
    """Values (n,) in per cent, and distances (2, n) to the ends of their intervals."""
    value = 100 * np.array([e.value for e in estimates])
    low = 100 * np.array([e.low for e in estimates])
    high = 100 * np.array([e.high for e in estimates])
    return value, np.nan_to_num(np.stack([value - low, high - value]).clip(min=0))


def side_by_side(places: NDArray, number: int, of: int, spread: float = 0.5) -> NDArray:
    """Places of one of several series that share a line, so that none hides another."""
    return places + (number - (of - 1) / 2) * spread / max(of, 1)


def legend_below(figure: Figure, axes: Axes, columns: int = 5) -> None:
    """One legend for all axes of a figure, under them."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        order = sorted(range(len(labels)), key=lambda place: labels[place] == HOLLOW)
        handles, labels = [handles[place] for place in order], [labels[place] for place in order]
        figure.legend(handles, labels, loc="outside lower center", ncols=columns)
