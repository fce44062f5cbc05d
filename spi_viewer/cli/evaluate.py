"""`evaluate`: what models get right and wrong, as a folder of tables and figures."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spi_viewer.cli.crops import CropOption

if TYPE_CHECKING:
    from spi_viewer.evaluation.evaluation import Plan
    from spi_viewer.frames import Crop

_QUICK_FRAMES = 1024
_MEASURED, _SIMULATED = "Measured frames", "Simulated frames"


def evaluate(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME_OR_FOLDER",
            help="Bundled model or model folder, repeatable; all bundled ones if not given.",
        ),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(metavar="RUN", help="Labelled run, repeatable.", rich_help_panel=_MEASURED),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Labels of the runs; without, each run's own /labels/class.",
            rich_help_panel=_MEASURED,
        ),
    ] = None,
    label_names: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="What labels mean, if they do not say it: 0=non-sample,1=single,2=multi.",
            rich_help_panel=_MEASURED,
        ),
    ] = None,
    crop: CropOption = None,
    frames: Annotated[
        int | None,
        typer.Option(
            min=64,
            help=f"Frames to simulate; 10,000 if not given, {_QUICK_FRAMES:,} if --quick.",
            rich_help_panel=_SIMULATED,
        ),
    ] = None,
    family: Annotated[
        list[str] | None,
        typer.Option(
            help="Particle family, repeatable; all if not given.", rich_help_panel=_SIMULATED
        ),
    ] = None,
    detector: Annotated[
        list[str] | None,
        typer.Option(
            help="Detector preset, repeatable; all real ones if not given.",
            rich_help_panel=_SIMULATED,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            min=0, help="The same seed gives the same frames.", rich_help_panel=_SIMULATED
        ),
    ] = 0,
    figure_6: Annotated[
        int | None,
        typer.Option(
            "--figure-6",
            min=64,
            metavar="FRAMES",
            help="Train ResNets of four sizes on so many frames and draw accuracy over size; "
            "resumes when interrupted. Without, it is drawn from the models given.",
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few frames: a look at the report, not a result.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    force: Annotated[
        bool, typer.Option("--force", help="Replace a finished report in the folder.")
    ] = False,
) -> None:
    """Judge models on frames that no training saw and write OUTPUT/report.md.

    With it come tables (CSV, Markdown) and figures (PNG): accuracy, robustness by particle
    family, errors by photons, precision where few frames are good, calibration, activation maps,
    speed, and the poster's tables. Interrupted, the report holds what was done until then.
    """
    from spi_viewer.cli.evaluation_bar import EvaluationBar
    from spi_viewer.evaluation.conditions import conditions
    from spi_viewer.evaluation.evaluation import evaluate as make_report
    from spi_viewer.evaluation.report import INDEX_NAME, Report, check_free

    check_free(output, overwrite=force)  # before the slow part
    plan = _plan(
        output=output,
        model=model,
        data=data,
        labels=labels,
        label_names=label_names,
        crop=crop,
        frames=frames or (_QUICK_FRAMES if quick else 10_000),
        family=family,
        detector=detector,
        seed=seed,
        figure_6=figure_6,
        device=device,
    )
    command = shlex.join(["spi-viewer", *sys.argv[1:]])
    lines = conditions(command, [plan.simulated, *plan.measured])
    report = Report.begin(output, lines, overwrite=force)
    with EvaluationBar() as show:
        make_report(plan, report, show)
    names = ", ".join(one.name for one in plan.models)
    typer.echo(f"{output / INDEX_NAME}: {names}, {plan.simulated.frames:,} simulated frames")


def _plan(
    output: Path,
    model: list[str] | None,
    data: list[Path] | None,
    labels: Path | None,
    label_names: str | None,
    crop: Crop | None,
    frames: int,
    family: list[str] | None,
    detector: list[str] | None,
    seed: int,
    figure_6: int | None,
    device: str,
) -> Plan:
    """Everything loaded and checked, so that what is wrong is said before the slow part."""
    from spi_viewer.evaluation.depth import DepthStudy
    from spi_viewer.evaluation.evaluation import Plan
    from spi_viewer.evaluation.frame_sets import SimulatedSet
    from spi_viewer.evaluation.labelled_run import read_labelled_runs
    from spi_viewer.evaluation.models import bundled_models, load_models
    from spi_viewer.networks.devices import choose_device
    from spi_viewer.simulation.particles import FAMILIES

    if (labels is not None or label_names is not None) and not data:
        raise typer.BadParameter("labels are of runs; name them with --data", param_hint="--labels")
    if crop is not None and not data:
        raise typer.BadParameter("a crop is of runs; name them with --data", param_hint="--crop")
    place = str(choose_device(device))
    families = tuple(dict.fromkeys(family)) if family else tuple(FAMILIES)
    simulated = SimulatedSet(
        families, frames, tuple(detector) if detector else None, seed, device=place
    )
    simulated.check()
    depths = None
    if figure_6 is not None:
        depths = DepthStudy(figure_6, families, seed, output / "figure-6", place)
    measured = read_labelled_runs(data, labels, label_names, crop) if data else []
    return Plan(load_models(model or bundled_models(), device), simulated, measured, depths, device)
