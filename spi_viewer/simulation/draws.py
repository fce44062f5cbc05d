"""Random draws on any device from one seeded generator, so that a seed gives the same frames."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def mix_seeds(seed: int, index: int) -> int:
    """A 63-bit seed for block `index` of stream `seed` (splitmix64: neighbours share nothing)."""
    state = (seed * 0x9E3779B97F4A7C15 + (index + 1) * 0xD1B54A32D192ED03) % 2**64
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        state = ((state ^ (state >> shift)) * factor) % 2**64
    return (state ^ (state >> 31)) >> 1


class Draw:
    """Distributions that the simulator needs, each returning a float32 tensor on the device.

    Attributes:
        generator: the seeded source of all randomness of a block of frames.
        device: where the tensors are made.
    """

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.generator = torch.Generator(self.device).manual_seed(seed)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Uniform in [low, high)."""
        random = torch.rand(shape, generator=self.generator, device=self.device)
        return low + (high - low) * random

    def log_uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Log-uniform in [low, high)."""
        return torch.exp(self.uniform(math.log(low), math.log(high), *shape))

    def normal(self, mean: float, sigma: float, *shape: int) -> Tensor:
        """Gaussian."""
        return mean + sigma * torch.randn(shape, generator=self.generator, device=self.device)

    def log_normal(self, median: float, sigma: float, *shape: int) -> Tensor:
        """Log-normal; sigma in natural logarithms."""
        return median * torch.exp(self.normal(0.0, sigma, *shape))

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """Whole numbers low..high, both included, int64."""
        return torch.randint(
            low, high + 1, shape, generator=self.generator, device=self.device, dtype=torch.int64
        )

    def chance(self, probability: float, *shape: int) -> Tensor:
        """True with the given probability."""
        return self.uniform(0.0, 1.0, *shape) < probability

    def choice(self, weights: list[float] | tuple[float, ...], *shape: int) -> Tensor:
        """Indices into weights, int64."""
        edges = torch.tensor(weights, device=self.device, dtype=torch.float32).cumsum(0)
        pick = torch.searchsorted(edges, self.uniform(0.0, float(edges[-1]), *shape))
        return pick.clamp_max(len(weights) - 1)

    def directions(self, *shape: int) -> Tensor:
        """Unit vectors, isotropic: shape + (3,)."""
        vectors = self.normal(0.0, 1.0, *shape, 3)
        return vectors / vectors.norm(dim=-1, keepdim=True).clamp_min(1e-12)

    def rotations(self, count: int) -> Tensor:
        """(count, 3, 3) rotations, uniform on SO(3), from random unit quaternions."""
        quaternion = self.normal(0.0, 1.0, count, 4)
        quaternion = quaternion / quaternion.norm(dim=-1, keepdim=True).clamp_min(1e-12)
        w, x, y, z = quaternion.unbind(-1)
        rows = (
            (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
            (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
            (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
        )
        return torch.stack([torch.stack(row, -1) for row in rows], -2)
