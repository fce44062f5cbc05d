"""Why the network thinks so: where each class score comes from, and what every layer shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor

from spi_viewer.frames import NETWORK_SIDE_PX
from spi_viewer.networks.network import Network


@dataclass(frozen=True)
class LayerMaps:
    """Feature maps after one convolution: maps (channels, h, w) float32, never negative."""

    name: str
    maps: NDArray[np.float32]


@dataclass(frozen=True)
class Explanation:
    """Everything that led to one frame's probabilities.

    Attributes:
        probabilities: (4,) calibrated, in the order of FrameClass.
        network_input: (C, 128, 128), what the network received.
        class_maps: (4, 128, 128), by how much each place raises (or lowers) the class's score;
            the network's own 8x8 grid, interpolated. None for models without convolutions.
        layers: feature maps after each convolution, in order; none for those models.
    """

    probabilities: NDArray[np.float32]
    network_input: NDArray[np.float32]
    class_maps: NDArray[np.float32] | None
    layers: list[LayerMaps]


def explain(network: Network, x: Tensor, temperature: float) -> Explanation:
    """Explain one frame: network input (1, C, 128, 128). Without hooks, so safe on any thread."""
    with torch.inference_mode():
        layers = network.feature_maps(x)
        scores, grid = network.explained(x)
        side = (NETWORK_SIDE_PX, NETWORK_SIDE_PX)
        class_maps = F.interpolate(grid.float(), side, mode="bilinear")[0]
        return Explanation(
            probabilities=_numpy((scores[0].float() / temperature).softmax(0)),
            network_input=_numpy(x[0]),
            class_maps=_numpy(class_maps),
            layers=[LayerMaps(name, _numpy(maps[0])) for name, maps in layers],
        )


def _numpy(tensor: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(tensor.float().cpu().numpy())
