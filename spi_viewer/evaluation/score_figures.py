"""What models said, and how often it was true: reliability, and P(single) frame by frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from spi_viewer.evaluation.answers import Answers
from spi_viewer.evaluation.drawing import Palette, error_bars, legend_below, new_axes, styled
from spi_viewer.frames import FrameClass
from spi_viewer.networks.curves import RELIABILITY_BINS, Reliability
from spi_viewer.networks.intervals import rate

_PANEL_COLUMNS = 3


@styled
def draw_reliability(diagrams: Mapping[str, Mapping[str, Reliability]], palette: Palette) -> Figure:
    """diagrams[panel][model]: how often it was true over how sure the model was.

    Below each panel the share of frames in each bin.
    """
    ratios = {"height_ratios": [3.2, 1]}
    figure, axes = new_axes(2, len(diagrams), 4.6, sharex=True, gridspec_kw=ratios)
    for (title, of_model), axis, shares in zip(diagrams.items(), *axes, strict=True):
        axis.plot([0, 1], [0, 1], color="#888888", linewidth=1, linestyle="--")
        for model, diagram in of_model.items():
            frames = diagram.frames
            happened, error = error_bars(
                [rate(s * n, n) for s, n in zip(diagram.happened, frames, strict=True)]
            )
            axis.errorbar(
                diagram.said,
                happened / 100,
                yerr=error / 100,
                elinewidth=1.0,
                label=model,
                **palette.of(model),
            )
            bins = np.minimum((diagram.said * RELIABILITY_BINS).astype(int), RELIABILITY_BINS - 1)
            part = np.zeros(RELIABILITY_BINS)
            part[bins] = 100 * frames / frames.sum()
            edges = np.linspace(0, 1, RELIABILITY_BINS + 1)
            shares.stairs(part, edges, linewidth=1.4, **palette.line(model))
        alone = next(iter(of_model.values())) if len(of_model) == 1 else None
        error_text = f" (ECE {alone.error:.3f})" if alone is not None else ""
        axis.set(title=title + error_text, xlim=(0, 1), ylim=(0, 1.01))
        shares.set(xlabel="probability that the model gave", yscale="log", ylim=(0.05, 120))
        shares.set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    axes[0, 0].set_ylabel("share for which it was true")
    axes[1, 0].set_ylabel("frames (%)")
    legend_below(figure, axes[0, 0])
    return figure


@styled
def draw_scores(answers: Sequence[Answers], palette: Palette) -> Figure:
    """P(single) of every frame by its true class, a panel a model; crosses are unfamiliar."""
    present = [c for c in FrameClass if (answers[0].frame_class == c).any()]
    columns = 2 if len(answers) == 4 else min(len(answers), _PANEL_COLUMNS)
    rows = -(-len(answers) // columns)
    height = rows * (0.75 + 0.38 * len(present))
    figure, axes = new_axes(rows, columns, height, sharex=True, sharey=True)
    for axis in axes.flat[len(answers) :]:
        axis.set_visible(False)
    for axis, answer in zip(axes.flat, answers, strict=False):
        y = _scattered(answer, present)
        look: dict[str, Any] = {**palette.of(answer.model), "markersize": 4}
        for marker, here in (("o", ~answer.unfamiliar), ("x", answer.unfamiliar)):
            look["marker"] = marker
            axis.plot(answer.p_good[here], y[here], linestyle="none", fillstyle="none", **look)
        axis.axvline(answer.threshold, color="#444444", linewidth=1, linestyle="--")
        axis.set(title=answer.model, xlim=(-0.03, 1.03))
        axis.set_yticks(range(len(present)), [c.label for c in present])
        axis.set_ylim(len(present) - 0.5, -0.5)
    for axis in axes.flat[max(0, len(answers) - columns) : len(answers)]:  # lowest of its column
        axis.set_xlabel("P(single)")
        axis.tick_params(labelbottom=True)
    return figure


def _scattered(answer: Answers, present: Sequence[FrameClass]) -> np.ndarray:
    """A line a class, and a little apart on it, so that frames of one score can be counted."""
    line = {int(frame_class): place for place, frame_class in enumerate(present)}
    places = np.array([line[int(c)] for c in answer.frame_class], float)
    order = np.random.default_rng(0).permutation(len(places))
    return places + 0.56 * ((order + 0.5) / len(places) - 0.5)
