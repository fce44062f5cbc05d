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
# Logarithm of the odds of a good frame beyond which one look is enough: below 12 or above 88 %,
# before calibration. Surer answers hardly ever change: four looks at them cost more than twice as
# much in all, and lose as many good frames at 0.5 % false positives.
_SURE_LOG_ODDS = 2.0


def is_doubtful(scores: Tensor) -> Tensor:
    """Whether class scores (B, K) leave it open if a frame is good, (B,) bool."""
    good = scores[:, FrameClass.SINGLE]
    bad = torch.cat([scores[:, : FrameClass.SINGLE], scores[:, FrameClass.SINGLE + 1 :]], 1)
    return (good - bad.logsumexp(1)).abs() < _SURE_LOG_ODDS


def reversed_along(maps: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Maps (B, C, H, W) with the axes reversed, laid out for convolutions."""
    return maps.flip(axes).contiguous(memory_format=torch.channels_last)
