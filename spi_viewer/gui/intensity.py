"""Brightness of detector values: scales, levels, and a frame laid on a 16-bit axis of one scale.

On that axis 0 is invalid and 1..65535 run from its low to its high end. Levels then only change a
small table, so dragging them costs next to nothing; `quantisation` lays frames on it.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HISTOGRAM_BINS = 128
AXIS_TOP = 65535


class IntensityScale(enum.StrEnum):
    """How values become brightness; the value is what settings remember."""

    LINEAR = "linear"
    SQRT = "sqrt"
    LOG = "log"
    PER_PIXEL = "per-pixel"
    NETWORK_INPUT = "network input"


@dataclass(frozen=True, slots=True)
class Levels:
    """Values drawn darkest and brightest."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Transform:
    """Monotonic map of values to the axis that is drawn evenly.

    Square root and logarithm continue antisymmetrically below zero. The logarithm is
    log(1 + v / softening), which shows zeros.
    """

    scale: IntensityScale
    softening: float = 1.0

    def forward(self, values: NDArray) -> NDArray[np.float32]:
        """Values to axis positions, float32."""
        values = np.asarray(values, dtype=np.float32)
        if self.scale is IntensityScale.SQRT:
            return np.copysign(np.sqrt(np.abs(values)), values)
        if self.scale is IntensityScale.LOG:
            return np.copysign(np.log1p(np.abs(values) / np.float32(self.softening)), values)
        return values

    def position(self, value: float) -> float:
        """Axis position of one value."""
        if self.scale is IntensityScale.SQRT:
            return math.copysign(math.sqrt(abs(value)), value)
        if self.scale is IntensityScale.LOG:
            return math.copysign(math.log1p(abs(value) / self.softening), value)
        return value

    def value(self, position: float) -> float:
        """Value at one axis position."""
        if self.scale is IntensityScale.SQRT:
            return math.copysign(position * position, position)
        if self.scale is IntensityScale.LOG:
            return math.copysign(math.expm1(min(abs(position), 80.0)) * self.softening, position)
        return position


@dataclass(frozen=True, slots=True, eq=False)
class IntensityImage:
    """A frame laid on the 16-bit axis of one scale.

    Attributes:
        copies: uint16 images max-pooled by 1, 2, 4 ...; the first is the frame itself.
        axis: values at both ends of the axis.
        auto_levels: levels from all valid pixels of this frame.
        histogram: (HISTOGRAM_BINS,) valid pixels along the axis.
    """

    copies: tuple[NDArray[np.uint16], ...]
    transform: Transform
    axis: Levels
    auto_levels: Levels
    histogram: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the frame."""
        height, width = self.copies[0].shape
        return height, width

    def level_table(self, levels: Levels) -> NDArray[np.uint8]:
        """(65536,) uint8: colour index of every axis value at these levels."""
        start, end = self.transform.position(self.axis.low), self.transform.position(self.axis.high)
        low, high = self.transform.position(levels.low), self.transform.position(levels.high)
        positions = np.linspace(start, end, AXIS_TOP, dtype=np.float64)
        span = max(high - low, 1e-12 * max(1.0, abs(high)))
        table = np.zeros(AXIS_TOP + 1, dtype=np.uint8)
        table[1:] = np.clip(np.rint(1 + 254 * (positions - low) / span), 1, 255)
        return table
