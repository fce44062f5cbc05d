"""The figures of a set of answers: curves, rates by family and by photons, reliability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from spi_viewer.evaluation.answers import Answers
from spi_viewer.evaluation.curves import Reliability, operating_curve
from spi_viewer.evaluation.drawing import (
    Palette,
    error_bars,
    legend_below,
    new_axes,
    side_by_side,
    styled,
)
from spi_viewer.evaluation.intervals import Estimate

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
        axis.step(x, y, where="post", label=answer.model, **palette.line(answer.model))
        at = curve.place_of(answer.threshold)
        axis.plot(x[at], y[at], linestyle="none", clip_on=False, **palette.of(answer.model))
    axis.set_xscale("log")
    axis.set_xlim(least, 100)
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
    """Precision over recall, a panel for each prevalence."""
    figure, axes = new_axes(1, len(prevalences), height_in=2.5, sharey=True)
    for prevalence, axis in zip(prevalences, axes[0], strict=True):
        for answer in answers:
            curve = operating_curve(answer.p_good, answer.is_good)
            precision = curve.precision(prevalence)[1:]
            axis.step(
                100 * curve.recall[1:],
                100 * precision,
                where="pre",
                label=answer.model,
                **palette.line(answer.model),
            )
        axis.set_title(f"{100 * prevalence:g} % good")
        axis.set_xlim(0, 101)
        axis.set_ylim(0, 101)
        axis.set_xlabel("recall (%)")
    axes[0, 0].set_ylabel("precision (%)")
    legend_below(figure, axes[0, 0])
    return figure


@styled
def draw_rates_by_name(
    rates: Mapping[str, Mapping[str, Estimate]], label: str, palette: Palette
) -> Figure:
    """Dots with intervals: rates[model][name of a line], the first model's worst line on top."""
    first = next(iter(rates.values()))
    names = sorted(first, key=lambda name: np.nan_to_num(first[name].value))
    figure, axes = new_axes(height_in=1.1 + 0.21 * len(names) * max(1, len(rates) / 3))
    axis = axes[0, 0]
    places = np.arange(len(names), dtype=float)
    for number, (model, of_name) in enumerate(rates.items()):
        value, error = error_bars([of_name[name] for name in names])
        axis.errorbar(
            value,
            side_by_side(places, number, len(rates)),
            xerr=error,
            linestyle="none",
            elinewidth=1.0,
            label=model,
            **palette.of(model),
        )
    axis.set_yticks(places, [name.replace("_", " ") for name in names])
    axis.set_ylim(-0.6, len(names) - 0.4)
    axis.set_xlim(left=0)
    axis.grid(visible=False, axis="y")
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
        axis.set_ylim(bottom=0)
        axis.set_xlabel("photons from the sample (mean of the decile)")
        axis.set_ylabel(label)
    legend_below(figure, axes[0, 0])
    return figure


@styled
def draw_reliability(diagrams: Mapping[str, Mapping[str, Reliability]], palette: Palette) -> Figure:
    """diagrams[panel][model]: how often it was true over how sure the model was."""
    figure, axes = new_axes(1, len(diagrams), height_in=3.4)
    for axis, (title, of_model) in zip(axes[0], diagrams.items(), strict=True):
        axis.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
        for model, diagram in of_model.items():
            axis.plot(
                diagram.said,
                diagram.happened,
                label=f"{model}, ECE {diagram.error:.3f}",
                **palette.of(model),
            )
        axis.set_title(title)
        axis.set_xlim(0, 1)
        axis.set_ylim(0, 1)
        axis.set_aspect("equal")
        axis.set_xlabel("probability that the model gave")
        axis.legend(loc="upper left")
    axes[0, 0].set_ylabel("share of frames for which it was true")
    return figure
