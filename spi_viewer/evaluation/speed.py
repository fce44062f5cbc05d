"""Frames a second of each method, measured in turn in one run on the same frames."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from spi_viewer.evaluation.conditions import processor
from spi_viewer.evaluation.progress import Progress
from spi_viewer.evaluation.report import Part
from spi_viewer.evaluation.table import Table
from spi_viewer.networks.frame_classifier import FrameClassifier
from spi_viewer.networks.training_data import TrainingBatch

SPEED_BATCH = 64
_ROUNDS = 5
_LEAST_ROUNDS = 2
_SPENT_S = 6.0  # then a slow method has been timed well enough


@dataclass(frozen=True)
class Speed:
    """Frames a second of one method: median, slowest and fastest round."""

    model: str
    device: str
    median: float
    slowest: float
    fastest: float


def measure_speed(
    models: Mapping[str, FrameClassifier], batch: TrainingBatch, progress: Progress
) -> list[Speed]:
    """Time whole classifications, from counts in memory to probabilities in memory.

    The methods take turns, so that whatever else the machine does slows all of them alike; the
    first turn of each, which warms it up, is not counted.
    """
    counts = batch.counts[:SPEED_BATCH].cpu().numpy()
    valid = batch.valid[:SPEED_BATCH].cpu().numpy()
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(_ROUNDS + 1):
        for name, model in models.items():
            spent = seconds[name]
            if len(spent) >= _LEAST_ROUNDS and sum(spent) > _SPENT_S:
                continue
            begun = time.perf_counter()
            model.classify(counts, valid)
            if turn:
                spent.append(time.perf_counter() - begun)
            progress.advance(len(counts))
    return [
        Speed(
            model=name,
            device=models[name].device_name,
            median=len(counts) / statistics.median(spent),
            slowest=len(counts) / max(spent),
            fastest=len(counts) / min(spent),
        )
        for name, spent in seconds.items()
    ]


def speed_frames(models: int) -> int:
    """Frames that `measure_speed` judges at most."""
    return models * (_ROUNDS + 1) * SPEED_BATCH


def speed_part(speeds: Sequence[Speed]) -> Part:
    """Throughput, and the ratio to the slowest method."""
    table = Table(
        "speed",
        "Throughput",
        ["model", "device", "frames/s", "slowest round", "fastest round", "ratio to the slowest"],
    )
    slowest = min(speed.median for speed in speeds)
    for speed in speeds:
        ratio = speed.median / slowest
        table.rows.append(
            [speed.model, speed.device, speed.median, speed.slowest, speed.fastest, ratio]
        )
    text = (
        f"Batches of {SPEED_BATCH} frames of 128 × 128 px, from counts in memory to probabilities "
        f"in memory; threads: {torch.get_num_threads()} of {os.cpu_count()} "
        f"({processor()}). The methods took turns; median of up to {_ROUNDS} rounds after one to "
        "warm up. Another load on the machine lowers the rates, and the ratio less."
    )
    return Part("Speed", text, [table])
