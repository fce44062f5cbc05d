"""Does a frame resemble anything the network was trained on?

Each class of training frames is a cloud of pooled features with one common covariance; a frame far
from all of them (Mahalanobis distance, Lee et al. 2018, NeurIPS) is out of distribution.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_SHRINKAGE = 1e-2  # of the mean variance: features that never vary must not decide


@dataclass(frozen=True)
class Familiarity:
    """Clouds of features by class.

    Attributes:
        means: (classes seen, features) centres.
        whitening: (features, features); whitened differences have unit covariance.
        limit: scalar distance that `kept` of the held-out frames stay below.
    """

    means: Tensor
    whitening: Tensor
    limit: Tensor

    def distance(self, features: Tensor) -> Tensor:
        """Distance to the nearest class: last maps (B, C, h, w) -> (B,)."""
        return _nearest(pooled(features) @ self.whitening, self.means @ self.whitening)

    def is_unfamiliar(self, features: Tensor) -> Tensor:
        """True where a frame is farther than the limit: last maps (B, C, h, w) -> (B,) bool."""
        return ~(self.distance(features) <= self.limit)  # NaN is unfamiliar, too

    def to(self, device: torch.device) -> Familiarity:
        """The same on a device."""
        return Familiarity(*(part.to(device) for part in (self.means, self.whitening, self.limit)))


def pooled(features: Tensor) -> Tensor:
    """Last maps (B, C, h, w) -> (B, C) float32 averages."""
    return features.float().mean((2, 3))


def fit_familiarity(averages: Tensor, frame_class: Tensor, kept: float = 0.995) -> Familiarity:
    """Clouds and limit from pooled features (N, C) and classes (N,) of held-out frames.

    A random half makes the clouds and the rest the limit, for frames are closer to a cloud that
    they are part of.
    """
    order = torch.randperm(len(averages), generator=torch.Generator().manual_seed(0))
    half, other = order.tensor_split(2)
    values, rest, of_values = averages[half].double(), averages[other].double(), frame_class[half]
    classes = of_values.unique()
    means = torch.stack([values[of_values == one].mean(0) for one in classes])
    residual = values - means[torch.searchsorted(classes, of_values)]
    covariance = residual.T @ residual / len(values)
    covariance += torch.eye(len(covariance)) * (covariance.diag().mean() * _SHRINKAGE + 1e-12)
    whitening = torch.linalg.inv(torch.linalg.cholesky(covariance)).T
    distances = _nearest(rest @ whitening, means @ whitening)
    limit = torch.quantile(distances, kept)
    return Familiarity(means.float(), whitening.float().contiguous(), limit.float())


def _nearest(whitened: Tensor, centres: Tensor) -> Tensor:
    """Distance of each row to its nearest centre, without cdist's loss of digits."""
    return (whitened[:, None] - centres).square().sum(2).amin(1).sqrt()
