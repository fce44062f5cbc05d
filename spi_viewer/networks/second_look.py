"""A second look at a doubtful pattern: turned and mirrored, it still shows as many particles.

Turned by half a turn a pattern is the same particle's (Friedel's law, but for the curvature of the
Ewald sphere), past other gaps; mirrored it is that of the mirror image. A network that saw all
four alike would be no surer for them; one that does not errs less in the mean.
"""

from __future__ import annotations

import torch
from torch import Tensor

from spi_viewer.frames import FrameClass

# Axes to reverse: half a turn, and both mirror images.
FURTHER_VIEWS = ((2, 3), (2,), (3,))
# Logarithms of the odds of a good frame, before calibration, between which the further looks lose
# their weight: at 82 % they count in full, from 92 % on one look is enough. Surer answers hardly
# ever change: further looks at them would more than double the work, and change no figure. A step
# instead would give a frame next to it one score today and another tomorrow.
_DOUBTFUL_LOG_ODDS, _SURE_LOG_ODDS = 1.5, 2.5


def doubt(scores: Tensor) -> Tensor:
    """How much class scores (B, K) leave it open if a frame is good: (B,) from 0 to 1."""
    good = scores[:, FrameClass.SINGLE]
    bad = torch.cat([scores[:, : FrameClass.SINGLE], scores[:, FrameClass.SINGLE + 1 :]], 1)
    log_odds = good - bad.logsumexp(1)
    left = (_SURE_LOG_ODDS - log_odds.abs()) / (_SURE_LOG_ODDS - _DOUBTFUL_LOG_ODDS)
    return left.clamp(0.0, 1.0)


def blended(first: Tensor, further: list[Tensor], doubts: Tensor) -> Tensor:
    """The first look's (B, ...), and all looks' mean so far as there are doubts (B,)."""
    mean = torch.stack([first, *further]).mean(0)
    weight = doubts.to(first.dtype).view(-1, *[1] * (first.ndim - 1))
    return torch.lerp(first, mean, weight)


def reversed_along(maps: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Maps (B, C, H, W) with the axes reversed, laid out for convolutions."""
    return maps.flip(axes).contiguous(memory_format=torch.channels_last)
