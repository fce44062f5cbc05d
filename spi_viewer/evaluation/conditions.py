"""What an evaluation is repeated from: models by their hashes, versions, frames, and answers."""

from __future__ import annotations

import datetime
import os
import platform
from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch

from spi_viewer import __version__
from spi_viewer.evaluation.answers import Answers
from spi_viewer.evaluation.frame_sets import FrameSet
from spi_viewer.evaluation.models import EvaluatedModel
from spi_viewer.evaluation.report import Part, file_name
from spi_viewer.evaluation.table import Cell, Table
from spi_viewer.frames import FrameClass

_HASH_LETTERS = 12  # of the SHA-256 that are shown; the CSV has it whole


def conditions(command: str, sets: Sequence[FrameSet]) -> list[str]:
    """Lines that say how a report came about and how it is made again."""
    now = datetime.datetime.now().astimezone()
    lines = [
        f"Command: `{command}`",
        f"SPI Viewer {__version__}, Python {platform.python_version()}, torch {torch.__version__}, "
        f"numpy {np.__version__}; {platform.system()} {platform.machine()}",
        f"Processor: {processor()}; threads: {torch.get_num_threads()} of {os.cpu_count()}",
        f"Begun {now:%Y-%m-%d %H:%M %Z}",
    ]
    lines += [f"Frames: {frames.conditions}" for frames in sets]
    lines.append(
        "Brackets are 95 % intervals: of rates by Wilson (1927), of all else by bootstrap. "
        "Good called bad is of the good frames (false negatives), bad called good of the bad ones "
        "(false positives)."
    )
    return lines


def models_part(models: Sequence[EvaluatedModel]) -> Part:
    """Which weights were judged, at which threshold, and what they learned from."""
    columns = ["model", "kind", "threshold", "trained on", "families learned from", "held out"]
    table = Table("models", "Models", [*columns, "folder", "SHA-256 of the weights"])
    for model in models:
        learned, held_out = (_listed(names) for names in (model.families, model.held_out_families))
        known: list[Cell] = [model.name, model.kind, model.classifier.rule.threshold]
        known += [model.training_set, learned, held_out, str(model.folder)]
        table.rows.append([*known, model.classifier.model_hash])
    brief: list[Sequence[Cell]] = [[*row[:-2], str(row[-1])[:_HASH_LETTERS]] for row in table.rows]
    table.shown = Table("models", "Models", [*columns, "SHA-256 of the weights"], brief)
    return Part("Models", tables=[table])


def answers_table(frames: FrameSet, answers: Sequence[Answers]) -> Table:
    """P(single) of every model on every frame, for figures of one's own."""
    first = answers[0]
    names = [f"p_single {answer.model}" for answer in answers]
    table = Table(
        f"answers_{file_name(frames.name)}",
        "Every answer",
        ["frame", "event", "class", "family", "photons", "fringes", *names],
    )
    for row in range(len(first)):
        label = FrameClass(int(first.frame_class[row])).label
        known: list[Cell] = [row, str(first.group[row]), label, str(first.family[row])]
        said = [float(answer.p_good[row]) for answer in answers]
        size = [float(first.photons[row]), float(first.fringes[row]) or None]
        table.rows.append([*known, *size, *said])
    return table


def processor() -> str:
    """Its name where the system tells, else its kind."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            named = [line for line in file if line.startswith("model name")]
    except OSError:
        named = []
    return named[0].split(":", 1)[1].strip() if named else platform.processor() or "unnamed"


def _listed(names: Sequence[str]) -> str | None:
    """Each name once, and how often it stands where that is more: 'torus ×3'."""
    times = Counter(name.replace("_", " ") for name in names)
    return ", ".join(f"{name} ×{n}" if n > 1 else name for name, n in times.items()) or None
