"""One adaptation from end to end: fitted, judged on a hold-out, written beside the old model."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spi_viewer.adaptation.choice import ChosenHead, choose_head
from spi_viewer.adaptation.embedding import Embedding
from spi_viewer.adaptation.few_shot_head import with_head
from spi_viewer.adaptation.hold_out import hold_out_figures
from spi_viewer.adaptation.networks_for_run import (
    AS_TRAINED,
    NORMS,
    NetworksForRun,
    networks_for_run,
)
from spi_viewer.errors import LabelError, ModelError
from spi_viewer.frames import Crop, DecisionRule, FrameClass
from spi_viewer.labelled_frames import (
    LabelledFrames,
    few_of_each_class,
    parts_by_event,
    unlabelled_runs,
)
from spi_viewer.networks.calibration import probabilities
from spi_viewer.networks.checkpoint import Model, load_model, save_model
from spi_viewer.networks.devices import choose_device
from spi_viewer.networks.model_card import CARD_NAME

RUN_FRAMES = 256  # unlabelled; their batch-norm moments no longer change with more
HEAD = "head from labels"
_LEARNED, _HELD_OUT = 0.6, 0.4


@dataclass(frozen=True)
class Adaptation:
    """What came of an adaptation.

    Attributes:
        kept: AS_TRAINED, NORMS or HEAD. Nothing was written for AS_TRAINED.
        figures: of each of them that was judged, on labels that none was fitted to.
        labels: that the head was fitted to.
    """

    kept: str
    figures: dict[str, dict[str, Any]]
    labels: int = 0


def adapt_model(
    start_from: Path,
    runs: Sequence[Path],
    folder: Path,
    *,
    labels: LabelledFrames | None = None,
    per_class: int | None = None,
    false_positives: float = 0.005,
    dataset: str | None = None,
    crop: Crop | None = None,
    device: str = "auto",
    seed: int = 0,
    description: dict[str, Any] | None = None,
) -> Adaptation:
    """Adapt a network to a run and write the best of it into `folder`; the old model stays.

    Without labels its batch norms become those of the run, unjudged. With labels a head is fitted
    to some of them, and the network as it was, with the run's batch norms, and with the head are
    judged on the others; no event is in both. What is worse than the old model is not written.

    Args:
        start_from: the model's folder.
        runs: the files of the run; unlabelled frames are drawn from all of them.
        folder: for the adapted model; it must not hold a model.
        labels: of the same run or of others like it.
        per_class: labels of each class to fit to; None: 60 % of all.
        false_positives: rate for the threshold, if there are labels enough to say.
        dataset: of the frames.
        crop: of the operator; None finds the beam centre.
        device: auto, cpu or cuda.
        seed: of what is drawn.
        description: for the card.

    Raises:
        RunFileError: a run that cannot be read. ModelError: the model, or the folder.
        LabelError: too few labels for a hold-out.
    """
    if (folder / CARD_NAME).exists():
        raise ModelError(f"{folder}: holds a model already; adapt into another folder")
    model = load_model(start_from)
    dataset = dataset or _dataset_of(labels)
    counts, valid = unlabelled_runs(runs, RUN_FRAMES, dataset, crop, seed)
    networks = networks_for_run(model, counts, valid, choose_device(device))
    kept, fitted = NORMS, 0
    figures: dict[str, dict[str, Any]] = {}
    result = networks.models[NORMS]
    if labels is not None:
        said = networks.embeddings(labels.counts, labels.valid)
        learned, judged = _parts(labels, per_class, seed)
        chosen, figures = _judged(
            networks, said, labels, learned, judged, false_positives, seed, as_written=True
        )
        kept = _best(figures)
        fitted = len(learned) if kept == HEAD else 0
        result = _with_chosen(networks, chosen) if kept == HEAD else networks.models[kept]
    if kept != AS_TRAINED:
        told = {
            "adapted_from": {"name": model.card.name, "weights_sha256": model.card.weights_sha256},
            "run": str(runs[0]) if len(runs) == 1 else f"{runs[0]} and {len(runs) - 1} more files",
            "run_frames": len(counts),
            "labels": labels.source if labels is not None else None,
            "labels_fitted": fitted,
            "seed": seed,
        }
        card = dataclasses.replace(
            result.card,
            name=folder.resolve().name,
            training={**model.card.training, "adaptation": {**(description or {}), **told}},
            figures={"adaptation": {"kept": kept, "hold_out": figures}},
        )
        save_model(folder, result._replace(card=card))
    return Adaptation(kept, figures, fitted)


def repeated_splits(
    model: Model,
    frames: LabelledFrames,
    per_class: int,
    repeats: int = 20,
    false_positives: float = 0.005,
    device: str = "auto",
) -> dict[str, Any]:
    """Balanced accuracy when `per_class` labels of each class are known, over random splits.

    The frames are the unlabelled run, too; of many, RUN_FRAMES are drawn, as `adapt_model` does.
    Splits are by event; a split judges the frames of all events that gave no label. Returns for
    AS_TRAINED, NORMS and HEAD the mean and the central 95 % of the splits, and the numbers of
    labels and judged frames.
    """
    run = frames.select(np.sort(np.random.default_rng(0).permutation(len(frames))[:RUN_FRAMES]))
    networks = networks_for_run(model, run.counts, run.valid, choose_device(device))
    said = networks.embeddings(frames.counts, frames.valid)
    answers: dict[str, list[float]] = {AS_TRAINED: [], NORMS: [], HEAD: []}
    sizes = []
    for seed in range(repeats):
        learned, judged = _parts(frames, per_class, seed)
        _, figures = _judged(networks, said, frames, learned, judged, false_positives, seed)
        for kind, figure in figures.items():
            answers[kind].append(figure["balanced_accuracy"])
        sizes.append((len(learned), len(judged)))
    summary: dict[str, Any] = {
        kind: {"mean": float(np.mean(values)), "central_95": np.quantile(values, [0.025, 0.975])}
        for kind, values in answers.items()
    }
    for entry in summary.values():
        entry["central_95"] = [float(value) for value in entry["central_95"]]
    labels, judged_frames = (float(np.mean(column)) for column in zip(*sizes, strict=True))
    return {**summary, "repeats": repeats, "labels": labels, "judged_frames": judged_frames}


def _dataset_of(labels: LabelledFrames | None) -> str | None:
    """Of the labelled frames: the run's other frames are to be found there, too."""
    found = {one.dataset for one in labels.ids} if labels is not None else set()
    return found.pop() or None if len(found) == 1 else None


def _parts(
    frames: LabelledFrames, per_class: int | None, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to fit to and rows to judge on; both have good and bad frames."""
    frame_class = frames.frame_class.numpy()
    if per_class is not None:
        learned, judged = few_of_each_class(frame_class, frames.event, per_class, seed)
    else:
        learned, judged = parts_by_event(frame_class, frames.event, (_LEARNED, _HELD_OUT), seed)
    for rows in (learned, judged):
        good = frames.is_good[rows]
        if not good.any() or good.all():
            raise LabelError(
                f"{frames.source}: too few labels to fit to some and judge on others; label good "
                "and bad frames of more events"
            )
    return learned, judged


def _judged(
    networks: NetworksForRun,
    said: dict[str, Embedding],
    frames: LabelledFrames,
    learned: NDArray,
    judged: NDArray,
    false_positives: float,
    seed: int,
    as_written: bool = False,
) -> tuple[ChosenHead, dict[str, dict[str, Any]]]:
    """The head that the learned rows speak for, and figures of all on the judged ones.

    Which patterns a network looks at again is its head's own doubt. `as_written` the new head is
    judged with looks of its own, as it will be used; else with those of the old one, which costs
    nothing.
    """
    chosen = choose_head(
        {kind: one.select(learned) for kind, one in said.items()},
        frames.frame_class.numpy()[learned],
        frames.event[learned],
        networks.spreads,
        false_positives,
        seed,
    )
    card = networks.models[AS_TRAINED].card
    kept = {kind: one.select(judged) for kind, one in said.items()}
    new = Embedding(chosen.head.logits(kept[chosen.kind]), kept[chosen.kind].features)
    if as_written:
        new = networks.with_head(chosen.kind, chosen.head, frames.select(judged))

    def figures(one: Embedding, temperature: float, rule: DecisionRule) -> dict[str, Any]:
        p_good = probabilities(one.logits, temperature)[:, FrameClass.SINGLE]
        return hold_out_figures(
            p_good, frames.is_good[judged], frames.event[judged], rule.threshold
        )

    return chosen, {
        AS_TRAINED: figures(kept[AS_TRAINED], card.temperature, card.rule),
        NORMS: figures(kept[NORMS], card.temperature, card.rule),
        HEAD: figures(new, chosen.temperature, chosen.rule),
    }


def _best(figures: dict[str, dict[str, Any]]) -> str:
    """Of greatest balanced accuracy; of equals the one that changes least."""
    order = (AS_TRAINED, NORMS, HEAD)
    return max(order, key=lambda kind: (figures[kind]["balanced_accuracy"], -order.index(kind)))


def _with_chosen(networks: NetworksForRun, chosen: ChosenHead) -> Model:
    origin = networks.models[chosen.kind]
    card = dataclasses.replace(origin.card, temperature=chosen.temperature, rule=chosen.rule)
    # The run is familiar whichever network the head sits on.
    return origin._replace(network=with_head(origin.network, chosen.head), card=card)
