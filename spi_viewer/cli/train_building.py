"""From the options of `train` to what is trained on what."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from spi_viewer.cli.class_weights import parse_class_weights

if TYPE_CHECKING:
    from spi_viewer.frames import Crop
    from spi_viewer.networks.architectures import NetworkConfig
    from spi_viewer.training_frames import TrainingFrames

_OF_SIMULATION = ("family", "hold_out", "detector", "class_weight", "reuse", "workers")
_OF_RUNS = ("labels", "label_names", "dataset", "crop", "measured_share")


def frames_to_learn_from(
    context: typer.Context,
    *,
    families: Sequence[str] | None,
    held_out: Sequence[str] | None,
    detectors: Sequence[str] | None,
    class_weights: Sequence[str] | None,
    workers: int,
    reuse: int,
    runs: Sequence[Path] | None,
    labels: Path | None,
    label_names: str | None,
    dataset: str | None,
    crop: Crop | None,
    measured_share: float | None,
) -> TrainingFrames:
    """Simulated frames without runs; measured ones with runs; both with a share of them."""
    from spi_viewer.labelled_frames import parse_label_names
    from spi_viewer.simulation.particles import FAMILIES
    from spi_viewer.training_frames import MeasuredData, MixedData, SimulatedData

    simulated = SimulatedData(
        families=tuple(families or FAMILIES),
        held_out=tuple(held_out or ()),
        detectors=tuple(detectors) if detectors else None,
        workers=workers,
        reuse=reuse,
        weights=parse_class_weights(class_weights) if class_weights else None,
    )
    if not runs:
        refuse_given(context, _OF_RUNS, "is of measured runs; name them with --data")
        return simulated
    names = tuple(parse_label_names(label_names).items()) if label_names else None
    measured = MeasuredData(tuple(runs), labels, names, dataset, crop)
    for note in measured.frames.notes:
        typer.echo(note)
    if measured_share is not None:
        return MixedData(simulated, measured, measured_share)
    refuse_given(
        context, _OF_SIMULATION, "is of simulated frames; learn from both with --measured-share"
    )
    return measured


def network_config(kind: str, in_channels: int, **wanted: float | None) -> NetworkConfig:
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
    network: NetworkConfig = config(**values)
    try:
        network.check()
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return network


def refuse_given(context: typer.Context, names: Sequence[str], reason: str) -> None:
    """Raise typer.BadParameter for an option on the command line that would go unused."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        given = source is not None and source.name == "COMMANDLINE"
        if given and parameter.name in names:
            raise typer.BadParameter(f"{parameter.opts[0]} {reason}")
