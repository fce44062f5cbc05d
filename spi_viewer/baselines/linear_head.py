"""Class scores that are linear in features: a logistic regression on standardised features."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import nn

from spi_viewer.baselines.labelled_features import LabelledFeatures
from spi_viewer.networks.model_card import CLASSES

_log = logging.getLogger(__name__)
_STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # C of scikit-learn; thousands of features want little
_MAX_STEPS = 500
_NEVER = -20.0  # class score of a class that was never seen, below those of all that were


def fit_linear_head(
    training: LabelledFeatures,
    validation: LabelledFeatures,
    strengths: Sequence[float] = _STRENGTHS,
) -> tuple[nn.Linear, float]:
    """Scores of the four classes, and the strength that was the best on the validation frames.

    The standardisation is folded into the weights, so that the layer takes features as they are.
    """
    x = training.features
    mean, std = x.mean(0, dtype=np.float64), x.std(0, dtype=np.float64)
    scale = np.where(std > 0, std, 1.0)
    standard = ((x - mean) / scale).astype(np.float32)
    fitted = [_fit(standard, training.frame_class, strength) for strength in strengths]
    heads = [_folded(weight, bias, mean, scale) for weight, bias in fitted]
    losses = [_loss(head, validation) for head in heads]
    best = int(np.argmin(losses))
    return heads[best], strengths[best]


def _fit(x: NDArray, frame_class: NDArray, strength: float) -> tuple[NDArray, NDArray]:
    """Weight (4, D) and bias (4,) of standardised features."""
    model = LogisticRegression(C=strength, max_iter=_MAX_STEPS)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model.fit(x, frame_class)
        except ConvergenceWarning:
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(x, frame_class)
            _log.warning("the logistic regression was stopped after %d steps", _MAX_STEPS)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # one row, the log odds of the second
        coefficients = np.concatenate([-coefficients, coefficients]) / 2
        intercepts = np.concatenate([-intercepts, intercepts]) / 2
    weight = np.zeros((len(CLASSES), x.shape[1]))
    bias = np.full(len(CLASSES), intercepts.min() + _NEVER)
    weight[model.classes_], bias[model.classes_] = coefficients, intercepts
    return weight, bias


def _folded(weight: NDArray, bias: NDArray, mean: NDArray, scale: NDArray) -> nn.Linear:
    weight = weight / scale
    head = nn.Linear(weight.shape[1], len(weight))
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
        head.bias.copy_(torch.from_numpy(bias - weight @ mean))
    return head


@torch.inference_mode()
def _loss(head: nn.Linear, validation: LabelledFeatures) -> float:
    scores = head(torch.from_numpy(validation.features))
    return float(nn.functional.cross_entropy(scores, torch.from_numpy(validation.frame_class)))
