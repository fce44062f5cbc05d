"""What becomes of frames that are saved to be looked at: few pixels, and 8 bits."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from spi_viewer.networks.augmentation_draw import AugmentationDraw
from spi_viewer.preprocessing.network_input import radial_profile

_REACH = (0.7, 4.0)  # standard deviations above the mean that a display shows, at most
_FULL_PIXELS = (0.01, 0.1)  # part of the frame's pixels at the display's upper end, at least
_SAMPLED = 5  # each fifth pixel tells the levels
_RING_CONTRAST, _RING_LEVEL = 1.4, 3.0  # a ring over the gap before it; the level of 255


def coarsened(counts: Tensor, valid: Tensor, few: int) -> tuple[Tensor, Tensor]:
    """Frames of fewer pixels, enlarged again: files smaller than the network's input."""
    side = counts.shape[-1]
    light = torch.stack([counts * valid, valid.to(counts.dtype)], 1)
    light = F.adaptive_avg_pool2d(light, few)
    light = light * (light[:, 1:] > 0.5)
    # Light over what was seen, as a window on a real file has it: no dark rim along a mask.
    shown, seen = F.interpolate(light, (side, side), mode="bilinear", align_corners=False).unbind(1)
    known = seen >= 0.5
    return torch.where(known, shown / seen.clamp_min(0.5), 0.0), known


def clipped(counts: Tensor, valid: Tensor, draw: AugmentationDraw) -> tuple[Tensor, Tensor]:
    """Frames saved for display: 8 bits from about the mean up, often with their mask lost.

    Some pixels of the frame always show: a level that leaves only the core, or nothing at all,
    would take from the frame what it is known by.
    """
    frames = len(counts)
    sample = counts.flatten(1)[:, ::_SAMPLED].sort(1, descending=True).values
    full = draw.log_uniform(_FULL_PIXELS, frames)
    lit = full * draw.uniform(1.5, 4.0, frames)
    full_level, lit_level = (
        sample.gather(1, (part * sample.shape[1]).long()[:, None])[:, 0] for part in (full, lit)
    )
    mean, std = counts.mean((1, 2)), counts.std((1, 2))
    low = torch.minimum(mean, lit_level)[:, None, None]
    high = torch.minimum(mean + std * draw.log_uniform(_REACH, frames), full_level)[:, None, None]
    shown = ((counts - low) / (high - low).clamp_min(1e-6)).clamp(0.0, 1.0).mul(255.0).floor()
    return shown * valid, valid | draw.chance(0.6, frames)[:, None, None]


def has_ring(shown: Tensor, valid: Tensor) -> Tensor:
    """Whether an 8-bit picture shows a dark ring and a bright one around it, (B,).

    A single particle cut down to its core is a droplet to anybody who did not see the rest.
    """
    profile = radial_profile(shown, valid)
    order = torch.arange(profile.shape[1], device=profile.device)
    outside = order > profile.argmax(1, keepdim=True)
    darkest = torch.where(outside, profile, torch.inf).cummin(1).values
    return (profile > _RING_CONTRAST * darkest + _RING_LEVEL).any(1)
