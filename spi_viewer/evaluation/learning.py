"""Parts on how models learned: Figure 6 of the poster, and the histories in their cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from spi_viewer.evaluation.depth import DepthPoint
from spi_viewer.evaluation.drawing import Palette, error_bars, legend_below, new_axes, styled
from spi_viewer.evaluation.models import EvaluatedModel
from spi_viewer.evaluation.report import Illustration, Part
from spi_viewer.evaluation.table import Table
from spi_viewer.networks.intervals import rate

_ACCURACY = "accuracy"


def depth_part(points: Sequence[DepthPoint], conditions: str) -> Part:
    """Accuracy over (n, m)."""
    table = Table(
        "figure_6",
        "Accuracy by the number of convolutions, at P(single) = 0.5",
        ["model", "n", "m", "convolutions", "training", "validation"],
    )
    for point in points:
        convolutions = 1 + 2 * (point.n + point.m)
        rates = [convolutions, point.training, point.validation]
        table.rows.append([point.model or "trained here", point.n, point.m, *rates])
    caption = (
        "Accuracy on training and on validation frames over (n, m), with 95 % intervals "
        "(the poster's Figure 6)."
    )
    figure = Illustration("figure_6", caption, draw_depths(points))
    return Part("Depth of the network (Figure 6)", conditions, [table], [figure])


@styled
def draw_depths(points: Sequence[DepthPoint]) -> Figure:
    """Accuracy of each (n, m) on training and on validation frames."""
    figure, axes = new_axes(height_in=3.0, width_in=4.6)
    axis = axes[0, 0]
    palette = Palette(["training", "validation"])
    line = "none" if any(p.model for p in points) else "-"  # other trainings are no series
    for number, name in enumerate(("training", "validation")):
        measured = [(place, getattr(p, name)) for place, p in enumerate(points)]
        known = [(place, estimate) for place, estimate in measured if estimate is not None]
        if known:
            value, error = error_bars([estimate for _, estimate in known])
            x = np.array([place for place, _ in known]) + 0.06 * (number - 0.5)
            look = palette.of(name) | {"linestyle": line, "elinewidth": 1.0}
            axis.errorbar(x, value, yerr=error, label=name, **look)
    labels = [f"({p.n}, {p.m})" + (f"\n{p.model}" if p.model else "") for p in points]
    axis.set_xticks(range(len(points)), labels)
    axis.set_xlim(-0.5, len(points) - 0.5)
    axis.grid(visible=False, axis="x")
    axis.set(xlabel="residual pairs (n, m)", ylabel="accuracy (%)")
    legend_below(figure, axis)
    return figure


def depths_of(models: Sequence[EvaluatedModel]) -> list[DepthPoint]:
    """The ResNets among the models by size, with the validation accuracy of the weights kept.

    What a card does not say, or says in another form, is left out.
    """
    points = []
    for model in models:
        n, m = _whole(model.config.get("n")), _whole(model.config.get("m"))
        frames, kept = _whole(model.training.get("validation_frames")), _kept(model)
        if n and m and frames and kept is not None and model.kind == "resnet":
            points.append(DepthPoint(n, m, None, rate(kept * frames, frames), model.name))
    return sorted(points, key=lambda point: (point.n + point.m, point.n))


def histories_part(models: Sequence[EvaluatedModel], palette: Palette) -> Part | None:
    """Validation accuracy epoch by epoch, of the models whose cards have it; None without any."""
    lines = {model.name: _line(model.history) for model in models}
    lines = {name: line for name, line in lines.items() if len(line)}
    if not lines:
        return None
    table = Table("histories", "Validation by epoch", ["model", "epoch", _ACCURACY])
    table.rows = [
        [name, i + 1, float(v)] for name, line in lines.items() for i, v in enumerate(line)
    ]
    table.shown = Table(
        "histories",
        "Trainings",
        ["model", "epochs", "frames seen", "validation frames", "last validation accuracy"],
    )
    for model in models:
        if model.name in lines:
            seen, validated = (
                _whole(model.training.get(name)) for name in ("frames_seen", "validation_frames")
            )
            line = lines[model.name]
            table.shown.rows.append([model.name, len(line), seen, validated, float(line[-1])])
    caption = "Validation accuracy at P(single) = 0.5 over epochs, as the cards have it."
    text = (
        "Each training has validation frames of its own, so the lines say how it went, not which "
        "model is better."
    )
    figure = Illustration("histories", caption, draw_histories(lines, palette))
    return Part("How the models learned", text, [table], [figure])


@styled
def draw_histories(lines: Mapping[str, np.ndarray], palette: Palette) -> Figure:
    """lines[model]: (epochs,) accuracies."""
    figure, axes = new_axes(height_in=2.8, width_in=4.6)
    for name, line in lines.items():
        look = palette.line(name)
        axes[0, 0].plot(np.arange(1, len(line) + 1), 100 * line, label=name, **look)
    axes[0, 0].set(xlabel="epoch", ylabel="validation accuracy (%)")
    axes[0, 0].xaxis.get_major_locator().set_params(integer=True)
    legend_below(figure, axes[0, 0])
    return figure


def _kept(model: EvaluatedModel) -> float | None:
    """Validation accuracy at the epoch whose weights the model has."""
    kept = [entry for entry in model.history if entry.get("kept")]
    line = _line(kept[-1:])
    return float(line[0]) if len(line) else None


def _line(history: Sequence[Mapping[str, Any]]) -> np.ndarray:
    found = [entry.get(_ACCURACY) for entry in history]
    return np.array([v for v in found if isinstance(v, int | float) and 0 <= v <= 1], float)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None
