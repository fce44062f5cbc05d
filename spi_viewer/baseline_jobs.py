"""Whole fits of baselines, from the frames to the figures in model.json."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from spi_viewer.baselines.fit_settings import FitSettings, Report
from spi_viewer.errors import ModelError
from spi_viewer.networks.model_card import ModelCard, read_json
from spi_viewer.networks.training_data import check_validation
from spi_viewer.training_frames import TrainingFrames
from spi_viewer.training_jobs import measure_model

# Module and function of each kind, imported when it is needed.
_FITS = {
    "vgg16": ("spi_viewer.baselines.vgg16_fitting", "fit_vgg16"),
    "diffusion_map": ("spi_viewer.baselines.diffusion_model", "fit_diffusion_map"),
    "lit_pixels": ("spi_viewer.baselines.lit_pixels", "fit_lit_pixels"),
}
BASELINES = tuple(_FITS)
_BATCH = 64


def fit_baseline(
    kind: str,
    data: TrainingFrames,
    folder: Path,
    *,
    frames: int | None = None,
    validation_frames: int = 2048,
    test_frames: int = 4096,
    false_positives: float = 0.005,
    seed: int = 0,
    device: str = "auto",
    description: dict[str, Any] | None = None,
    progress: Report = lambda _: None,
    **options: Any,
) -> ModelCard:
    """Fit a baseline, measure it on frames that it never saw, and return its card.

    Args:
        kind: one of BASELINES.
        data: where frames come from.
        folder: of the model, which gets its name.
        frames: to fit to; None: as many as are good for the kind.
        validation_frames: to choose threshold and calibration on.
        test_frames: to measure figures on.
        false_positives: rate of bad frames that the threshold lets through; the hit finder's cut
            does not depend on it.
        seed: of frames and of what is drawn in the fit.
        device: auto, cpu or cuda.
        description: for the card.
        progress: called with the number of frames so far.
        options: of the kind: `config` of vgg16; `labels_per_class` and `config` of diffusion_map.

    Raises:
        SpiViewerError: frames that do not exist. ModelError: frames of one kind only, a fault in a
            file of weights, or a folder that cannot be written.
    """
    if kind not in _FITS:
        raise ModelError(f"{kind!r} is no baseline; choose from: {', '.join(BASELINES)}")
    module, function = _FITS[kind]
    fit: Callable[..., ModelCard] = getattr(import_module(module), function)
    settings = FitSettings(
        name=folder.resolve().name,
        frames=frames,
        false_positives=false_positives,
        seed=seed,
        device=device,
        description={**(description or {}), **data.description(), "seed": seed},
        report=progress,
    )
    validation = data.validation_set(validation_frames, seed)
    check_validation(validation)
    stream = iter(data.training_stream(_BATCH, (seed, 0), device))
    try:
        card = fit(stream, validation, folder, settings, **options)
    finally:
        close: Callable[[], None] = getattr(stream, "close", lambda: None)
        close()  # ends the processes that simulate
    measure_model(folder, data, test_frames, seed, device)
    card.figures = read_json(folder)["figures"]
    return card
