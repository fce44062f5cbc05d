"""A network that sees each pattern and its autocorrelation, and adds what both say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from spi_viewer.networks.autocorrelation import autocorrelation
from spi_viewer.networks.network import fused, initialise
from spi_viewer.networks.resnet import MAX_PAIRS, ResidualPair, residual_block
from spi_viewer.networks.second_look import SecondLookNetwork

_CHANNELS = (16, 32, 64)
_GRID = 8  # side of the pooled maps that the class scores are made of
_PATTERNS = 2  # of the input's channels; the others are masks


@dataclass(frozen=True)
class TwoViewConfig:
    """What rebuilds the network.

    Attributes:
        n, m: residual pairs at 32x32x32 and at 16x16x64, in each view.
        second_look: judge doubtful patterns by the mean of several views.
    """

    n: int = 1
    m: int = 2
    in_channels: int = 3
    class_count: int = 4
    dropout: float = 0.2
    second_look: bool = False

    def check(self) -> None:
        """Raise ValueError for values that no network can be built from."""
        for name in ("n", "m"):
            pairs = getattr(self, name)
            if type(pairs) is not int or not 1 <= pairs <= MAX_PAIRS:
                raise ValueError(f"{name} must be a whole number from 1 to {MAX_PAIRS}")
        if not 0 <= self.dropout < 1 or self.in_channels <= _PATTERNS:
            raise ValueError(f"dropout must lie in [0, 1), and in_channels be above {_PATTERNS}")
        if type(self.second_look) is not bool:
            raise ValueError("second_look must be true or false")


class View(nn.Module):
    """Maps of 64x64x16, then n pairs at 32x32x32 and m at 16x16x64, as in ResNet(n, m)."""

    def __init__(self, in_channels: int, kernel: int, stride: int, n: int, m: int) -> None:
        super().__init__()
        first, low, high = _CHANNELS
        self.conv = nn.Conv2d(in_channels, first, kernel, stride, kernel // 2, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(first)
        self.block32 = residual_block(first, low, n)
        self.block16 = residual_block(low, high, m)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, 64 or 128, same) -> (B, 64, 16, 16)."""
        return self.block16(self.block32(self._stem(x)))

    def maps(self, x: Tensor, name: str) -> list[tuple[str, Tensor]]:
        """Name and maps after each convolution, in order."""
        x = self._stem(x)
        maps = [(f"{name} 64×64", x)]
        for size, block in ((32, self.block32), (16, self.block16)):
            for number, pair in enumerate(block):
                assert isinstance(pair, ResidualPair)
                inner = pair.first(x)
                x = pair.second(inner, x)
                for offset, layer in enumerate((inner, x), start=1):
                    maps.append((f"{name} {size}×{size} conv {2 * number + offset}", layer))
        return maps

    def fuse_batch_norm(self) -> None:
        """Fold the batch norms into the convolutions, in place."""
        self.conv, self.bn = fused(self.conv, self.bn)
        for pair in (*self.block32, *self.block16):
            assert isinstance(pair, ResidualPair)
            pair.fuse_batch_norm()

    def _stem(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


class TwoView(SecondLookNetwork):
    """One view of the pattern, one of its autocorrelation; the class scores are their sum."""

    def __init__(self, config: TwoViewConfig) -> None:
        super().__init__()
        self.config = config
        self.pattern = View(config.in_channels, 5, 2, config.n, config.m)
        self.separations = View(_PATTERNS, 3, 1, config.n, config.m)
        self.dropout = nn.Dropout(config.dropout)
        self.fc = nn.Linear(self.feature_count * _GRID * _GRID, config.class_count)
        self.apply(initialise)

    @property
    def feature_count(self) -> int:
        """Channels of the last maps: those of the pattern, then those of the autocorrelation."""
        return 2 * _CHANNELS[-1]

    def one_look(self, x: Tensor) -> Tensor:
        """Network input (B, C, 128, 128) -> last maps (B, 128, 16, 16) of both views."""
        return torch.cat([self.pattern(x), self.separations(self._autocorrelation(x))], dim=1)

    def forward_head(self, features: Tensor) -> Tensor:
        """Last maps (B, 128, 16, 16) -> class scores (B, K)."""
        return self.fc(self.dropout(F.avg_pool2d(features, 2).flatten(1)))

    def class_activation(self, features: Tensor) -> Tensor:
        """Share of each grid cell of the pattern in each class score: last maps -> (B, K, 8, 8).

        With the autocorrelation's shares and the bias added they sum to the score.
        """
        channels = _CHANNELS[-1]
        weight = self.fc.weight.unflatten(1, (self.feature_count, -1))[:, :channels]
        cells = F.avg_pool2d(features[:, :channels], 2).flatten(2)
        return torch.einsum("bcp,kcp->bkp", cells, weight).unflatten(2, (_GRID, _GRID))

    def feature_maps(self, x: Tensor) -> list[tuple[str, Tensor]]:
        """Name and maps (B, c, h, w) after each convolution, first of the pattern."""
        pattern = self.pattern.maps(x, "pattern")
        return pattern + self.separations.maps(self._autocorrelation(x), "autocorrelation")

    def fuse_batch_norm(self) -> Self:
        """Fold each batch norm into its convolution, in place."""
        self.pattern.fuse_batch_norm()
        self.separations.fuse_batch_norm()
        return self

    def _autocorrelation(self, x: Tensor) -> Tensor:
        maps = autocorrelation(x[:, :_PATTERNS])
        return maps.contiguous(memory_format=torch.channels_last)
