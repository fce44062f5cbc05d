"""A pattern's autocorrelation, in which several particles lie apart, and the maps made of it.

The Fourier transform of a pattern is the autocorrelation of what scattered (Patterson 1934, Phys.
Rev. 46, 372). That of one particle ends at its diameter. Two particles a separation d apart make
another blob at d, however fine their fringes: 2.5 px, which convolutions that halve the pattern
can hardly hold, are 51 px from the middle here, and all pixels together make the blob.
"""

from __future__ import annotations

import functools
import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from spi_viewer.networks.network import fused
from spi_viewer.networks.residual import ResidualPair, residual_block

LIGHT_CHANNELS = 2  # of the network input: the standardised pattern, and the whitened one
_EDGE = 24 / 128  # part of the side over which the pattern fades, so that its edge makes no cross


def autocorrelation(x: Tensor) -> Tensor:
    """Network input (B, 3, S, S) -> logarithm of the autocorrelation (B, 2, S, S / 2), both kinds.

    The half plane to the right of the middle, which is at (S / 2, 0); the other half is the same.
    White noise has a mean of 1 before the logarithm, log(1 + power), whatever part is masked.
    """
    side = x.shape[-1]
    light = x[:, :LIGHT_CHANNELS].float().contiguous() * _fading(side, x.device)
    transform = torch.fft.rfft2(light)[..., : side // 2]
    power = transform.real.square() + transform.imag.square()
    power = power / light.square().sum((2, 3), keepdim=True).clamp_min(1e-6)
    return torch.log1p(power).roll(side // 2, 2)


def _whole(maps: Tensor) -> Tensor:
    """Both half planes of maps (B, c, h, h / 2) of the right one."""
    return torch.cat([maps.flip(2, 3), maps], 3)


@functools.cache
def _fading(side: int, device: torch.device) -> Tensor:
    """Weight of each pixel, (S, S): half a cosine from 0 at the edge to 1."""
    place = torch.arange(side, device=device) + 0.5
    from_edge = torch.minimum(place, side - place) / (_EDGE * side)
    weight = 0.5 - 0.5 * torch.cos(math.pi * from_edge.clamp_max(1.0))
    return weight[:, None] * weight


class AutocorrelationBranch(nn.Module):
    """Convolutions on the autocorrelation: 64x32x16, n pairs at 32x16x32 and m at 16x8x64.

    Its own class scores serve learning only: beside a good network few frames are left to learn
    from, and a new branch would learn next to nothing.
    """

    def __init__(
        self,
        channels: tuple[int, int, int],
        pairs: tuple[int, int],
        class_count: int,
        dropout: float,
    ) -> None:
        super().__init__()
        stem, low, self.feature_count = channels
        self.conv = nn.Conv2d(LIGHT_CHANNELS, stem, 5, 2, 2, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(stem)
        self.block32 = residual_block(stem, low, pairs[0])
        self.block16 = residual_block(low, self.feature_count, pairs[1])
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(self.feature_count * 8 * 8, class_count)

    def forward(self, x: Tensor) -> Tensor:
        """Network input (B, 3, 128, 128) -> maps (B, feature_count, 8, 8), the half plane's."""
        return F.avg_pool2d(self.block16(self.block32(self._stem(x))), (2, 1))

    def scores_alone(self, maps: Tensor) -> Tensor:
        """Maps (B, feature_count, 8, 8) -> class scores (B, K) of the autocorrelation alone."""
        scores: Tensor = self.fc(self.dropout(maps.flatten(1)))
        return scores

    def feature_maps(self, x: Tensor) -> list[tuple[str, Tensor]]:
        """Name and maps (B, c, h, h), of the autocorrelation itself and after each pair.

        To be looked at: with the other half plane beside it, which is the same.
        """
        stem = self._stem(x)
        low = self.block32(stem)
        every = [_whole(maps) for maps in (autocorrelation(x), stem, low, self.block16(low))]
        return [(f"autocorrelation {maps.shape[2]}×{maps.shape[3]}", maps) for maps in every]

    def fuse_batch_norm(self) -> None:
        """Fold the batch norms into the convolutions, in place."""
        self.conv, self.bn = fused(self.conv, self.bn)
        for pair in (*self.block32, *self.block16):
            assert isinstance(pair, ResidualPair)
            pair.fuse_batch_norm()

    def _stem(self, x: Tensor) -> Tensor:
        picture = autocorrelation(x).contiguous(memory_format=torch.channels_last)
        return F.relu(self.bn(self.conv(picture)), inplace=True)
