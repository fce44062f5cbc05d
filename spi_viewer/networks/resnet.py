"""The poster's residual network ResNet(n, m); ResNet10 is (2, 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from spi_viewer.networks.autocorrelation import LIGHT_CHANNELS, AutocorrelationBranch
from spi_viewer.networks.network import fused, initialise
from spi_viewer.networks.residual import ResidualPair, residual_block
from spi_viewer.networks.second_look import SecondLookNetwork

_CHANNELS = (16, 32, 64)  # at 64x64, 32x32 and 16x16
MAX_PAIRS = 100  # a card asking for more would fill the memory before its weights are compared
_GRID = 8  # side of the pooled maps that the class scores are made of


@dataclass(frozen=True)
class ResNetConfig:
    """What rebuilds the network.

    Attributes:
        n, m: residual pairs at 32x32x32 and at 16x16x64.
        autocorrelation: look at the pattern's autocorrelation, too, through as many pairs, see
            `autocorrelation`; the poster's layout is False.
        global_pool: average over the whole grid before the class scores, which then no longer
            depend on where something is; the poster's layout is False.
        second_look: judge doubtful patterns by the mean of several views.
        own_share: weight of a pattern's own mean and variance in the norms of its maps at 16x16,
            see `norms`; the poster's layout is 0.
    """

    n: int = 2
    m: int = 2
    autocorrelation: bool = False
    in_channels: int = 3
    class_count: int = 4
    dropout: float = 0.2
    global_pool: bool = False
    second_look: bool = False
    own_share: float = 0.0

    def check(self) -> None:
        """Raise ValueError for values that no network can be built from."""
        for name in ("n", "m"):
            pairs = getattr(self, name)
            if type(pairs) is not int or not 1 <= pairs <= MAX_PAIRS:
                raise ValueError(f"{name} must be a whole number from 1 to {MAX_PAIRS}")
        for name in ("in_channels", "class_count"):
            if type(getattr(self, name)) is not int:
                raise ValueError(f"{name} must be a whole number")
        if not 0 <= self.dropout < 1:
            raise ValueError("dropout must lie in [0, 1)")
        if not 0 <= self.own_share <= 1:
            raise ValueError("own_share must lie in [0, 1]")
        for name in ("autocorrelation", "global_pool", "second_look"):
            if type(getattr(self, name)) is not bool:
                raise ValueError(f"{name} must be true or false")
        if self.autocorrelation and self.in_channels < LIGHT_CHANNELS:
            raise ValueError("autocorrelation needs the input per image")


class ResNet(SecondLookNetwork):
    """conv 64x64x16, 2n convs at 32x32x32, 2m convs at 16x16x64, 2x2 average, class scores.

    With `autocorrelation` the maps of a branch that looks at it make the class scores, too.
    """

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        self.config = config
        stem, low, high = _CHANNELS
        # Stride 2 brings 128 to the poster's 64. A 5x5 kernel makes neighbouring windows overlap,
        # and holds two fringes of 2.5 px, the finest to be seen, at half the cost of a 7x7.
        self.conv = nn.Conv2d(config.in_channels, stem, 5, 2, 2, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(stem)
        self.block32 = residual_block(stem, low, config.n)
        self.block16 = residual_block(low, high, config.m, config.own_share)
        self.branch = (
            AutocorrelationBranch(
                _CHANNELS, (config.n, config.m), config.class_count, config.dropout
            )
            if config.autocorrelation
            else None
        )
        self.dropout = nn.Dropout(config.dropout)
        cells = 1 if config.global_pool else _GRID * _GRID
        self.fc = nn.Linear(self.feature_count * cells, config.class_count)
        self.apply(initialise)

    @property
    def feature_count(self) -> int:
        """Channels of the last maps: the pattern's, and then the autocorrelation's."""
        return _CHANNELS[-1] * (1 if self.branch is None else 2)

    def one_look(self, x: Tensor) -> Tensor:
        """Network input (B, C, 128, 128) -> last maps (B, feature_count, 8, 8) of this one view."""
        maps = F.avg_pool2d(self.block16(self.block32(self._stem(x))), 2)
        return maps if self.branch is None else torch.cat([maps, self.branch(x)], 1)

    def forward_head(self, features: Tensor) -> Tensor:
        """Last maps (B, feature_count, 8, 8) -> class scores (B, K)."""
        flat = features.mean((2, 3)) if self.config.global_pool else features.flatten(1)
        return self.fc(self.dropout(flat))

    def scores_to_learn(self, x: Tensor) -> list[Tensor]:
        """The scores, and those of the pattern and of the autocorrelation alone.

        The pattern's are the scores of the poster's network, which can be cut out of this one.
        """
        maps = self.forward_features(x)
        scores = self.forward_head(maps)
        if self.branch is None:
            return [scores]
        pattern, autocorrelation = maps.split(_CHANNELS[-1], 1)
        pattern_alone = torch.cat([pattern, torch.zeros_like(autocorrelation)], 1)
        alone = self.branch.scores_alone(autocorrelation)
        return [scores, self.forward_head(pattern_alone), alone]

    def class_activation(self, features: Tensor) -> Tensor:
        """Share of each grid cell in each class score: (B, feature_count, 8, 8) -> (B, K, 8, 8).

        Exact: summed over the grid and with the bias added it is the score itself. What the
        autocorrelation adds has no place on the pattern, and is spread evenly.
        """
        weight = self.fc.weight.unflatten(1, (self.feature_count, -1))  # (K, C, 64 cells or 1)
        weight = weight.expand(-1, -1, _GRID**2) / (_GRID**2 if self.config.global_pool else 1)
        flat = features.flatten(2)
        of_pattern = _CHANNELS[-1]
        cells = torch.einsum("bcp,kcp->bkp", flat[:, :of_pattern], weight[:, :of_pattern])
        if self.branch is not None:
            evenly = torch.einsum("bcp,kcp->bk", flat[:, of_pattern:], weight[:, of_pattern:])
            cells = cells + evenly[..., None] / _GRID**2
        return cells.unflatten(2, (_GRID, _GRID))

    def feature_maps(self, x: Tensor) -> list[tuple[str, Tensor]]:
        """Name and maps (B, c, h, w) after each convolution, in order; the pattern's come last."""
        image, x = x, self._stem(x)
        maps = [("conv 64×64", x)]
        for size, block in ((32, self.block32), (16, self.block16)):
            for pair_number, pair in enumerate(block):
                assert isinstance(pair, ResidualPair)
                inner = pair.first(x)
                x = pair.second(inner, x)
                for offset, layer in enumerate((inner, x), start=1):
                    maps.append((f"{size}×{size} conv {2 * pair_number + offset}", layer))
        return maps if self.branch is None else [*self.branch.feature_maps(image), *maps]

    def fuse_batch_norm(self) -> Self:
        """Fold each batch norm into its convolution, in place."""
        self.conv, self.bn = fused(self.conv, self.bn)
        for pair in (*self.block32, *self.block16):
            assert isinstance(pair, ResidualPair)
            pair.fuse_batch_norm()
        if self.branch is not None:
            self.branch.fuse_batch_norm()
        return self

    def _stem(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)
