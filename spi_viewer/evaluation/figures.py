"""Curves over all thresholds, and rates by family and by photons."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

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
_PER_CENT = FuncFormatter(lambda value, _: f"{value:g}")


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
    axis.xaxis.set_major_formatter(_PER_CENT)
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


@styled
def draw_rates_by_photons(
    photons: Mapping[str, Sequence[float]],
    lost: Mapping[str, Sequence[Estimate]],
    taken: Mapping[str, Sequence[Estimate]],
    palette: Palette,
) -> Figure:
    """False negatives and false positives over photons; all by model, a point a decile."""
    figure, axes = new_axes(1, 2, height_in=2.8)
    panels = (("good frames called bad (%)", lost), ("bad frames called good (%)", taken))
    for axis, (label, rates) in zip(axes[0], panels, strict=True):
        for number, (model, estimates) in enumerate(rates.items()):
            value, error = error_bars(estimates)
            x = np.asarray(photons[model]) * 1.04 ** (number - (len(rates) - 1) / 2)
            axis.errorbar(x, value, yerr=error, elinewidth=1.0, label=model, **palette.of(model))
        axis.set_xscale("log")
        _make_room_at_zero(axis.set_ylim, axis.get_ylim()[1])
        axis.set_xlabel("photons from the sample")
        axis.set_ylabel(label)
    legend_below(figure, axes[0, 0])
    return figure


def _make_room_at_zero(set_limits: Callable[[float, float], Any], high: float) -> None:
    """An axis from 0, with room for half a marker below."""
    high = min(high, 104.0)
    set_limits(-0.02 * high, high)
