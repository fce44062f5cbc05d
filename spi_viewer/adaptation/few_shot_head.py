"""A head from a few labels: the network's own class scores, plus a little of its features."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp
from torch import nn

from spi_viewer.adaptation.embedding import Embedding
from spi_viewer.frames import FrameClass
from spi_viewer.labelled_frames import BAD_OF_SOME_KIND
from spi_viewer.networks.network import Network

_SCALE_STD = 0.5  # of the logarithm: the old scores are at most a few times too sure or unsure
_BIAS_STD = 2.0
_STD_FLOOR = 1e-6
_MAX_ITERATIONS = 200


@dataclass(frozen=True)
class FewShotHead:
    """New class scores = scale * old ones + averaged maps (N, C) @ weight.T + bias.

    Attributes:
        scale: of the old class scores.
        weight: (K, C). bias: (K,).
    """

    scale: float
    weight: NDArray[np.float64]
    bias: NDArray[np.float64]

    def logits(self, frames: Embedding) -> NDArray[np.float64]:
        """Class scores (N, K)."""
        return self.scale * frames.logits + frames.features @ self.weight.T + self.bias


def fit_head(
    frames: Embedding, frame_class: NDArray, ridge: float, spread: NDArray | None = None
) -> FewShotHead:
    """The likeliest head that differs little from the old one (multinomial logistic regression).

    The change in the weights of standardised features has a Gaussian prior about zero of precision
    `ridge`: few labels say little against the old head, many a lot. Good and bad frames weigh the
    same in all.

    Args:
        frames: N labelled ones.
        frame_class: (N,) FrameClass; BAD_OF_SOME_KIND is any class but single.
        ridge: inf changes scale and bias alone.
        spread: (C,) standard deviation of the features; None: that of the frames.
    """
    spread = frames.features.std(0) if spread is None else spread
    spread = np.where(spread > _STD_FLOOR, spread, np.inf)  # what never varies has no say
    centre = frames.features.mean(0)
    x = (frames.features - centre) / spread
    allowed, weight = _allowed(frame_class, frames.logits.shape[1]), _weights(frame_class)
    classes, width = frames.logits.shape[1], x.shape[1] if np.isfinite(ridge) else 0
    x = x[:, :width]

    def loss(parameters: NDArray) -> tuple[float, NDArray]:
        log_scale, bias = parameters[0], parameters[1 : 1 + classes]
        change = parameters[1 + classes :].reshape(classes, width)
        scaled = np.exp(log_scale) * frames.logits
        scores = scaled + bias + x @ change.T
        value, slope = _loss(scores, allowed, weight)
        value += log_scale**2 / (2 * _SCALE_STD**2) + (bias @ bias) / (2 * _BIAS_STD**2)
        gradient = [
            [(slope * scaled).sum() + log_scale / _SCALE_STD**2],
            slope.sum(0) + bias / _BIAS_STD**2,
        ]
        if width:
            value += ridge / 2 * (change**2).sum()
            gradient.append((slope.T @ x + ridge * change).ravel())
        return float(value), np.concatenate(gradient)

    start = np.zeros(1 + classes + classes * width)
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _MAX_ITERATIONS}
    ).x
    weights = np.zeros((classes, len(spread)))
    if width:
        weights = found[1 + classes :].reshape(classes, width) / spread
    bias = found[1 : 1 + classes] - weights @ centre
    return FewShotHead(float(np.exp(found[0])), weights, bias)


def _allowed(frame_class: NDArray, classes: int) -> NDArray[np.bool_]:
    """(N, K) True for the classes that a label leaves open."""
    allowed = np.equal.outer(frame_class, np.arange(classes))
    bad = frame_class == BAD_OF_SOME_KIND
    allowed[bad] = np.arange(classes) != FrameClass.SINGLE
    return allowed


def _weights(frame_class: NDArray) -> NDArray[np.float64]:
    """(N,) that sum to N, half of it over the good frames."""
    good = frame_class == FrameClass.SINGLE
    share = good.mean()
    if share in (0.0, 1.0):
        return np.ones(len(frame_class))
    return np.where(good, 0.5 / share, 0.5 / (1 - share))


def _loss(
    scores: NDArray, allowed: NDArray[np.bool_], weight: NDArray
) -> tuple[float, NDArray[np.float64]]:
    """Negative log-likelihood that each frame is of an allowed class, and its slope (N, K)."""
    every = logsumexp(scores, axis=1, keepdims=True)
    masked = np.where(allowed, scores, -np.inf)
    within = logsumexp(masked, axis=1, keepdims=True)
    slope = weight[:, None] * (np.exp(scores - every) - np.exp(masked - within))
    return float((weight * (every - within)[:, 0]).sum()), slope


def with_head(network: Network, head: FewShotHead) -> Network:
    """A copy of a network that gives the head's class scores by itself.

    The last layer of every architecture here is linear in its averaged maps, channel by channel
    and grid cell by grid cell, so the change is folded into its weights: the model stays of its
    architecture, and its class activation maps stay exact.
    """
    changed = copy.deepcopy(network)
    last = changed.get_submodule("fc")
    assert isinstance(last, nn.Linear)
    weight = torch.as_tensor(head.weight)
    cells = last.in_features // weight.shape[1]
    with torch.no_grad():
        old = head.scale * last.weight.double().unflatten(1, (weight.shape[1], cells)).cpu()
        last.weight.copy_((old + weight[:, :, None] / cells).flatten(1))
        last.bias.copy_(head.scale * last.bias.double().cpu() + torch.as_tensor(head.bias))
    return changed
