"""Changes to finished frames that leave their class alone: what files and displays do to them.

All are pure functions of frames and draws. Each acts on a random part of the frames.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.simulated_frames import SimulatedFrames


@dataclass(frozen=True)
class AugmentationParts:
    """In what part of the frames each change is made."""

    thinned: float = 0.1
    rotated: float = 0.35
    shaded: float = 0.2
    coarsened: float = 0.25
    clipped: float = 0.2


def augment(
    frames: SimulatedFrames, draw: Draw, parts: AugmentationParts | None = None
) -> SimulatedFrames:
    """All changes, in the order in which they happen to real frames."""
    parts = parts or AugmentationParts()
    frames = thin_photons(frames, draw, parts.thinned)
    frames = rotate(frames, draw, parts.rotated)
    frames = shade(frames, draw, parts.shaded)
    frames = coarsen(frames, draw, parts.coarsened)
    return clip_for_display(frames, draw, parts.clipped)


def _chosen(frames: SimulatedFrames, draw: Draw, part: float) -> Tensor:
    return draw.chance(part, len(frames)).nonzero()[:, 0]


def _replaced(
    frames: SimulatedFrames, rows: Tensor, counts: Tensor, valid: Tensor
) -> SimulatedFrames:
    all_counts, all_valid = frames.counts.clone(), frames.valid.clone()
    all_counts[rows], all_valid[rows] = counts, valid
    return replace(frames, counts=all_counts, valid=all_valid)


def thin_photons(frames: SimulatedFrames, draw: Draw, part: float) -> SimulatedFrames:
    """A weaker pulse: each photon is kept with a probability of 0.3 to 1 (binomial thinning).

    Only frames that keep 500 photons or more of what was hit, so that they still show it.
    """
    kept = draw.log_uniform(0.3, 1.0, len(frames))
    enough = (frames.photons * kept >= 500.0) | (frames.photons == 0.0)
    rows = (draw.chance(part, len(frames)) & enough).nonzero()[:, 0]
    if not len(rows):
        return frames
    before = frames.counts[rows].clamp_min(0.0).round()
    probability = kept[rows, None, None].expand_as(before).contiguous()
    counts = torch.binomial(before, probability, generator=draw.generator)
    photons = frames.photons.clone()
    photons[rows] *= kept[rows]
    thinned = _replaced(frames, rows, counts, frames.valid[rows])
    return replace(thinned, photons=photons)


def rotate(frames: SimulatedFrames, draw: Draw, part: float) -> SimulatedFrames:
    """Turn by any angle about the middle, gap, stop and arm with it; corners become invalid."""
    rows = _chosen(frames, draw, part)
    if not len(rows):
        return frames
    angle = draw.uniform(0.0, 2.0 * math.pi, len(rows))
    cosine, sine, zero = torch.cos(angle), torch.sin(angle), torch.zeros_like(angle)
    turn = torch.stack(
        [torch.stack([cosine, -sine, zero], -1), torch.stack([sine, cosine, zero], -1)], dim=-2
    )
    side = frames.counts.shape[-1]
    grid = functional.affine_grid(turn, [len(rows), 1, side, side], align_corners=False)
    # Nearest, so that photons stay whole and their noise stays Poisson.
    both = torch.stack([frames.counts[rows], frames.valid[rows].float()], dim=1)
    turned = functional.grid_sample(both, grid, mode="nearest", align_corners=False)
    # In half of the frames nobody marked the corners.
    inside = (grid.abs() <= 1.0).all(-1)
    marked = draw.chance(0.5, len(rows))[:, None, None]
    valid = torch.where(inside, turned[:, 1] > 0.5, ~marked)
    return _replaced(frames, rows, turned[:, 0] * valid, valid)


def shade(frames: SimulatedFrames, draw: Draw, part: float) -> SimulatedFrames:
    """A dark band across the frame, as arms and cables make: at any angle, masked or not."""
    rows = _chosen(frames, draw, part)
    if not len(rows):
        return frames
    side = frames.counts.shape[-1]
    pixels = (torch.arange(side, device=draw.device) - (side - 1) / 2.0) / side
    turn = draw.uniform(0.0, math.pi, len(rows))[:, None, None]
    offset = draw.normal(0.0, 0.15, len(rows))[:, None, None]
    width = draw.log_uniform(0.01, 0.08, len(rows))[:, None, None]
    across = torch.cos(turn) * pixels[:, None] - torch.sin(turn) * pixels
    hidden = (across - offset).abs() < width / 2.0
    marked = draw.chance(0.5, len(rows))[:, None, None]
    valid = frames.valid[rows] & ~(hidden & marked)
    return _replaced(frames, rows, frames.counts[rows] * ~hidden, valid)


def coarsen(frames: SimulatedFrames, draw: Draw, part: float) -> SimulatedFrames:
    """Frames of half the pixels, blown up again: files smaller than the network's input."""
    rows = _chosen(frames, draw, part)
    if not len(rows) or frames.counts.shape[-1] % 2:
        return frames
    small = functional.avg_pool2d(frames.counts[rows, None], 2) * 4.0
    valid = functional.avg_pool2d(frames.valid[rows, None].float(), 2) > 0.5
    side = frames.counts.shape[-1]
    counts = functional.interpolate(small * valid, size=(side, side), mode="bilinear")[:, 0]
    large = functional.interpolate(valid.float(), size=(side, side), mode="nearest")[:, 0] > 0.5
    return _replaced(frames, rows, counts / 4.0 * large, large)


def clip_for_display(frames: SimulatedFrames, draw: Draw, part: float) -> SimulatedFrames:
    """8-bit pictures: cut to the mean and 1 to 3 standard deviations above; often without mask."""
    rows = _chosen(frames, draw, part)
    if not len(rows):
        return frames
    counts, valid = frames.counts[rows], frames.valid[rows]
    mean = counts.mean((1, 2), keepdim=True)
    width = counts.std((1, 2), keepdim=True) * draw.log_uniform(1.0, 3.0, len(rows))[:, None, None]
    shown = ((counts - mean) / width.clamp_min(1e-6)).clamp(0.0, 1.0).mul(255.0).floor()
    unmasked = draw.chance(0.6, len(rows))[:, None, None]
    return _replaced(frames, rows, shown * valid, valid | unmasked)
