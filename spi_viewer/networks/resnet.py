"""The poster's residual network ResNet(n, m); ResNet10 is (2, 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from spi_viewer.networks.network import fused, initialise
from spi_viewer.networks.norms import norm_of
from spi_viewer.networks.second_look import SecondLookNetwork

_STEM_CHANNELS = 16
_BLOCK_CHANNELS = (32, 64, 128)
MAX_PAIRS = 100  # a card asking for more would fill the memory before its weights are compared
_GRID = 8  # side of the pooled maps that the class scores are made of


@dataclass(frozen=True)
class ResNetConfig:
    """What rebuilds the network.

    Attributes:
        n, m: residual pairs at 32x32x32 and at 16x16x64.
        k: residual pairs at 8x8x128, whose maps join those at 16x16x64 in the class scores; the
            poster's layout is 0.
        global_pool: average over the whole grid before the class scores, which then no longer
            depend on where something is; the poster's layout is False.
        second_look: judge doubtful patterns by the mean of several views.
        own_share: weight of a pattern's own mean and variance in each norm, see `norms`; the
            poster's layout is 0.
    """

    n: int = 2
    m: int = 2
    k: int = 0
    in_channels: int = 3
    class_count: int = 4
    dropout: float = 0.2
    global_pool: bool = False
    second_look: bool = False
    own_share: float = 0.0

    def check(self) -> None:
        """Raise ValueError for values that no network can be built from."""
        for name, fewest in (("n", 1), ("m", 1), ("k", 0)):
            pairs = getattr(self, name)
            if type(pairs) is not int or not fewest <= pairs <= MAX_PAIRS:
                raise ValueError(f"{name} must be a whole number from {fewest} to {MAX_PAIRS}")
        if not 0 <= self.dropout < 1:
            raise ValueError("dropout must lie in [0, 1)")
        if not 0 <= self.own_share <= 1:
            raise ValueError("own_share must lie in [0, 1]")
        for name in ("global_pool", "second_look"):
            if type(getattr(self, name)) is not bool:
                raise ValueError(f"{name} must be true or false")


class ResidualPair(nn.Module):
    """Two 3x3 convolutions with an identity around them.

    Where the size changes, the identity is strided and padded with empty channels (option A of
    He 2016): it has no weights, as in the poster's count of layers.
    """

    def __init__(self, in_channels: int, out_channels: int, own_share: float = 0.0) -> None:
        super().__init__()
        self.stride = 1 if in_channels == out_channels else 2
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, self.stride, 1, bias=False)
        self.bn1: nn.Module = norm_of(out_channels, own_share)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2: nn.Module = norm_of(out_channels, own_share)

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


class ResNet(SecondLookNetwork):
    """conv 64x64x16, 2n convs at 32x32x32, 2m convs at 16x16x64, 2x2 average, class scores.

    With k > 0 another 2k convs at 8x8x128 follow, and both kinds of maps make the class scores.
    """

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        self.config = config
        # Stride 2 brings 128 to the poster's 64. A 5x5 kernel makes neighbouring windows overlap,
        # and holds two fringes of 2.5 px, the finest to be seen, at half the cost of a 7x7.
        self.conv = nn.Conv2d(config.in_channels, _STEM_CHANNELS, 5, 2, 2, bias=False)
        self.bn: nn.Module = norm_of(_STEM_CHANNELS, config.own_share)
        low, middle, high = _BLOCK_CHANNELS
        self.block32 = residual_block(_STEM_CHANNELS, low, config.n, config.own_share)
        self.block16 = residual_block(low, middle, config.m, config.own_share)
        self.block8 = residual_block(middle, high, config.k, config.own_share)
        self.dropout = nn.Dropout(config.dropout)
        cells = 1 if config.global_pool else _GRID * _GRID
        self.fc = nn.Linear(self.feature_count * cells, config.class_count)
        self.apply(initialise)

    @property
    def feature_count(self) -> int:
        """Channels of the last maps."""
        return sum(_BLOCK_CHANNELS[1:]) if self.config.k else _BLOCK_CHANNELS[1]

    def one_look(self, x: Tensor) -> Tensor:
        """Network input (B, C, 128, 128) -> last maps (B, feature_count, 8, 8) of this one view."""
        middle = self.block16(self.block32(self._stem(x)))
        pooled = F.avg_pool2d(middle, 2)
        return torch.cat([pooled, self.block8(middle)], 1) if self.config.k else pooled

    def forward_head(self, features: Tensor) -> Tensor:
        """Last maps (B, feature_count, 8, 8) -> class scores (B, K)."""
        flat = features.mean((2, 3)) if self.config.global_pool else features.flatten(1)
        return self.fc(self.dropout(flat))

    def class_activation(self, features: Tensor) -> Tensor:
        """Share of each grid cell in each class score: (B, feature_count, 8, 8) -> (B, K, 8, 8).

        Exact: summed over the grid and with the bias added it is the score itself.
        """
        weight = self.fc.weight.unflatten(1, (self.feature_count, -1))  # (K, C, 64 cells or 1)
        cells = torch.einsum("bcp,kcp->bkp", features.flatten(2), weight.expand(-1, -1, _GRID**2))
        share = 1 / _GRID**2 if self.config.global_pool else 1.0
        return (cells * share).unflatten(2, (_GRID, _GRID))

    def feature_maps(self, x: Tensor) -> list[tuple[str, Tensor]]:
        """Name and maps (B, c, h, w) after each convolution, in order."""
        x = self._stem(x)
        maps = [("conv 64×64", x)]
        for size, block in ((32, self.block32), (16, self.block16), (8, self.block8)):
            for pair_number, pair in enumerate(block):
                assert isinstance(pair, ResidualPair)
                inner = pair.first(x)
                x = pair.second(inner, x)
                for offset, layer in enumerate((inner, x), start=1):
                    maps.append((f"{size}×{size} conv {2 * pair_number + offset}", layer))
        return maps

    def fuse_batch_norm(self) -> Self:
        """Fold each batch norm into its convolution, in place."""
        self.conv, self.bn = fused(self.conv, self.bn)
        for pair in (*self.block32, *self.block16, *self.block8):
            assert isinstance(pair, ResidualPair)
            pair.fuse_batch_norm()
        return self

    def _stem(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


def residual_block(
    in_channels: int, out_channels: int, pairs: int, own_share: float = 0.0
) -> nn.Sequential:
    """Residual pairs one after another, the first of which halves the size."""
    inputs = ([in_channels] + [out_channels] * (pairs - 1))[:pairs]
    return nn.Sequential(*(ResidualPair(width, out_channels, own_share) for width in inputs))
