"""What a few labels of a measured run, or none, make of a network, over random splits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spi_viewer.adaptation import AS_TRAINED, HEAD, NORMS, repeated_splits
from spi_viewer.errors import LabelError
from spi_viewer.evaluation.labelled_run import LabelledRun
from spi_viewer.evaluation.models import EvaluatedModel
from spi_viewer.evaluation.report import Part, file_name
from spi_viewer.evaluation.table import Table
from spi_viewer.networks.architectures import ARCHITECTURES
from spi_viewer.networks.checkpoint import load_model
from spi_viewer.networks.classifier import Classifier
from spi_viewer.networks.intervals import Estimate

LABELS_PER_CLASS = (5, 20)
_REPEATS = 25
_KINDS = (AS_TRAINED, NORMS, HEAD)


def few_labels_part(
    run: LabelledRun, models: Sequence[EvaluatedModel], device: str = "auto"
) -> Part | None:
    """Balanced accuracy of the models that adapt, before and after; None if none of them does.

    Raises ModelError for a model that cannot be loaded.
    """
    networks = [
        model
        for model in models
        if isinstance(model.classifier, Classifier) and model.kind in ARCHITECTURES
    ]
    if not networks:
        return None
    table = Table(
        f"few_labels_{file_name(run.name)}",
        "Balanced accuracy on the frames of all other events",
        ["model", "labels a class", "labels", "frames judged", *_KINDS],
    )
    for model in networks:
        weights = load_model(model.folder)
        for per_class in LABELS_PER_CLASS:
            try:
                found = repeated_splits(weights, run.labelled, per_class, _REPEATS, device=device)
            except LabelError:
                continue  # the run has too few
            counts = (round(found[name]) for name in ("labels", "judged_frames"))
            means = (_mean(found[kind]) for kind in _KINDS)
            table.rows.append([model.name, per_class, *counts, *means])
    text = (
        f"`train --adapt` repeated over {_REPEATS} random splits by event: the mean, and in "
        "brackets the central 95 % of the splits, which judge few frames each. A class with fewer "
        "labels gives all but those of one event. Frames of the run, without their "
        f"labels, give the {NORMS}: all, or as many as an adaptation takes. That needs no label."
    )
    if not table.rows:
        text += " There are too few labels for any split."
    return Part(f"Few labels: {run.name}", text, [table])


def _mean(splits: dict[str, Any]) -> Estimate:
    return Estimate(splits["mean"], *splits["central_95"])
