"""What each model looks at: maps of several models on the same frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spi_viewer.evaluation.drawing import new_axes, styled
from spi_viewer.evaluation.report import Illustration, Part, file_name
from spi_viewer.frames import FrameClass
from spi_viewer.networks.activation_maps import Explanation
from spi_viewer.networks.frame_classifier import FrameClassifier
from spi_viewer.networks.training_data import TrainingBatch

_LAYERS = 4  # of which maps are drawn, from the first to the last
_BRIGHT_PHOTONS = 20_000
_TILE_IN = 1.05


@dataclass(frozen=True)
class Example:
    """One frame that is explained: counts (128, 128) and valid (128, 128)."""

    counts: NDArray[np.float32]
    valid: NDArray[np.bool_]
    frame_class: FrameClass


def choose_examples(batches: Iterable[TrainingBatch]) -> list[Example]:
    """The first bright frame of each class, in the order of FrameClass."""
    found: dict[FrameClass, Example] = {}
    for batch in batches:
        for row, number in enumerate(batch.frame_class.tolist()):
            frame_class = FrameClass(number)
            is_dim = batch.photons[row] < _BRIGHT_PHOTONS and frame_class != FrameClass.BLANK
            if frame_class not in found and not is_dim:
                counts, valid = batch.counts[row].cpu().numpy(), batch.valid[row].cpu().numpy()
                found[frame_class] = Example(counts, valid, frame_class)
        if len(found) == len(FrameClass):
            break
    return [found[frame_class] for frame_class in sorted(found)]


def activation_part(models: Mapping[str, FrameClassifier], examples: Sequence[Example]) -> Part:
    """A figure for each model that has maps; the text names those that have none."""
    figures, without = [], []
    for name, model in models.items():
        explained = [model.explain(example.counts, example.valid) for example in examples]
        if explained and explained[0].layers:
            caption = (
                f"{name}: pattern; where the class score of a single particle comes from (red "
                "raises, blue lowers it), if the model can say; mean feature map of layers, first "
                "to last, each in its own scale. P is P(single)."
            )
            figure = draw_maps(examples, explained)
            figures.append(Illustration(f"activation_{file_name(name)}", caption, figure))
        else:
            without.append(name)
    text = "The same frames for all models: the first bright one of each class."
    if without:
        text += f" Without maps, because they are no networks: {', '.join(without)}."
    return Part("Activation maps", text, figures=figures)


@styled
def draw_maps(examples: Sequence[Example], explained: Sequence[Explanation]) -> Figure:
    """A row a frame: pattern, class map where there is one, and mean feature maps of layers."""
    layers = _spread(len(explained[0].layers))
    has_classes = explained[0].class_maps is not None
    columns = 1 + has_classes + len(layers)
    size = {"width_in": columns * _TILE_IN + 0.4, "height_in": len(examples) * _TILE_IN + 0.3}
    figure, axes = new_axes(len(examples), columns, **size)
    for row, (example, explanation) in enumerate(zip(examples, explained, strict=True)):
        tiles = iter(axes[row])
        _show_pattern(next(tiles), example, explanation)
        if explanation.class_maps is not None:
            _show_class_map(next(tiles), example, explanation.class_maps[FrameClass.SINGLE])
        for layer in layers:
            maps = explanation.layers[layer].maps
            next(tiles).imshow(maps.mean(0), cmap="viridis", interpolation="nearest")
    titles = ["pattern", *(["score of single"] if has_classes else [])]
    titles += [explained[0].layers[layer].name for layer in layers]
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title.replace(" ", "\n", 1), fontsize=8)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.grid(visible=False)
        for spine in axis.spines.values():
            spine.set_visible(False)
    return figure


def _show_pattern(axis: Axes, example: Example, explanation: Explanation) -> None:
    axis.imshow(_seen(example), cmap="magma", interpolation="nearest")
    good = explanation.probabilities[FrameClass.SINGLE]
    axis.set_ylabel(f"{example.frame_class.label}\nP = {good:.2f}", fontsize=8)


def _show_class_map(axis: Axes, example: Example, class_map: NDArray[np.float32]) -> None:
    reach = max(float(np.abs(class_map).max()), 1e-12)
    axis.imshow(_seen(example), cmap="gray", interpolation="nearest")
    axis.imshow(class_map, cmap="RdBu_r", vmin=-reach, vmax=reach, alpha=0.6)


def _seen(example: Example) -> NDArray[np.float32]:
    """Square root of the counts, as far as the eye tells brightness apart; masked: nothing."""
    root = np.sqrt(np.maximum(example.counts, 0))
    top = np.quantile(root[example.valid], 0.995) if example.valid.any() else 1.0
    seen = np.clip(root / max(float(top), 1e-12), 0, 1)
    return np.where(example.valid, seen, np.nan).astype(np.float32)


def _spread(layers: int) -> list[int]:
    """Numbers of a few layers, from the first to the last."""
    return sorted({round(place) for place in np.linspace(0, layers - 1, _LAYERS)})
