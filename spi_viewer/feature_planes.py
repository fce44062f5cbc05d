"""Planes that frames are laid out in by what a network made of them, alike ones near each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

# Frames that make the diffusion map, in which all others are placed: 20,000 within a second.
_LANDMARKS = 1500


def principal_plane(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The two directions in which features (n, C) differ most: (n, 2).

    Principal components of features of unit variance (Jolliffe 2002, Principal Component
    Analysis). Features that never vary, or are not finite, count for nothing.
    """
    if _has_no_plane(features):
        return np.zeros((len(features), 2), np.float32)
    values = _standardised(features)
    _, directions = np.linalg.eigh(values.T @ values)
    return _turned(values @ directions[:, :-3:-1], values)


def diffusion_plane(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The two slowest modes of a walk among alike frames: features (n, C) -> (n, 2).

    The diffusion map of Yoon et al. 2011 (see `baselines.diffusion_map`), on the same features as
    the principal plane: bent groups that overlap there lie apart here.
    """
    if _has_no_plane(features):
        return np.zeros((len(features), 2), np.float32)
    from spi_viewer.baselines.diffusion_map import diffusion_coordinates  # scikit-learn takes long

    values = _standardised(features)
    places = diffusion_coordinates(values.astype(np.float32), landmarks=_LANDMARKS)
    return _turned(places, values)


PLANES: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "principal": principal_plane,
    "diffusion": diffusion_plane,
}


def _has_no_plane(features: NDArray) -> bool:
    return len(features) < 2 or features.shape[1] < 2


def _standardised(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Features of unit variance; 0 where they never vary."""
    values = np.nan_to_num(features.astype(np.float64), posinf=0, neginf=0)
    values -= values.mean(axis=0)
    spread = values.std(axis=0)
    values /= np.where(spread > 1e-6 * max(spread.max(), 1e-12), spread, np.inf)
    return values


def _turned(places: NDArray, values: NDArray) -> NDArray[np.float32]:
    """Places (n, 2), each axis turned the way that the feature (n, C) goes which it follows most.

    Otherwise the picture would flip while a run grows.
    """
    weights = values.T @ places
    largest = np.abs(weights).argmax(axis=0)
    return (places * np.where(weights[largest, [0, 1]] < 0, -1, 1)).astype(np.float32)
