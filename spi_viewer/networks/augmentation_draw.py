"""Random numbers for augmentation."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class AugmentationDraw:
    """Random numbers of one generator, on its device: `shape` tells how many."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Uniform in [low, high)."""
        place = self.generator.device
        return low + (high - low) * torch.rand(shape, generator=self.generator, device=place)

    def log_uniform(self, bounds: tuple[float, float], *shape: int) -> Tensor:
        """Log-uniform between the bounds."""
        return torch.exp(self.uniform(math.log(bounds[0]), math.log(bounds[1]), *shape))

    def chance(self, share: float, *shape: int) -> Tensor:
        """True with the probability `share`."""
        return self.uniform(0.0, 1.0, *shape) < share
