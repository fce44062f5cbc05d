"""Batch-norm statistics re-estimated on an unlabelled run (AdaBN, Li et al. 2018)."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from spi_viewer.networks.network import Network
from spi_viewer.networks.second_look import SecondLookNetwork

# Frames of the run that weigh as much as everything the network was trained on.
PRIOR_FRAMES = 64


@torch.no_grad()
def with_adapted_norms(
    network: Network, inputs: Sequence[Tensor], prior_frames: float = PRIOR_FRAMES
) -> Network:
    """A copy of a network whose batch norms know a run, in evaluation mode.

    Each norm's moments become those of the mixture of `prior_frames` frames of the training and
    the n frames of the run, as in Schneider et al. (2020, NeurIPS), so that ten frames move
    little. From the first norm to the last: what a norm sees depends on those before it.

    Args:
        network: whose norms are not folded into convolutions yet.
        inputs: network inputs (B, C, 128, 128) of the run.
        prior_frames: 0 forgets the training's statistics.
    """
    adapted = copy.deepcopy(network).eval()
    frames = sum(len(x) for x in inputs)
    if not frames:
        return adapted
    share = frames / (frames + prior_frames)  # of the run
    for norm in [one for one in adapted.modules() if isinstance(one, nn.BatchNorm2d)]:
        seen = _Moments()
        handle = norm.register_forward_pre_hook(lambda _, given, seen=seen: seen.add(given[0]))
        try:
            for x in inputs:
                _look_once(adapted, x)
        finally:
            handle.remove()
        _mix(norm, *seen.mean_and_variance(), share)
    return adapted


def _look_once(network: Network, x: Tensor) -> None:
    """Each frame counts once, also where a doubtful one would be looked at again."""
    if isinstance(network, SecondLookNetwork):
        network.one_look(x)
    else:
        network.forward_features(x)


class _Moments:
    """Mean and variance of each channel over batches."""

    def __init__(self) -> None:
        self._count = 0
        self._sums: Tensor | float = 0.0
        self._squares: Tensor | float = 0.0

    def add(self, maps: Tensor) -> None:
        """Maps (B, C, h, w)."""
        values = maps.double()
        self._count += values.numel() // values.shape[1]
        self._sums = self._sums + values.sum((0, 2, 3))
        self._squares = self._squares + values.square().sum((0, 2, 3))

    def mean_and_variance(self) -> tuple[Tensor, Tensor]:
        """(C,) each."""
        mean = torch.as_tensor(self._sums) / self._count
        variance = torch.as_tensor(self._squares) / self._count - mean.square()
        return mean, variance.clamp_min(0.0)


def _mix(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, share: float) -> None:
    """Moments of a mixture of the training's frames and a `share` of the run's."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    old_mean, old_variance = norm.running_mean.double(), norm.running_var.double()
    between = share * (1 - share) * (mean - old_mean).square()
    norm.running_mean.copy_((1 - share) * old_mean + share * mean)
    norm.running_var.copy_((1 - share) * old_variance + share * variance + between)
