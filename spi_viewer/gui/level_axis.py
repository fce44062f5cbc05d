"""The axis of the level bar: where values stand on it, and round values to label it with."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from spi_viewer.gui.intensity import Levels, Transform

_TICK_SPACING_PX = 24


@dataclass(frozen=True, slots=True)
class LevelAxis:
    """Values from the bottom up, drawn evenly on an intensity scale.

    Attributes:
        ends: values at the bottom and at the top.
        top, height: where it runs, in widget pixels.
    """

    transform: Transform
    ends: Levels
    top: float
    height: float

    @property
    def bottom(self) -> float:
        """Widget y of the lowest value."""
        return self.top + self.height

    def y_of(self, value: float) -> float:
        """Widget y of a value, clipped to the axis."""
        start, end = self._positions()
        part = (self.transform.position(value) - start) / (end - start)
        return self.bottom - min(1.0, max(0.0, part)) * self.height

    def value_at(self, y: float) -> float:
        """Value at a widget y."""
        return self._value_of(min(1.0, max(0.0, (self.bottom - y) / self.height)))

    def ticks(self) -> list[tuple[float, str]]:
        """(y, text) of round values that keep their distance."""
        wanted = max(2, int(self.height / 34))
        ticks: list[tuple[float, str]] = []
        for part in np.linspace(0.0, 1.0, 4 * wanted):
            reach = self._value_of(min(1.0, part + 0.02)) - self._value_of(max(0.0, part - 0.02))
            value = _rounded(self._value_of(part), abs(reach))
            y = self.y_of(value)
            if all(abs(y - other) > _TICK_SPACING_PX for other, _ in ticks):
                ticks.append((y, format_level(value)))
        return ticks

    def _positions(self) -> tuple[float, float]:
        start, end = self.transform.position(self.ends.low), self.transform.position(self.ends.high)
        return start, max(end, start + 1e-30)

    def _value_of(self, part: float) -> float:
        """Value at a part of the axis, 0 at the bottom, 1 at the top."""
        start, end = self._positions()
        return self.transform.value(start + part * (end - start))


def format_level(value: float) -> str:
    """A level in few characters: 0, 0.25, −3, 143, 65k, 2.1M."""
    size = abs(value)
    if size >= 1e9:
        text = f"{size:.1e}"
    elif size >= 1e6:
        text = f"{size / 1e6:.3g}M"
    elif size >= 1e4:
        text = f"{size / 1e3:.3g}k"
    else:
        text = f"{size:.3g}" if size < 1000 else f"{size:.0f}"
    return f"−{text}" if value < 0 else text


def _rounded(value: float, resolution: float) -> float:
    """`value` on a step of 1, 2 or 5 times a power of ten that is no finer than `resolution`."""
    if resolution <= 0 or not math.isfinite(value):
        return value
    decade = 10.0 ** math.floor(math.log10(resolution))
    step = next(factor * decade for factor in (1, 2, 5, 10) if factor * decade >= resolution)
    return round(value / step) * step
