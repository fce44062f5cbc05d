"""What every network trained here can do, whatever its architecture."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from spi_viewer.networks.norms import PatternNorm2d


class Network(nn.Module):
    """Network input (B, C, 128, 128) -> class scores (B, K), in two steps that can be looked into.

    Attributes:
        config: the dataclass that rebuilds the network.
    """

    config: Any

    def forward(self, x: Tensor) -> Tensor:
        """Network input (B, C, 128, 128) -> class scores (B, K)."""
        return self.forward_head(self.forward_features(x))

    @property
    @abstractmethod
    def feature_count(self) -> int:
        """Channels of the last maps."""

    @abstractmethod
    def forward_features(self, x: Tensor) -> Tensor:
        """Network input (B, C, 128, 128) -> last maps (B, feature_count, h, w)."""

    @abstractmethod
    def forward_head(self, features: Tensor) -> Tensor:
        """Last maps -> class scores (B, K)."""

    def scores_to_learn(self, x: Tensor) -> list[Tensor]:
        """Network input (B, C, 128, 128) -> all class scores (B, K) that learning shall mend."""
        return [self(x)]

    @abstractmethod
    def class_activation(self, features: Tensor) -> Tensor:
        """Share of each grid cell of the pattern in each class score: last maps -> (B, K, 8, 8)."""

    def explained(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Class scores (B, K), and the share of each place of the input in each: (B, K, 8, 8)."""
        features = self.forward_features(x)
        return self.forward_head(features), self.class_activation(features)

    @abstractmethod
    def feature_maps(self, x: Tensor) -> list[tuple[str, Tensor]]:
        """Name and maps (B, c, h, w) after each convolution, in order."""

    @abstractmethod
    def fuse_batch_norm(self) -> Self:
        """Fold each batch norm into its convolution, in place: the same scores, less work.

        For networks in evaluation mode that will not be trained any more.
        """


def fused(conv: nn.Conv2d, bn: nn.Module) -> tuple[nn.Conv2d, nn.Module]:
    """The convolution with its batch norm folded in, and what stands in the norm's place.

    A norm that looks at each pattern stays where it is.
    """
    assert isinstance(bn, nn.BatchNorm2d)
    if isinstance(bn, PatternNorm2d):
        return conv, bn
    return fuse_conv_bn_eval(conv, bn), nn.Identity()


def initialise(module: nn.Module) -> None:
    """Start values for layers followed by ReLU (He 2015), and small class scores."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)
