"""Curves over all thresholds, and rates by family, by photons and by fringes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from spi_viewer.evaluation.answers import Answers
from spi_viewer.evaluation.drawing import (
    HOLLOW,
    Palette,
    error_bars,
    legend_below,
    new_axes,
    side_by_side,
    styled,
)
from spi_viewer.networks.calibration import wilson_interval
from spi_viewer.networks.curves import operating_curve, precision_of
from spi_viewer.networks.intervals import Estimate

_BAND_POINTS = 200
_GUIDES_PER_CENT = (0.5, 1.0)  # shares of bad frames that thresholds are set by
_PLAIN = FuncFormatter(lambda value, _: f"{value:g}")


@styled
def draw_operating_curves(answers: Sequence[Answers], palette: Palette) -> Figure:
    """Good frames kept over bad frames let in, with each model's own threshold as a dot."""
    figure, axes = new_axes(height_in=3.7)
    axis = axes[0, 0]
    least = 100 / max(1, max(int((~a.is_good).sum()) for a in answers))
    for answer in answers:
        curve = operating_curve(answer.p_good, answer.is_good)
        x, y = 100 * curve.false_positives.clip(least / 100), 100 * curve.recall
        axis.step(x[1:], y[1:], where="post", label=answer.model, **palette.line(answer.model))
        at = curve.place_of(answer.threshold)
        axis.plot(x[at], y[at], linestyle="none", clip_on=False, **palette.of(answer.model))
    for guide in _GUIDES_PER_CENT:
        axis.axvline(guide, color="#888888", linewidth=1, linestyle=":")
    axis.set_xscale("log")
    axis.set_xlim(min(least, min(_GUIDES_PER_CENT) / 2), 100)
    axis.set_ylim(0, 101)
    axis.xaxis.set_major_formatter(_PLAIN)
    axis.set_xlabel("bad frames called good (%)")
    axis.set_ylabel("good frames called good (%)")
    axis.legend(loc="lower right")
    return figure


@styled
def draw_precision_recall(
    answers: Sequence[Answers], prevalences: Sequence[float], palette: Palette
) -> Figure:
    """Precision over recall, a panel for each prevalence, with 95 % bands of precision."""
    figure, axes = new_axes(1, len(prevalences), height_in=2.7, sharey=True)
    for prevalence, axis in zip(prevalences, axes[0], strict=True):
        for answer in answers:
            _draw_precision(axis, answer, prevalence, palette)
        axis.set_title(f"{100 * prevalence:g} % of the frames good")
        axis.set(xlim=(0, 101), ylim=(0, 101), xlabel="recall (%)")
        axis.set_xticks(range(0, 101, 25))
    axes[0, 0].set_ylabel("precision (%)")
    legend_below(figure, axes[0, 0])
    return figure


def _draw_precision(axis: Axes, answer: Answers, prevalence: float, palette: Palette) -> None:
    curve = operating_curve(answer.p_good, answer.is_good)
    bad = int((~answer.is_good).sum())
    chosen = np.unique(np.linspace(1, len(curve.recall) - 1, _BAND_POINTS).astype(int))
    ends = [wilson_interval(rate * bad, bad) for rate in curve.false_positives[chosen]]
    x = 100 * curve.recall
    low, high = (
        100 * precision_of(curve.recall[chosen], np.array([end[side] for end in ends]), prevalence)
        for side in (1, 0)
    )
    look = palette.line(answer.model)
    axis.fill_between(x[chosen], low, high, alpha=0.18, linewidth=0, **look)
    precision = 100 * curve.precision(prevalence)
    axis.step(x[1:], precision[1:], where="pre", label=answer.model, **look)
    at = curve.place_of(answer.threshold)
    axis.plot(x[at], precision[at], clip_on=False, zorder=4, **palette.of(answer.model))


@styled
def draw_rates_by_name(
    rates: Mapping[str, Mapping[str, Estimate]],
    hollow: Mapping[str, Collection[str]],
    label: str,
    palette: Palette,
) -> Figure:
    """Dots with intervals: rates[model][name of a line], the first model's worst line on top.

    Names in hollow[model] get hollow dots.
    """
    first = next(iter(rates.values()))
    names = sorted(first, key=lambda name: np.nan_to_num(first[name].value))
    figure, axes = new_axes(height_in=1.1 + 0.2 * len(names) * max(1, len(rates) / 2.5))
    axis = axes[0, 0]
    places = np.arange(len(names), dtype=float)
    for number, (model, of_name) in enumerate(rates.items()):
        value, error = error_bars([of_name[name] for name in names])
        y = side_by_side(places, len(rates) - 1 - number, len(rates))  # the first on top
        look = palette.of(model)
        axis.errorbar(
            value, y, xerr=error, linestyle="none", elinewidth=1.0, label=model, zorder=3, **look
        )
        unseen = np.array([name in hollow[model] for name in names])
        axis.plot(
            value[unseen], y[unseen], linestyle="none", zorder=4, markerfacecolor="white", **look
        )
    axis.set_yticks(places, [name.replace("_", " ") for name in names])
    axis.set_ylim(-0.6, len(names) - 0.4)
    if any(hollow.values()):
        grey = {"marker": "o", "linestyle": "none", "markeredgecolor": "#666666"}
        axis.plot([], [], markerfacecolor="white", label=HOLLOW, **grey)
    _make_room_at_zero(axis.set_xlim, axis.get_xlim()[1])
    axis.set_xlabel(f"{label} (%)")
    legend_below(figure, axis)
    return figure


@dataclass(frozen=True)
class Trend:
    """Rates of one model's errors over something above 0, a point an entry."""

    x: Sequence[float]
    lost: Sequence[Estimate]
    let_in: Sequence[Estimate]


@styled
def draw_trends(trends: Mapping[str, Trend], label: str, palette: Palette) -> Figure:
    """False negatives and false positives of each model over what the label names."""
    figure, axes = new_axes(1, 2, height_in=2.8)
    highest = max((max(trend.x) / min(trend.x) for trend in trends.values()), default=1.0)
    apart = highest**0.008  # of the models' points, so that none hides another
    for number, (model, trend) in enumerate(trends.items()):
        x = np.asarray(trend.x) * apart ** (number - (len(trends) - 1) / 2)
        for axis, rates in zip(axes[0], (trend.lost, trend.let_in), strict=True):
            value, error = error_bars(rates)
            axis.errorbar(x, value, yerr=error, elinewidth=1.0, label=model, **palette.of(model))
    for axis, rate in zip(
        axes[0], ("good frames called bad", "bad frames called good"), strict=True
    ):
        axis.set_xscale("log")
        if highest < 30:  # less than a tick a decade would tell nothing
            axis.xaxis.set_major_locator(LogLocator(10, (1, 2, 3, 5)))
            axis.xaxis.set_major_formatter(_PLAIN)
            axis.xaxis.set_minor_formatter(NullFormatter())
        _make_room_at_zero(axis.set_ylim, axis.get_ylim()[1])
        axis.set_xlabel(label)
        axis.set_ylabel(f"{rate} (%)")
    legend_below(figure, axes[0, 0])
    return figure


def _make_room_at_zero(set_limits: Callable[[float, float], Any], high: float) -> None:
    """An axis from 0, with room for half a marker below."""
    high = min(high, 104.0)
    set_limits(-0.02 * high, high)
