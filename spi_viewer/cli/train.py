"""`train`: a model from simulated frames, labelled runs or both; resumable at any moment."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import typer

from spi_viewer.cli import train_options as options
from spi_viewer.cli.adapting import run_adaptation
from spi_viewer.cli.crops import CropOption


def train(
    context: typer.Context,
    output: options.Output,
    model: options.Model = "resnet",
    n: options.PairsAt32 = None,
    m: options.PairsAt16 = None,
    autocorrelation: options.Autocorrelation = None,
    dropout: options.Dropout = None,
    second_look: options.SecondLook = None,
    own_share: options.OwnShare = None,
    input_kind: options.InputKind = "per_image",
    start_from: options.StartFrom = None,
    data: options.Data = None,
    labels: options.Labels = None,
    label_names: options.LabelNames = None,
    dataset: options.Dataset = None,
    crop: CropOption = None,
    measured_share: options.MeasuredShare = None,
    family: options.Family = None,
    hold_out: options.HoldOut = None,
    detector: options.Detector = None,
    class_weight: options.ClassWeight = None,
    reuse: options.Reuse = 1,
    workers: options.Workers = 1,
    frames: options.Frames = None,
    labels_per_class: options.LabelsPerClass = None,
    validation_frames: options.ValidationFrames = 4096,
    test_frames: options.TestFrames = 8192,
    epochs: options.Epochs = 30,
    steps: options.Steps = 200,
    batch: options.Batch = 64,
    learning_rate: options.LearningRate = 2e-3,
    label_smoothing: options.LabelSmoothing = 0.05,
    false_positives: options.FalsePositives = 0.005,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    devices: options.Devices = 1,
    fresh: options.Fresh = False,
    adapt: options.Adapt = None,
) -> None:
    """Train a model and write its folder.

    Interrupt it at any time: the same command goes on where it stopped. The best model so far is
    always in the folder; the figures of the finished one are measured on frames it never saw.
    Frames are simulated, or with --data measured, or both with --measured-share.
    """
    from spi_viewer.cli.baseline_training import check_options, is_baseline, train_baseline
    from spi_viewer.cli.train_building import frames_to_learn_from, network_config
    from spi_viewer.cli.training_bar import TrainingBar
    from spi_viewer.networks.checkpoint import check_input_kind
    from spi_viewer.networks.classifier import find_model
    from spi_viewer.networks.training_config import TrainingConfig
    from spi_viewer.training_jobs import train_model

    if adapt:
        run_adaptation(
            context,
            adapt,
            output,
            start_from=start_from,
            labels=labels,
            label_names=label_names,
            per_class=labels_per_class,
            dataset=dataset,
            crop=crop,
            false_positives=false_positives,
            seed=seed,
            device=device,
            command=_command(),
        )
        return
    check_options(context, model)
    kind = check_input_kind(input_kind)
    source = frames_to_learn_from(
        context,
        families=family,
        held_out=hold_out,
        detectors=detector,
        class_weights=class_weight,
        workers=workers,
        reuse=reuse,
        runs=data,
        labels=labels,
        label_names=label_names,
        dataset=dataset,
        crop=crop,
        measured_share=measured_share,
    )
    if is_baseline(model):
        card = train_baseline(
            model,
            source,
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
        network=network_config(
            model,
            in_channels=kind.channels,
            n=n,
            m=m,
            autocorrelation=autocorrelation,
            dropout=dropout,
            second_look=second_look,
            own_share=own_share,
        ),
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
            source,
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
