"""Every kind of model behind one interface: a network trained here, or a baseline."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import cast

from spi_viewer.errors import ModelError
from spi_viewer.networks.frame_classifier import FrameClassifier

__all__ = ["KINDS", "FrameClassifier", "load_classifier"]

# Module and class of each kind, imported when it is needed: each brings libraries of its own.
_NETWORK = ("spi_viewer.networks.classifier", "Classifier")
_CLASSIFIERS = {
    "resnet": _NETWORK,
    "vgg16": ("spi_viewer.baselines.vgg16", "Vgg16Classifier"),
    "diffusion_map": ("spi_viewer.baselines.diffusion_model", "DiffusionMapClassifier"),
    "lit_pixels": ("spi_viewer.baselines.lit_pixels", "LitPixelsClassifier"),
}
KINDS = tuple(_CLASSIFIERS)


def load_classifier(name_or_folder: str | Path, device: str = "auto") -> FrameClassifier:
    """Load a bundled model by name, or any model folder, of whatever kind.

    Args:
        name_or_folder: a folder in `models`, or a path.
        device: auto, cpu or cuda; kinds that gain nothing from a GPU compute on the CPU.

    Raises:
        ModelError: no such model, a kind that this program does not know, or a fault in the
            folder; the text names it.
    """
    from spi_viewer.networks.classifier import find_model
    from spi_viewer.networks.model_card import CARD_NAME, read_kind

    folder = find_model(name_or_folder)
    kind = read_kind(folder)
    if kind not in _CLASSIFIERS:
        raise ModelError(
            f"{folder}: {CARD_NAME} is of the kind {kind!r}, which this program does not know; "
            f"known are: {', '.join(KINDS)}"
        )
    module, name = _CLASSIFIERS[kind]
    load = getattr(import_module(module), name).load
    return cast(FrameClassifier, load(folder, device))
