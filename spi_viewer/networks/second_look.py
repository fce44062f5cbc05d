"""A second look at a doubtful pattern: turned and mirrored, it still shows as many particles.

Turned by half a turn a pattern is the same particle's (Friedel's law, but for the curvature of the
Ewald sphere), past other gaps; mirrored it is that of the mirror image. A network that saw all
four alike would be no surer for them; one that does not errs less in the mean.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from spi_viewer.frames import FrameClass
from spi_viewer.networks.network import Network

# Axes to reverse: half a turn, and both mirror images.
_FURTHER_VIEWS = ((2, 3), (2,), (3,))
# Logarithms of the odds of a good frame, before calibration, between which the further looks lose
# their weight: at 82 % they count in full, from 92 % on one look is enough. Surer answers hardly
# ever change: further looks at them would more than double the work, and change no figure. A step
# instead would give a frame next to it one score today and another tomorrow.
_DOUBTFUL_LOG_ODDS, _SURE_LOG_ODDS = 1.5, 2.5


class SecondLookNetwork(Network):
    """A network of which each pattern can be shown again; its class scores are linear in its maps.

    With the configuration's `second_look`, a pattern whose first answer leaves doubt is judged by
    the mean of its own maps and of those of the same turned and mirrored. Learning sees one view
    at a time, and so do `feature_maps`.
    """

    @abstractmethod
    def one_look(self, x: Tensor) -> Tensor:
        """Network input (B, C, 128, 128) -> last maps (B, feature_count, h, w) of this one view."""

    def forward_features(self, x: Tensor) -> Tensor:
        """Network input (B, C, 128, 128) -> last maps (B, feature_count, h, w)."""
        maps = self.one_look(x)
        rows, doubts = self._doubtful(maps)
        if len(rows):
            maps = _with_further(maps, rows, self._further_looks(x[rows]), doubts)
        return maps

    def explained(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Class scores (B, K), and the share of each place of the input in each: (B, K, 8, 8).

        After a second look the mean of all views, each share in its place.
        """
        maps = self.one_look(x)
        rows, doubts = self._doubtful(maps)
        activation = self.class_activation(maps)
        if len(rows):
            looks = self._further_looks(x[rows])
            maps = _with_further(maps, rows, looks, doubts)
            further = [
                reversed_along(self.class_activation(look), axes)
                for look, axes in zip(looks, _FURTHER_VIEWS, strict=True)
            ]
            activation = _with_further(activation, rows, further, doubts)
        return self.forward_head(maps), activation

    def _doubtful(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers of the patterns to look at again, and the doubt about each."""
        if self.training or not self.config.second_look:
            return torch.empty(0, dtype=torch.long, device=maps.device), maps.new_empty(0)
        doubts = doubt(self.forward_head(maps))
        rows = doubts.nonzero()[:, 0]
        return rows, doubts[rows]

    def _further_looks(self, x: Tensor) -> list[Tensor]:
        return [self.one_look(reversed_along(x, axes)) for axes in _FURTHER_VIEWS]


def doubt(scores: Tensor) -> Tensor:
    """How much class scores (B, K) leave it open if a frame is good: (B,) from 0 to 1."""
    good = scores[:, FrameClass.SINGLE]
    bad = torch.cat([scores[:, : FrameClass.SINGLE], scores[:, FrameClass.SINGLE + 1 :]], 1)
    log_odds = good - bad.logsumexp(1)
    left = (_SURE_LOG_ODDS - log_odds.abs()) / (_SURE_LOG_ODDS - _DOUBTFUL_LOG_ODDS)
    return left.clamp(0.0, 1.0)


def _with_further(first: Tensor, rows: Tensor, further: list[Tensor], doubts: Tensor) -> Tensor:
    """The first look's (B, ...), those of the doubtful rows blended with their further looks.

    The scores are linear in the maps: the mean's scores are the mean of the scores.
    """
    return first.index_copy(0, rows, blended(first[rows], further, doubts))


def blended(first: Tensor, further: list[Tensor], doubts: Tensor) -> Tensor:
    """The first look's (B, ...), and all looks' mean so far as there are doubts (B,)."""
    mean = torch.stack([first, *further]).mean(0)
    weight = doubts.to(first.dtype).view(-1, *[1] * (first.ndim - 1))
    return torch.lerp(first, mean, weight)


def reversed_along(maps: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Maps (B, C, H, W) with the axes reversed, laid out for convolutions."""
    return maps.flip(axes).contiguous(memory_format=torch.channels_last)
