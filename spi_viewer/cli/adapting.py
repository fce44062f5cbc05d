"""`train --adapt`: a finished model made to fit a run, with what it gained and lost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from spi_viewer.frames import Crop

_USED = (
    *("adapt", "output", "start_from", "labels", "label_names", "labels_per_class"),
    *("dataset", "crop", "false_positives", "seed", "device"),
)


def run_adaptation(
    context: typer.Context,
    runs: Sequence[Path],
    output: Path,
    *,
    start_from: Path | None,
    labels: Path | None,
    label_names: str | None,
    per_class: int | None,
    dataset: str | None,
    crop: Crop | None,
    false_positives: float,
    seed: int,
    device: str,
    command: str,
) -> None:
    """Adapt, and print the figures of the hold-out before and after.

    Labels are those of the table, or with --labels-per-class alone those in the run itself. Ends
    with status 1, and without a new model, if no adaptation is better than the old model.
    """
    from spi_viewer.adaptation import AS_TRAINED, HEAD, adapt_model
    from spi_viewer.cli.train_building import refuse_given
    from spi_viewer.labelled_frames import labelled_runs, parse_label_names
    from spi_viewer.networks.classifier import find_model

    others = [one.name for one in context.command.params if one.name and one.name not in _USED]
    refuse_given(context, others, "has no meaning with --adapt")
    if start_from is None:
        raise typer.BadParameter("name the model to adapt with --from")
    known = None
    if labels is not None or per_class is not None:
        names = parse_label_names(label_names) if label_names else None
        known = labelled_runs(
            runs,
            labels,
            names=names,
            dataset=dataset,
            crop=crop,
            bad_of_some_kind=True,
            some_unlabelled=True,
        )
        for note in known.notes:
            typer.echo(note)
    outcome = adapt_model(
        find_model(start_from),
        runs,
        output,
        labels=known,
        per_class=per_class,
        false_positives=false_positives,
        dataset=dataset,
        crop=crop,
        device=device,
        seed=seed,
        description={"command": command},
    )
    for name, figures in outcome.figures.items():
        typer.echo(_line(name, figures))
    if outcome.kept == AS_TRAINED:
        typer.echo(
            f"{start_from} stays the best for {runs[0]}: nothing was written; "
            "more labels of good and bad frames may help"
        )
        raise typer.Exit(1)
    told = outcome.kept + (f" ({outcome.labels})" if outcome.kept == HEAD else "")
    unjudged = "" if outcome.figures else "; not judged, for there are no labels"
    typer.echo(f"{output}: written with {told}{unjudged}")


def _line(name: str, figures: dict[str, Any]) -> str:
    low, high = figures["balanced_accuracy_95"]
    return (
        f"{name}: balanced accuracy {figures['balanced_accuracy']:.3f} ({low:.3f} to {high:.3f}), "
        f"good lost {figures['false_negatives']:.3f}, bad let in "
        f"{figures['false_positives']:.3f}, on {figures['good'] + figures['bad']} held-out frames "
        f"of {figures['events']} events"
    )
