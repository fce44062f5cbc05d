"""`train`: a model from simulated frames, labelled runs or both; resumable at any moment."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spi_viewer.cli.class_weights import parse_class_weights

if TYPE_CHECKING:
    from spi_viewer.networks.architectures import NetworkConfig
    from spi_viewer.training_frames import SimulatedData

_FRAMES, _NETWORK, _TRAINING = "Frames", "Network", "Training"


def train(
    context: typer.Context,
    output: Annotated[Path, typer.Option("--output", "-o", help="Model folder to write.")],
    model: Annotated[
        str,
        typer.Option(
            help="Kind: resnet, two_view, or of the baselines vgg16, diffusion_map, lit_pixels. "
            "vgg16 takes ImageNet's weights from the file that SPI_VIEWER_VGG16 names, else from "
            "the cache folder, else it downloads them.",
            rich_help_panel=_NETWORK,
        ),
    ] = "resnet",
    n: Annotated[
        int | None,
        typer.Option(min=1, help="Residual pairs at 32x32x32.", rich_help_panel=_NETWORK),
    ] = None,
    m: Annotated[
        int | None,
        typer.Option(min=1, help="Residual pairs at 16x16x64.", rich_help_panel=_NETWORK),
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option(min=0, max=0.95, help="Of the last features.", rich_help_panel=_NETWORK),
    ] = None,
    input_kind: Annotated[
        str,
        typer.Option(
            "--input", help="per_image, or the poster's per_pixel.", rich_help_panel=_NETWORK
        ),
    ] = "per_image",
    start_from: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Start from the weights of a model of the same architecture.",
            rich_help_panel=_NETWORK,
        ),
    ] = None,
    family: Annotated[
        list[str] | None,
        typer.Option(
            help="Particle family, repeatable; all if not given.", rich_help_panel=_FRAMES
        ),
    ] = None,
    hold_out: Annotated[
        list[str] | None,
        typer.Option(
            help="Family never learned from, repeatable; the threshold is chosen on it.",
            rich_help_panel=_FRAMES,
        ),
    ] = None,
    detector: Annotated[
        list[str] | None,
        typer.Option(
            help="Detector preset, repeatable; repeats weigh more; all if not given.",
            rich_help_panel=_FRAMES,
        ),
    ] = None,
    class_weight: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CLASS=WEIGHT",
            help="Proportion of a class in the simulated frames, as multi=0.4; repeatable.",
            rich_help_panel=_FRAMES,
        ),
    ] = None,
    reuse: Annotated[
        int,
        typer.Option(
            min=1,
            help="Times a simulated frame is shown, augmented anew.",
            rich_help_panel=_FRAMES,
        ),
    ] = 1,
    workers: Annotated[
        int,
        typer.Option(
            min=0,
            help="Processes that simulate; 0: the training's own device.",
            rich_help_panel=_FRAMES,
        ),
    ] = 1,
    frames: Annotated[
        int | None,
        typer.Option(
            min=16, help="That a baseline is fitted to, about 4000.", rich_help_panel=_FRAMES
        ),
    ] = None,
    labels_per_class: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Labels that a diffusion map uses of each class; all if not given.",
            rich_help_panel=_FRAMES,
        ),
    ] = None,
    validation_frames: Annotated[
        int,
        typer.Option(min=64, help="Simulated, to choose the best by.", rich_help_panel=_FRAMES),
    ] = 4096,
    test_frames: Annotated[
        int,
        typer.Option(
            min=64, help="Simulated, for the figures in model.json.", rich_help_panel=_FRAMES
        ),
    ] = 8192,
    epochs: Annotated[int, typer.Option(min=1, rich_help_panel=_TRAINING)] = 30,
    steps: Annotated[
        int, typer.Option(min=1, help="Steps an epoch.", rich_help_panel=_TRAINING)
    ] = 200,
    batch: Annotated[
        int, typer.Option(min=2, help="Frames a step, on each device.", rich_help_panel=_TRAINING)
    ] = 64,
    learning_rate: Annotated[
        float, typer.Option(min=0, help="Peak learning rate.", rich_help_panel=_TRAINING)
    ] = 2e-3,
    label_smoothing: Annotated[
        float,
        typer.Option(min=0, max=0.5, help="Doubt about labels.", rich_help_panel=_TRAINING),
    ] = 0.05,
    false_positives: Annotated[
        float,
        typer.Option(
            min=1e-4,
            max=0.5,
            help="Bad frames that the threshold may let through.",
            rich_help_panel=_TRAINING,
        ),
    ] = 0.005,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of frames and weights.", rich_help_panel=_TRAINING)
    ] = 0,
    device: Annotated[
        str, typer.Option(help="auto, cpu or cuda.", rich_help_panel=_TRAINING)
    ] = "auto",
    devices: Annotated[
        int,
        typer.Option(
            min=1,
            help="GPUs, or processes on the CPU, that train together.",
            rich_help_panel=_TRAINING,
        ),
    ] = 1,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh",
            help="Start anew instead of resuming in the folder.",
            rich_help_panel=_TRAINING,
        ),
    ] = False,
) -> None:
    """Train a model and write its folder.

    Interrupt it at any time: the same command goes on where it stopped. The best model so far is
    always in the folder; the figures of the finished one are measured on frames it never saw.
    """
    from spi_viewer.cli.baseline_training import check_options, is_baseline, train_baseline
    from spi_viewer.cli.training_bar import TrainingBar
    from spi_viewer.networks.checkpoint import check_input_kind
    from spi_viewer.networks.classifier import find_model
    from spi_viewer.networks.training_config import TrainingConfig
    from spi_viewer.training_jobs import train_model

    check_options(context, model)
    kind = check_input_kind(input_kind)
    data = _simulated(family, hold_out, detector, class_weight, workers, reuse)
    if is_baseline(model):
        card = train_baseline(
            model,
            data,
            output,
            labels_per_class=labels_per_class,
            frames=frames,
            validation_frames=validation_frames,
            test_frames=test_frames,
            false_positives=false_positives,
            seed=seed,
            device=device,
            description={"command": _command()},
        )
        _show_figures(output, card.figures)
        return
    config = TrainingConfig(
        name=output.resolve().name,
        network=_network_config(model, in_channels=kind.channels, n=n, m=m, dropout=dropout),
        input_kind=kind,
        epochs=epochs,
        steps_per_epoch=steps,
        learning_rate=learning_rate,
        label_smoothing=label_smoothing,
        false_positives=false_positives,
        seed=seed,
    )
    typer.echo("preparing the validation frames ...")
    with TrainingBar() as show:
        card = train_model(
            config,
            data,
            output,
            batch=batch,
            validation_frames=validation_frames,
            test_frames=test_frames,
            start_from=find_model(start_from) if start_from is not None else None,
            device=device,
            devices=devices,
            progress=show,
            resume=not fresh,
            description={"command": _command()},
        )
    _show_figures(output, card.figures)


def _simulated(
    family: list[str] | None,
    hold_out: list[str] | None,
    detector: list[str] | None,
    class_weight: list[str] | None,
    workers: int,
    reuse: int,
) -> SimulatedData:
    from spi_viewer.simulation.particles import FAMILIES
    from spi_viewer.training_frames import SimulatedData

    return SimulatedData(
        families=tuple(family or FAMILIES),
        held_out=tuple(hold_out or ()),
        detectors=tuple(detector) if detector else None,
        workers=workers,
        reuse=reuse,
        weights=parse_class_weights(class_weight) if class_weight else None,
    )


def _network_config(kind: str, in_channels: int, **wanted: float | None) -> NetworkConfig:
    """The configuration of a kind of network with what was asked for."""
    from spi_viewer.classifiers import KINDS
    from spi_viewer.networks.architectures import ARCHITECTURES

    if kind not in ARCHITECTURES:
        raise typer.BadParameter(
            f"{kind!r} is not a kind of model; choose from: {', '.join(KINDS)}",
            param_hint="--model",
        )
    config = ARCHITECTURES[kind].config
    asked = {name: value for name, value in wanted.items() if value is not None}
    unknown = asked.keys() - {field.name for field in dataclasses.fields(config)}
    if unknown:
        raise typer.BadParameter(f"a network of the kind {kind} has no --{min(unknown)}")
    values: dict[str, Any] = {"in_channels": in_channels, **asked}
    return config(**values)


def _show_figures(folder: Path, figures: dict[str, Any]) -> None:
    for name, measured in figures.items():
        bright = measured.get("above_3000_photons")
        if name == "validation" or bright is None:
            continue
        rates = {
            title: "none to judge" if bright[key] is None else f"{bright[key]:.4f}"
            for title, key in (
                ("accuracy", "accuracy"),
                ("false positives", "false_positives"),
                ("false negatives", "false_negatives"),
            )
        }
        listed = ", ".join(f"{title} {rate}" for title, rate in rates.items())
        typer.echo(f"{folder}: {name}: {listed} above 3000 photons")


def _command() -> str:
    return shlex.join(["spi-viewer", *sys.argv[1:]])
