"""Changes that leave a frame's class alone: cheap, on the fly, a new draw each time."""

from __future__ import annotations

import torch
from torch import Tensor

_GROUPS = 16  # frames of a group share one draw: 16 cheap tensor operations instead of B
_SHIFT_PX = 4
_CLIP_SHARE = 0.15
_DEAD_SHARE = 0.3
_DEAD_PX = (4, 48)  # side of a dead rectangle, from .. below


def augment(counts: Tensor, valid: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random flips, quarter turns, shifts, dead rectangles and display clipping.

    Takes and gives counts (B, H, W) and valid (B, H, W) bool. The generator lives on the CPU.
    Frames are expected in random order, because neighbours share a draw.
    """
    pieces = [
        _augment_group(c, v, generator)
        for c, v in zip(counts.chunk(_GROUPS), valid.chunk(_GROUPS), strict=True)
    ]
    return torch.cat([c for c, _ in pieces]), torch.cat([v for _, v in pieces])


def _augment_group(
    counts: Tensor, valid: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    turns, flip = _whole(0, 4, generator), _whole(0, 2, generator)
    shift_y = _whole(-_SHIFT_PX, _SHIFT_PX + 1, generator)
    shift_x = _whole(-_SHIFT_PX, _SHIFT_PX + 1, generator)
    counts, valid = (
        _shifted(_turned(image, turns, flip), shift_y, shift_x) for image in (counts, valid)
    )
    if _chance(_DEAD_SHARE, generator):
        valid = _with_dead_rectangle(valid, generator)
    if _chance(_CLIP_SHARE, generator):
        counts = _clipped(counts, valid, generator)
    return counts, valid


def _turned(image: Tensor, turns: int, flip: int) -> Tensor:
    turned = torch.rot90(image, turns, (1, 2))
    return turned.flip(2) if flip else turned


def _shifted(image: Tensor, y: int, x: int) -> Tensor:
    """Move by whole pixels; what comes in from outside is 0, not valid."""
    moved = torch.zeros_like(image)
    height, width = image.shape[1:]
    moved[:, max(y, 0) : height + min(y, 0), max(x, 0) : width + min(x, 0)] = image[
        :, max(-y, 0) : height - max(y, 0), max(-x, 0) : width - max(x, 0)
    ]
    return moved


def _with_dead_rectangle(valid: Tensor, generator: torch.Generator) -> Tensor:
    height, width = valid.shape[1:]
    size_y, size_x = _whole(*_DEAD_PX, generator), _whole(*_DEAD_PX, generator)
    y, x = _whole(0, height - 1, generator), _whole(0, width - 1, generator)
    valid = valid.clone()
    valid[:, y : y + size_y, x : x + size_x] = False
    return valid


def _clipped(counts: Tensor, valid: Tensor, generator: torch.Generator) -> Tensor:
    """Cut to the mean and 1-4 standard deviations above, in 8 bits: frames saved for display."""
    reach = 1 + 3 * float(torch.rand((), generator=generator))
    weight = valid.float()
    n = weight.sum((1, 2), keepdim=True).clamp_min(1)
    mean = (counts * weight).sum((1, 2), keepdim=True) / n
    std = ((counts - mean).square() * weight).sum((1, 2), keepdim=True).div(n).sqrt()
    scaled = (counts - mean) / (reach * std).clamp_min(torch.finfo(torch.float32).tiny)
    return torch.floor(scaled.clamp(0, 1) * 255)


def _whole(low: int, stop: int, generator: torch.Generator) -> int:
    return int(torch.randint(low, stop, (), generator=generator))


def _chance(share: float, generator: torch.Generator) -> bool:
    return float(torch.rand((), generator=generator)) < share
