"""What a network says of frames, as a few-shot head sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spi_viewer.networks.familiarity import pooled
from spi_viewer.networks.network import Network
from spi_viewer.preprocessing.network_input import InputKind, PixelStatistics, network_input

_BATCH = 64


@dataclass(frozen=True)
class Embedding:
    """N frames: class scores (N, K) and averaged last maps (N, C), float64."""

    logits: NDArray[np.float64]
    features: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.logits)

    def select(self, rows: NDArray) -> Embedding:
        """Some of the frames."""
        return Embedding(self.logits[rows], self.features[rows])


def inputs_of(
    counts: Tensor,
    valid: Tensor,
    kind: InputKind,
    statistics: PixelStatistics | None,
    device: torch.device,
) -> Iterator[Tensor]:
    """Network inputs (B, C, 128, 128) of counts and valid (N, 128, 128), batch after batch."""
    for part in torch.arange(len(counts)).split(_BATCH):
        x = network_input(counts[part].to(device), valid[part].to(device), kind, statistics)
        yield x.contiguous(memory_format=torch.channels_last)


@torch.inference_mode()
def embed(network: Network, inputs: Iterator[Tensor] | list[Tensor]) -> Embedding:
    """Class scores and averaged maps of network inputs."""
    logits, features = [], []
    for x in inputs:
        maps = network.forward_features(x)
        logits.append(network.forward_head(maps).double().cpu())
        features.append(pooled(maps).double().cpu())
    return Embedding(torch.cat(logits).numpy(), torch.cat(features).numpy())
