"""What hides a detector: gaps, the beam stop with its arm, modules that do not answer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spi_viewer.simulation.detector import DetectorPreset, are_real, draw_within
from spi_viewer.simulation.draws import Draw

_WITH_STOP = 0.75  # part of the frames


@dataclass(frozen=True)
class Shadows:
    """What hides the detector.

    Attributes:
        transmission: (B, S, S) float32, 1 where light arrives, 0 (or a leak) behind stop and gap.
        valid: (B, S, S) bool as the facility's mask tells it; shadows may be missing in it.
    """

    transmission: Tensor
    valid: Tensor


def draw_shadows(
    presets: list[DetectorPreset],
    center_px: Tensor,
    fringe_px: Tensor,
    binning: Tensor,
    side: int,
    draw: Draw,
) -> Shadows:
    """Gaps, stop with arm, and dead modules of B frames.

    center_px (B, 2) and fringe_px (B,) in pixels of the frame, of which each has `binning` (B,)
    detector pixels along its side.
    """
    count = len(presets)
    gaps = _draw_gaps(presets, binning, side, draw)
    stops = _draw_stops(presets, center_px, fringe_px, side, draw)
    dead = _draw_dead_modules(presets, side, draw)
    # Facilities mask gaps nearly always, beam stops often, and arms by hand or never.
    gap_known = draw.chance(0.85, count)[:, None, None]
    stop_known = draw.chance(0.5, count)[:, None, None]
    dead_known = draw.chance(0.7, count)[:, None, None]
    hidden = gaps | stops | dead
    masked = (gaps & gap_known) | (stops & stop_known) | (dead & dead_known)
    return Shadows((~hidden).float(), ~masked)


def _draw_gaps(presets: list[DetectorPreset], binning: Tensor, side: int, draw: Draw) -> Tensor:
    """(B, S, S) True in gaps along rows or columns."""
    count = len(presets)
    width = draw_within([preset.gap_px for preset in presets], draw) / binning
    quadrants = torch.tensor([p.layout == "quadrants" for p in presets], device=draw.device)
    halves = torch.tensor([p.layout == "halves" for p in presets], device=draw.device)
    present = are_real(presets, draw.device) & draw.chance(0.8, count)
    middle = side / 2.0 + draw.normal(0.0, 0.02 * side, count, 2)
    pitch = side * draw.uniform(0.2, 0.5, count, 2)
    pixels = torch.arange(side, device=draw.device, dtype=torch.float32)
    distance = pixels - middle[..., None]  # (B, 2, S)
    half_width = width[:, None, None] / 2.0
    main = distance.abs() < half_width
    modules = torch.remainder(distance + half_width / 2.0, pitch[..., None]) < half_width
    lines = torch.where(quadrants[:, None, None], main | modules, main) & present[:, None, None]
    upright = draw.chance(0.5, count)
    use_rows = (quadrants | (halves & ~upright))[:, None, None]
    use_columns = (quadrants | (halves & upright))[:, None, None]
    return (lines[:, 0, :, None] & use_rows) | (lines[:, 1, None, :] & use_columns)


def _draw_stops(
    presets: list[DetectorPreset], center_px: Tensor, fringe_px: Tensor, side: int, draw: Draw
) -> Tensor:
    """(B, S, S) True behind the beam stop, round or square, and its arm, one- or two-sided.

    In three frames of four that have one it suits the sample, as at beamtimes: it hides 0.4 to 1.5
    fringe periods from the centre, most of the direct lobe. A frame in four has none: the beam goes
    through a hole, or the pattern is bright enough with its whole core.
    """
    count = len(presets)
    radius = draw_within([preset.stop_radius for preset in presets], draw) * side
    suited = fringe_px * draw.uniform(0.4, 1.5, count)
    suited = suited.clamp(0.01 * side, 0.12 * side)
    radius = torch.where(draw.chance(0.75, count), suited, radius)
    present = are_real(presets, draw.device) & draw.chance(_WITH_STOP, count)
    radius = torch.where(present, radius, torch.zeros_like(radius))
    middle = center_px + draw.normal(0.0, 0.008 * side, count, 2)
    turn = draw.uniform(0.0, 6.2832, count)
    square = draw.chance(0.4, count)[:, None, None]
    arm = draw.chance(0.55, count) & (radius > 0)
    half_width = radius * draw.uniform(0.25, 0.8, count)
    reach = torch.where(draw.chance(0.3, count), draw.uniform(0.1, 0.5, count) * side, 2.0 * side)
    two_sided = draw.chance(0.35, count)
    pixels = torch.arange(side, device=draw.device, dtype=torch.float32)
    y = (pixels - middle[:, :1])[:, :, None]
    x = (pixels - middle[:, 1:])[:, None, :]
    cosine, sine = torch.cos(turn)[:, None, None], torch.sin(turn)[:, None, None]
    along, across = cosine * x + sine * y, cosine * y - sine * x
    size = radius[:, None, None]
    in_box = torch.maximum(along.abs(), across.abs()) * 1.1 < size
    in_disc = along.square() + across.square() < size.square()
    hidden = torch.where(square, in_box, in_disc)
    start = torch.where(two_sided, -reach, torch.zeros_like(reach))[:, None, None]
    on_arm = across.abs() < (half_width * arm)[:, None, None]
    on_arm &= (along > start) & (along < reach[:, None, None])
    return hidden | on_arm


def _draw_dead_modules(presets: list[DetectorPreset], side: int, draw: Draw) -> Tensor:
    """(B, S, S) True in rectangles that do not answer, in one frame of eight."""
    count = len(presets)
    present = (are_real(presets, draw.device) & draw.chance(0.125, count))[:, None, None]
    corner = draw.uniform(0.0, 1.0, count, 2)
    size = draw.uniform(0.08, 0.3, count, 2)
    pixels = (torch.arange(side, device=draw.device) + 0.5) / side
    inside = (pixels >= corner[..., None]) & (pixels < (corner + size)[..., None])  # (B, 2, S)
    return inside[:, 0, :, None] & inside[:, 1, None, :] & present
