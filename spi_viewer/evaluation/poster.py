"""The three tables of the poster that this program implements, with our figures beside its own.

The poster's figures are of other frames: a place to start from, no comparison of equals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spi_viewer.evaluation.answers import Answers
from spi_viewer.evaluation.models import MEASURED, SIMULATED, EvaluatedModel
from spi_viewer.evaluation.report import Part
from spi_viewer.evaluation.simulated import LET_IN, LOST, bright_and_all
from spi_viewer.evaluation.speed import Speed
from spi_viewer.evaluation.table import Cell, Table
from spi_viewer.frames import FrameClass
from spi_viewer.networks.intervals import Estimate

_POSTER = "poster: "
_RESNET, _VGG16, _DIFFUSION_MAP = "ResNet (2, 2)", "VGG16", "diffusion map"
_ACCURACY = (
    (_RESNET, SIMULATED, SIMULATED, 0.998),
    (_RESNET, MEASURED, MEASURED, 0.946),
    (_VGG16, MEASURED, MEASURED, 0.986),
    (_RESNET, SIMULATED, MEASURED, 0.620),
)
_FRAMES_PER_S = ((_DIFFUSION_MAP, 7214 / 150), (_RESNET, 7000 / 30))
_GEOMETRIES = ("icosahedron", "soccer", "torus")
_LOST = (0.0, 0.587, 0.848)  # trained on icosahedra only
_LET_IN = (0.0, 0.0, 0.0)


def poster_part(
    models: Sequence[EvaluatedModel],
    simulated: Sequence[Answers],
    measured: Mapping[str, Sequence[Answers]],
    speeds: Sequence[Speed],
) -> Part:
    """Accuracy, speed and robustness as the poster has them; measured answers by name of run."""
    text = (
        "The poster's own figures stand first; they are of other frames and older computers, and "
        "have no intervals. Ours are at each model's own threshold."
    )
    if not measured:
        text += " No labelled run was given (--data), so nothing is said of measured frames."
    tables = [
        _accuracy(models, simulated, measured),
        _speed(speeds),
        _robustness(models, simulated),
    ]
    return Part("Beside the poster", text, tables)


def _accuracy(
    models: Sequence[EvaluatedModel],
    simulated: Sequence[Answers],
    measured: Mapping[str, Sequence[Answers]],
) -> Table:
    table = Table(
        "poster_accuracy",
        "Accuracy by training set and test set",
        ["model", "training set", "test set", "frames", "number", "accuracy"],
    )
    for name, training, test, value in _ACCURACY:
        table.rows.append([_POSTER + name, training, test, None, None, _said(value)])
    for model, answer in zip(models, simulated, strict=True):
        for frames, part in bright_and_all(answer):
            known = [model.name, model.training_set, SIMULATED, frames]
            table.rows.append([*known, len(part), part.accuracy])
    for run, answers in measured.items():
        for model, answer in zip(models, answers, strict=True):
            known = [model.name, model.training_set, MEASURED, run]
            table.rows.append([*known, len(answer), answer.accuracy])
    return table


def _speed(speeds: Sequence[Speed]) -> Table:
    table = Table("poster_speed", "Speed", ["model", "frames/s", "ratio to the poster's ResNet"])
    resnet = dict(_FRAMES_PER_S)[_RESNET]
    rows = [(_POSTER + name, rate) for name, rate in _FRAMES_PER_S]
    rows += [(speed.model, speed.median) for speed in speeds]
    table.rows = [[name, rate, rate / resnet] for name, rate in rows]
    return table


def _robustness(models: Sequence[EvaluatedModel], simulated: Sequence[Answers]) -> Table:
    table = Table(
        "poster_robustness",
        "Robustness by geometry, at the shipped threshold (bad: several particles of the geometry)",
        ["model", "frames", "rate", *_GEOMETRIES],
    )
    poster = _POSTER + "ResNet (2, 2), of icosahedra"
    for rate, values in ((LOST, _LOST), (LET_IN, _LET_IN)):
        table.rows.append([poster, None, rate, *map(_said, values)])
    for model, answer in zip(models, simulated, strict=True):
        for frames, part in bright_and_all(answer):
            several = part.frame_class == FrameClass.MULTI
            lost: list[Cell] = []
            let_in: list[Cell] = []
            for geometry in _GEOMETRIES:
                here = part.family == geometry
                lost.append(part.share(~part.called_good, here & part.is_good))
                let_in.append(part.share(part.called_good, here & several))
            table.rows.append([model.name, frames, LOST, *lost])
            table.rows.append([model.name, frames, LET_IN, *let_in])
        learned = [model.has_learned(geometry) for geometry in _GEOMETRIES]
        table.rows.append([model.name, None, "learned from", *map(_answer, learned)])
    return table


def _answer(learned: bool | None) -> str | None:
    return None if learned is None else "yes" if learned else "no"


def _said(value: float) -> Estimate:
    """A figure of which no interval is known."""
    return Estimate(value, float("nan"), float("nan"))
