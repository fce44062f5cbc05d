"""One block of frames from one generator: exposed, drawn anew where need be, and detected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from spi_viewer.frames import FrameClass
from spi_viewer.simulation import classes
from spi_viewer.simulation.detector import DetectorPreset
from spi_viewer.simulation.draws import Draw, mix_seeds
from spi_viewer.simulation.exposure import Exposure, expose, join_exposures
from spi_viewer.simulation.readout import detect
from spi_viewer.simulation.setting import Order, binning_of, draw_setting
from spi_viewer.simulation.simulated_frames import SimulatedFrames

_FURTHER_ATTEMPTS = 6  # to show what a frame is of; after them it is taken as it is
_BRIGHTER = 3.0  # times the light, at each attempt after which no fringes showed
_CACHED_PIXELS = 2**20  # made at once: few enough for the processor's cache, with little overhead
_MOST_PIXELS = 2**23  # made at once; some dozen arrays of this size are in memory then
_FRAMES = 64  # of a block: enough that the few to draw anew share the overhead ...
_BLOCK_PIXELS = 2**22  # ... as long as they are not large


def block_size(side_px: int) -> int:
    """Frames of a block."""
    return max(_frames_at_once(side_px), min(_FRAMES, _BLOCK_PIXELS // side_px**2))


def _frames_at_once(side_px: int) -> int:
    area = side_px**2
    return max(1, _CACHED_PIXELS // area, min(8, _MOST_PIXELS // area))


def simulate_block(
    families: Sequence[str],
    seed: int,
    block: int,
    weights: Mapping[FrameClass, float],
    presets: Sequence[DetectorPreset],
    device: str | torch.device = "cpu",
    side_px: int = 128,
) -> SimulatedFrames:
    """Block number `block` of a stream: block_size(side_px) frames.

    Hits that do not show what they are (see `visibility`) are drawn anew.
    """
    draw = Draw(mix_seeds(seed, block), device)
    count = block_size(side_px)
    order = Order(
        classes.draw_classes(dict(weights), block * count, count, seed).to(draw.device),
        classes.draw_photons(count, draw),
        [families[i] for i in draw.integers(0, len(families) - 1, count).tolist()],
        [presets[i] for i in draw.integers(0, len(presets) - 1, count).tolist()],
    )
    setting = draw_setting(order.photons, order.presets, side_px, draw)
    pieces = torch.arange(count, device=draw.device).split(_frames_at_once(side_px))
    exposure = join_exposures(
        [expose(order.select(piece), setting.select(piece), draw) for piece in pieces]
    )
    frames, transmission = exposure.frames, exposure.transmission
    rows = torch.arange(count, device=draw.device)
    for _ in range(_FURTHER_ATTEMPTS):
        again = (~exposure.is_shown).nonzero()[:, 0]
        if not len(again):
            break
        rows = rows[again]
        exposure = _expose_again(order.select(rows), exposure, again, draw)
        frames.replace(rows, exposure.frames)
        transmission[rows] = exposure.transmission
    binning = binning_of(order.presets, frames.geometry)
    for piece in pieces:
        presets = order.select(piece).presets
        light = frames.counts[piece]
        counts = detect(light, transmission[piece], presets, binning[piece], draw)
        frames.counts[piece] = counts.mul_(frames.valid[piece])
    return frames


def _expose_again(order: Order, last: Exposure, rows: Tensor, draw: Draw) -> Exposure:
    """Frames `rows` of the last exposure, drawn anew.

    Where several particles cannot be told apart others are drawn in the same setting, so that
    sizes and backgrounds stay those of single ones. A new setting brings more light than the last:
    the faintest hits would show nothing in most.
    """
    suits = last.setting_suits[rows]
    photons = last.frames.photons[rows] * torch.where(suits, 1.0, _BRIGHTER)
    photons = photons.clamp_max(classes.MOST_PHOTONS)
    order = replace(order, photons=photons)
    new = draw_setting(photons, order.presets, last.frames.geometry.side_px, draw)
    return expose(order, last.setting.select(rows).where(suits, new), draw)
