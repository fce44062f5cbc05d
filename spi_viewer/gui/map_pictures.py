"""Small arrays of the network as pictures: its input, an activation map, feature maps in tiles."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtGui import QImage, QPainter

from spi_viewer.gui.colour_maps import colour_table
from spi_viewer.gui.overlays import activation_image


def indices_of(values: NDArray) -> NDArray[np.uint8]:
    """1..255 between the 0.5 and 99.5 percentile of each (h, w) of (..., h, w); NaN gives 0."""
    values = np.asarray(values, dtype=np.float32)
    if values.size == 0:
        return values.astype(np.uint8)
    known = np.isfinite(values)
    values = np.where(known, values, 0)
    flat = np.sort(values.reshape(*values.shape[:-2], -1), axis=-1)
    count = flat.shape[-1]
    low = flat[..., int(0.005 * (count - 1)), None, None]
    high = flat[..., math.ceil(0.995 * (count - 1)), None, None]
    scaled = 1 + 254 * (values - low) / np.maximum(high - low, 1e-12)
    return np.where(known, np.clip(scaled, 1, 255), 0).astype(np.uint8)


def picture_of_map(values: NDArray, colour_map: str) -> QImage:
    """One (h, w) map stretched over a colour map."""
    return indexed_image(indices_of(values), colour_map)


def indexed_image(indices: NDArray[np.uint8], colour_map: str) -> QImage:
    """(h, w) colour indices as a picture."""
    indices = np.ascontiguousarray(indices)
    height, width = indices.shape
    image = QImage(indices.data, width, height, width, QImage.Format_Indexed8)
    image.setColorTable(list(colour_table(colour_map)))
    return image.convertToFormat(QImage.Format_RGB32)  # a copy: `indices` may go


def picture_with_activation(network_input: NDArray, activation: NDArray) -> QImage:
    """The network's first input channel in grey with an activation map over it."""
    image = picture_of_map(network_input, "grey")
    painter = QPainter(image)
    painter.setOpacity(0.75)
    painter.drawImage(image.rect(), activation_image(activation))
    painter.end()
    return image


def tile_columns(count: int, width: float, height: float) -> int:
    """Columns that make `count` square tiles as large as the space allows."""
    if count < 1 or width < 1 or height < 1:
        return 1
    sides = [
        min(width / columns, height / math.ceil(count / columns)) for columns in range(1, count + 1)
    ]
    return int(np.argmax(sides)) + 1
