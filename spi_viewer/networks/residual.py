"""Residual pairs of convolutions, the blocks that the networks are made of (He 2016, CVPR)."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from spi_viewer.networks.network import fused
from spi_viewer.networks.norms import norm_of


class ResidualPair(nn.Module):
    """Two 3x3 convolutions with an identity around them.

    Where the size changes, the identity is strided and padded with empty channels (option A of
    He 2016): it has no weights, as in the poster's count of layers. A new pair is the identity
    until it learns (Goyal 2017, arXiv:1706.02677).
    """

    def __init__(self, in_channels: int, out_channels: int, own_share: float = 0.0) -> None:
        super().__init__()
        self.stride = 1 if in_channels == out_channels else 2
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, self.stride, 1, bias=False)
        self.bn1: nn.Module = norm_of(out_channels, own_share)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        last = norm_of(out_channels, own_share)
        nn.init.zeros_(last.weight)
        self.bn2: nn.Module = last

    def first(self, x: Tensor) -> Tensor:
        """Maps after the first convolution."""
        return F.relu(self.bn1(self.conv1(x)), inplace=True)

    def second(self, inner: Tensor, x: Tensor) -> Tensor:
        """Maps after the second convolution and the identity."""
        return F.relu(self.bn2(self.conv2(inner)) + self._identity(x), inplace=True)

    def _identity(self, x: Tensor) -> Tensor:
        if self.stride == 1:
            return x
        missing = self.conv1.out_channels - x.shape[1]
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, missing))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H', W')."""
        return self.second(self.first(x), x)

    def fuse_batch_norm(self) -> None:
        """Fold the batch norms into the convolutions, in place."""
        self.conv1, self.bn1 = fused(self.conv1, self.bn1)
        self.conv2, self.bn2 = fused(self.conv2, self.bn2)


def residual_block(
    in_channels: int, out_channels: int, pairs: int, own_share: float = 0.0
) -> nn.Sequential:
    """Residual pairs one after another, the first of which halves the size."""
    inputs = ([in_channels] + [out_channels] * (pairs - 1))[:pairs]
    return nn.Sequential(*(ResidualPair(width, out_channels, own_share) for width in inputs))
