"""Batch normalisation that also looks at the pattern itself.

A batch norm subtracts what the training's patterns had in common. Another detector, particle or
beam has something else in common, and every layer after is off by the difference. A share of each
pattern's own mean and variance takes a part of that out, for a lone frame too (as the instance
norms in IBN-Net do for half of the channels: Pan et al. 2018, ECCV).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_PIXELS = (2, 3)


class PatternNorm2d(nn.BatchNorm2d):
    """A batch norm whose moments are those of a mixture: training, and the pattern itself.

    Has the weights and buffers of `nn.BatchNorm2d`, and equals it for an `own_share` of 0.
    """

    def __init__(self, channels: int, own_share: float) -> None:
        super().__init__(channels)
        self.own_share = own_share

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, h, w) -> the same."""
        x = input.float()
        own_mean, own_square = _Moments.apply(x)
        own_variance = (own_square - own_mean.square()).clamp_min(0.0)
        mean, variance = self._common_moments(own_mean, own_variance)
        share = self.own_share
        between = share * (1 - share) * (own_mean - mean).square()
        variance = torch.lerp(variance, own_variance, share) + between
        mean = torch.lerp(mean, own_mean, share)
        scale = _per_channel(self.weight) * torch.rsqrt(variance + self.eps)
        normed: Tensor = _Affine.apply(x, scale, _per_channel(self.bias) - mean * scale)
        return normed.to(input.dtype)

    def _common_moments(self, own_mean: Tensor, own_variance: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of the batch in training, else of the training: (1, C, 1, 1) each."""
        assert self.running_mean is not None
        assert self.running_var is not None
        if not self.training:
            return _per_channel(self.running_mean), _per_channel(self.running_var)
        mean = own_mean.mean(0, keepdim=True)
        variance = own_variance.mean(0, keepdim=True) + own_mean.var(0, correction=0, keepdim=True)
        with torch.no_grad():
            assert self.momentum is not None
            self.running_mean.lerp_(mean.flatten(), self.momentum)
            self.running_var.lerp_(variance.flatten(), self.momentum)
        return mean, variance


def norm_of(channels: int, own_share: float) -> nn.BatchNorm2d:
    """The norm after a convolution; the usual one, which can be folded away, for a share of 0."""
    return PatternNorm2d(channels, own_share) if own_share else nn.BatchNorm2d(channels)


class _Moments(torch.autograd.Function):
    """Mean and mean square of each pattern's channels: (B, C, h, w) -> twice (B, C, 1, 1).

    The square, as `torch.var_mean` takes ten times as long and means after a convolution are
    small. One pass back instead of the four of its parts.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(x)
        return x.mean(_PIXELS, keepdim=True), x.square().mean(_PIXELS, keepdim=True)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        of_mean, of_square = gradients
        pixels = x.shape[2] * x.shape[3]
        return torch.addcmul(of_mean / pixels, x, of_square * (2 / pixels))


class _Affine(torch.autograd.Function):
    """x * scale + shift, for scale and shift (B, C, 1, 1); keeps nothing but x for the way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        ctx.save_for_backward(x, scale)
        return torch.addcmul(shift, x, scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        (gradient,) = gradients
        x, scale = ctx.saved_tensors
        of_scale = (gradient * x).sum(_PIXELS, keepdim=True)
        return gradient * scale, of_scale, gradient.sum(_PIXELS, keepdim=True)


def _per_channel(values: Tensor) -> Tensor:
    """(C,) -> (1, C, 1, 1)."""
    return values.view(1, -1, 1, 1)
