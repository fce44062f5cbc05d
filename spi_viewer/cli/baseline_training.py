"""`train` for the baselines: one pass over some frames instead of epochs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from spi_viewer.cli.vgg16_download import provide_vgg16_weights

if TYPE_CHECKING:
    from spi_viewer.networks.model_card import ModelCard
    from spi_viewer.training_frames import TrainingFrames

_OF_NETWORKS = (
    *("n", "m", "autocorrelation", "dropout", "second_look", "own_share", "input_kind"),
    *("start_from", "epochs", "steps", "batch"),
    *("learning_rate", "label_smoothing", "devices", "fresh", "reuse", "workers"),
)
_OF_BASELINES = ("frames", "labels_per_class")
_OF_DIFFUSION_MAP = ("labels_per_class",)


def is_baseline(kind: str) -> bool:
    """True for a kind that is fitted by `train_baseline`."""
    from spi_viewer.baseline_jobs import BASELINES

    return kind in BASELINES


def check_options(context: typer.Context, kind: str) -> None:
    """Refuse options of the running command that a kind of model has no use for."""
    useless: tuple[str, ...] = _OF_NETWORKS if is_baseline(kind) else _OF_BASELINES
    if kind in ("vgg16", "lit_pixels"):
        useless += _OF_DIFFUSION_MAP
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE" and name in useless:
            raise typer.BadParameter(f"a model of the kind {kind} has no {parameter.opts[0]}")


def train_baseline(
    kind: str,
    data: TrainingFrames,
    output: Path,
    *,
    labels_per_class: int | None = None,
    **settings: Any,
) -> ModelCard:
    """`baseline_jobs.fit_baseline` with a bar; ImageNet's weights are downloaded before."""
    from tqdm import tqdm

    from spi_viewer.baseline_jobs import fit_baseline
    from spi_viewer.training_frames import SimulatedData

    if kind == "vgg16":
        provide_vgg16_weights()
    if isinstance(data, SimulatedData):
        data = dataclasses.replace(data, workers=0)  # too few frames for a process to pay
    if labels_per_class is not None:
        settings["labels_per_class"] = labels_per_class
    with tqdm(unit=" frames", desc="fitting", disable=None) as bar:

        def show(done: int) -> None:
            bar.update(done - bar.n)

        return fit_baseline(kind, data, output, progress=show, **settings)
