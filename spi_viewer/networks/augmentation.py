"""Changes that leave a frame's class alone: what beams, detectors, files and displays do to it.

Each acts on a random share of the frames, with a new draw for every frame and every showing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from spi_viewer.frames import FrameClass
from spi_viewer.networks.augmentation_draw import AugmentationDraw
from spi_viewer.networks.saved_pictures import clipped, coarsened, has_ring

_KEPT = (0.3, 1.0)  # part of the photons that thinning leaves
_MIN_COUNTS = 1500.0  # a thinned frame must still show what it is
_GAIN = 0.2  # spread of slow changes of sensitivity, in natural logarithms
_OFFSET = (0.01, 0.3)  # light added evenly, in means of the frame
_SHIFT = 4 / 64  # of half the side, at most
_ZOOM = (0.85, 1.5)  # smaller would make fringes of 3 px too fine to see
_STRETCHED = 0.5  # part of the moved frames that is zoomed by two numbers, along two axes
_BAND = (0.01, 0.08)  # width of an arm or a cable, of the side
_DEAD = (0.03, 0.38)  # side of a dead module, of the side
_COARSE_PX = (56, 96)  # side of small files
_RINGED = 0.45  # part of the hits' 8-bit pictures in which a ring shows: 0.5 large, 0.4 small


@dataclass(frozen=True)
class Shares:
    """In what share of the frames each change is made."""

    thinned: float = 0.1
    tinted: float = 0.2
    moved: float = 0.6
    banded: float = 0.2
    dead: float = 0.2
    coarsened: float = 0.3
    clipped: float = 0.35
    coarsened_and_clipped: float = 0.7  # of the coarsened: small files are mostly pictures


SHARES = Shares()

_Change = Callable[[Tensor, Tensor, AugmentationDraw], tuple[Tensor, Tensor]]


def augment(
    counts: Tensor,
    valid: Tensor,
    frame_class: Tensor,
    generator: torch.Generator,
    shares: Shares = SHARES,
) -> tuple[Tensor, Tensor]:
    """All changes, in the order in which they happen to real frames, and a flip.

    Takes and gives counts (B, 128, 128) float32 and valid (B, 128, 128) bool; what is not
    valid becomes 0. frame_class (B,) is looked at where a change could take from a frame what it
    is known by. The generator lives on the device of the frames.
    """
    draw = AugmentationDraw(generator)
    changes: tuple[tuple[_Change, float], ...] = (
        (_flip, 0.5),
        (_turn_quarter, 0.5),
        (_thin, shares.thinned),
        (_tint, shares.tinted),
        (_move, shares.moved),
        (_band, shares.banded),
        (_kill, shares.dead),
    )
    counts, valid = torch.where(valid, counts, 0.0), valid.clone()
    for change, share in changes:
        rows = draw.chance(share, len(counts)).nonzero()[:, 0]
        if len(rows):
            changed, still_valid = change(counts[rows], valid[rows], draw)
            counts[rows], valid[rows] = torch.where(still_valid, changed, 0.0), still_valid
    few = int(draw.uniform(_COARSE_PX[0], _COARSE_PX[1] + 1.0))
    small = draw.chance(shares.coarsened, len(counts))
    rows = small.nonzero()[:, 0]
    # Whatever can still be seen in them: left out by class, small files would tell it.
    if len(rows):
        counts[rows], valid[rows] = coarsened(counts[rows], valid[rows], few)
    often = torch.where(small, shares.coarsened_and_clipped, shares.clipped)
    rows = (draw.uniform(0.0, 1.0, len(counts)) < often).nonzero()[:, 0]
    if len(rows):
        shown, known = clipped(counts[rows], valid[rows], draw)
        kept = _show_rings(shown, known, frame_class[rows], draw)
        counts[rows[kept]], valid[rows[kept]] = shown[kept], known[kept]
    return counts, valid


def _show_rings(
    shown: Tensor, valid: Tensor, frame_class: Tensor, draw: AugmentationDraw
) -> Tensor:
    """Which 8-bit pictures to learn from, (B,): of hits those with a ring, of others as many.

    Were only single particles without a ring left out, 8 bits would be a sign of anything else.
    """
    is_hit = (frame_class == FrameClass.SINGLE) | (frame_class == FrameClass.MULTI)
    return torch.where(is_hit, has_ring(shown, valid), draw.chance(_RINGED, len(shown)))


def _flip(counts: Tensor, valid: Tensor, _draw: AugmentationDraw) -> tuple[Tensor, Tensor]:
    return counts.flip(2), valid.flip(2)


def _turn_quarter(counts: Tensor, valid: Tensor, _draw: AugmentationDraw) -> tuple[Tensor, Tensor]:
    return counts.transpose(1, 2), valid.transpose(1, 2)


def _thin(counts: Tensor, valid: Tensor, draw: AugmentationDraw) -> tuple[Tensor, Tensor]:
    """A weaker pulse: each photon is kept by chance, where the counts are whole photons.

    Others are scaled, which their standardised input does not show.
    """
    photons = counts.clamp_min(0.0).round()
    kept = draw.log_uniform(_KEPT, len(counts))
    kept = torch.maximum(kept, _MIN_COUNTS / photons.sum((1, 2)).clamp_min(_MIN_COUNTS))
    probability = kept[:, None, None].expand_as(photons).contiguous()
    thinned = torch.binomial(photons, probability, generator=draw.generator)
    whole = ((photons - counts).abs() < 1e-3).flatten(1).all(1)[:, None, None]
    return torch.where(whole, thinned, counts), valid


def _tint(counts: Tensor, valid: Tensor, draw: AugmentationDraw) -> tuple[Tensor, Tensor]:
    """Slow changes of sensitivity over the detector, and light that falls on all of it."""
    frames, side = counts.shape[:2]
    knots = draw.uniform(-1.0, 1.0, frames, 1, 5, 5) * (_GAIN * math.sqrt(3.0))
    field = F.interpolate(knots, (side, side), mode="bilinear", align_corners=True)[:, 0]
    offset = draw.log_uniform(_OFFSET, frames)[:, None, None] * counts.mean((1, 2), keepdim=True)
    return counts * torch.exp(field) + offset, valid


def _move(counts: Tensor, valid: Tensor, draw: AugmentationDraw) -> tuple[Tensor, Tensor]:
    """Turn, zoom, stretch and shift; what comes in from outside is 0, half the time masked.

    A pattern stretched along an axis is that of the body squeezed along it (the Fourier
    transform's similarity theorem), so the families show more shapes than their own.
    """
    frames, side = counts.shape[:2]
    zoom = draw.log_uniform(_ZOOM, frames, 2)
    stretched = draw.chance(_STRETCHED, frames, 1)
    zoom = torch.where(stretched, zoom, zoom[:, :1])
    first, last = (_rotations(draw.uniform(0.0, 2.0 * math.pi, frames)) for _ in range(2))
    shift = draw.uniform(-_SHIFT, _SHIFT, frames, 2, 1)
    back = torch.cat([first @ (last / zoom[..., None]), shift], -1)
    grid = F.affine_grid(back, [frames, 1, side, side], align_corners=False)
    # Nearest, so that photons stay whole and their noise stays Poisson.
    both = torch.stack([counts, valid.to(counts.dtype)], dim=1)
    moved = F.grid_sample(both, grid, mode="nearest", align_corners=False)
    outside = (grid.abs() > 1.0).any(-1)
    unmarked = outside & draw.chance(0.5, frames)[:, None, None]
    return moved[:, 0], (moved[:, 1] > 0.5) | unmarked


def _rotations(angle: Tensor) -> Tensor:
    """(B,) radians to (B, 2, 2)."""
    cosine, sine = torch.cos(angle), torch.sin(angle)
    rows = (torch.stack([cosine, -sine], -1), torch.stack([sine, cosine], -1))
    return torch.stack(rows, -2)


def _band(counts: Tensor, valid: Tensor, draw: AugmentationDraw) -> tuple[Tensor, Tensor]:
    """A dark band across the frame, as arms, gaps and cables make: at any angle, masked or not."""
    frames, side = counts.shape[:2]
    pixels = (torch.arange(side, device=counts.device) - (side - 1) / 2) / side
    turn = draw.uniform(0.0, math.pi, frames)[:, None, None]
    offset = draw.uniform(-0.3, 0.3, frames)[:, None, None]
    width = draw.log_uniform(_BAND, frames)[:, None, None]
    across = torch.cos(turn) * pixels[:, None] - torch.sin(turn) * pixels
    hidden = (across - offset).abs() < width / 2
    masked = hidden & draw.chance(0.5, frames)[:, None, None]
    return counts * ~hidden, valid & ~masked


def _kill(counts: Tensor, valid: Tensor, draw: AugmentationDraw) -> tuple[Tensor, Tensor]:
    """A dead module: a masked rectangle."""
    frames, side = counts.shape[:2]
    pixels = (torch.arange(side, device=counts.device) + 0.5) / side
    corner = draw.uniform(0.0, 1.0, frames, 2, 1)
    end = corner + draw.log_uniform(_DEAD, frames, 2, 1)
    inside = (pixels >= corner) & (pixels < end)  # (B, 2, S)
    return counts, valid & ~(inside[:, 0, :, None] & inside[:, 1, None, :])
