"""Labelled frames of any number from a seed: sets to keep, and endless streams for training."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import torch

from spi_viewer.errors import SpiViewerError
from spi_viewer.frames import FrameClass
from spi_viewer.simulation.block import block_size, simulate_block
from spi_viewer.simulation.detector import DETECTORS, DetectorPreset
from spi_viewer.simulation.particles import FAMILIES
from spi_viewer.simulation.simulated_frames import SimulatedFrames, concatenate

__all__ = ["DEFAULT_WEIGHTS", "SimulatedFrames", "class_weights", "simulate_frames", "stream"]

DEFAULT_WEIGHTS: dict[FrameClass, float] = {
    FrameClass.SINGLE: 0.50,
    FrameClass.MULTI: 0.25,
    FrameClass.NON_SAMPLE: 0.15,
    FrameClass.BLANK: 0.10,
}


def class_weights(good_fraction: float) -> dict[FrameClass, float]:
    """The default proportions of the bad classes beside a given part of single particles."""
    bad = 1.0 - DEFAULT_WEIGHTS[FrameClass.SINGLE]
    weights = {
        key: value * (1.0 - good_fraction) / bad
        for key, value in DEFAULT_WEIGHTS.items()
        if key != FrameClass.SINGLE
    }
    return weights | {FrameClass.SINGLE: good_fraction}


def simulate_frames(
    families: Sequence[str],
    count: int,
    seed: int,
    detector: DetectorPreset | Sequence[DetectorPreset] | None = None,
    good_fraction: float = 0.5,
    weights: Mapping[FrameClass, float] | None = None,
    device: str | torch.device = "cpu",
    side_px: int = 256,
    first: int = 0,
) -> SimulatedFrames:
    """`count` frames; the same arguments give the same frames, and a longer set begins with them.

    Args:
        families: names in FAMILIES; each frame's particle is of one of them.
        count: number of frames.
        seed: any whole number.
        detector: one preset, several to draw from, or None for all real ones.
        good_fraction: part of single particles; the bad classes keep their proportions.
        weights: proportions of the classes instead of good_fraction.
        device: torch device.
        side_px: side of the frames; the detector is binned to it.
        first: index of the first frame, to make a long set in pieces.

    Raises:
        SpiViewerError: unknown family, nothing to draw from, or impossible numbers.
    """
    if count < 1 or first < 0:
        raise SpiViewerError("the number of frames must be at least 1")
    if not 0.0 <= good_fraction <= 1.0:
        raise SpiViewerError("the part of single particles must be between 0 and 1")
    chosen = dict(weights) if weights is not None else class_weights(good_fraction)
    presets = _checked(families, chosen, detector, side_px)
    size = block_size(side_px)
    blocks = range(first // size, -(-(first + count) // size))
    parts = [
        simulate_block(families, seed, block, chosen, presets, device, side_px) for block in blocks
    ]
    start = first - blocks.start * size
    return concatenate(parts).select(slice(start, start + count))


def stream(
    families: Sequence[str],
    batch_size: int,
    seed: int,
    side_px: int = 128,
    device: str | torch.device = "cpu",
    detectors: Sequence[DetectorPreset] | None = None,
    weights: Mapping[FrameClass, float] | None = None,
    first_block: int = 0,
) -> Iterator[SimulatedFrames]:
    """Endless fresh batches for training; no frame ever comes twice.

    first_block resumes a stream, or gives each of several workers a stretch of its own.
    """
    chosen = dict(weights) if weights is not None else DEFAULT_WEIGHTS
    presets = _checked(families, chosen, detectors, side_px)
    block = first_block
    waiting: list[SimulatedFrames] = []
    while True:
        while sum(map(len, waiting)) < batch_size:
            waiting.append(simulate_block(families, seed, block, chosen, presets, device, side_px))
            block += 1
        joined = concatenate(waiting)
        yield joined.select(slice(batch_size))
        rest = slice(batch_size, len(joined))
        waiting = [joined.select(rest)] if len(joined) > batch_size else []


def _checked(
    families: Sequence[str],
    weights: Mapping[FrameClass, float],
    detectors: DetectorPreset | Sequence[DetectorPreset] | None,
    side_px: int,
) -> list[DetectorPreset]:
    """The presets to draw from, after a look at everything that could be wrong."""
    unknown = [name for name in families if name not in FAMILIES]
    if unknown or not families:
        raise SpiViewerError(
            f"unknown particle family {', '.join(unknown) or '(none given)'}; "
            f"choose from: {', '.join(FAMILIES)}"
        )
    possible = all(math.isfinite(weight) and weight >= 0.0 for weight in weights.values())
    if not possible or sum(weights.values()) <= 0.0:
        raise SpiViewerError("class weights must not be negative and must not all be zero")
    if side_px < 64:
        raise SpiViewerError("frames must be at least 64 pixels wide")
    if detectors is None:
        return [preset for preset in DETECTORS.values() if preset.nuisances]
    presets = [detectors] if isinstance(detectors, DetectorPreset) else list(detectors)
    if not presets:
        raise SpiViewerError("no detector to draw from")
    return presets
