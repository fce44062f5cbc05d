"""Strip chart of the hit rate with its interval; a click leads to the frame."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PyQt5.QtCore import QEvent, Qt, pyqtSignal
from PyQt5.QtWidgets import QVBoxLayout, QWidget

from spi_viewer.gui.plots import make_plot, style_plot
from spi_viewer.gui.theme import theme_of

if TYPE_CHECKING:
    from spi_viewer.session.hit_rate import HitRateSeries

_CLICK_REACH_PX = 24
_BEGUN_SHARE = 0.5
_LONE_BAND = 0.3
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)


class CountsPanel(QWidget):
    """Hit rate over the run with its 95 % interval.

    Signals:
        row_chosen: session row of the first frame of the clicked point.
    """

    row_chosen = pyqtSignal(int)

    def __init__(self) -> None:
        super().__init__()
        self._series: HitRateSeries | None = None
        self._x = np.zeros(0)
        self.plot = make_plot("seconds", "%")
        self._low, self._high = pg.PlotCurveItem(), pg.PlotCurveItem()
        self._band = pg.FillBetweenItem(self._low, self._high)
        self._line = pg.PlotDataItem(symbol="o", symbolSize=4)
        for item in (self._band, self._line):
            self.plot.addItem(item)
        self.plot.setCursor(Qt.PointingHandCursor)
        self.plot.scene().sigMouseClicked.connect(self._choose_clicked)
        self.setToolTip("Click a point to see its first frame")
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 8, 4)
        column.addWidget(self.plot)
        self._dress()

    def show_series(self, series: HitRateSeries, by_time: bool) -> None:
        """Draw the series against time, or against the count of frames."""
        series = _without_cut_bins(series)
        self._series = series
        count = len(series.time_s)
        if count == 0:
            self._x = np.zeros(0)
            self._line.setData([], [])
            self._draw_band(self._x, self._x, self._x)
            self._show_nothing()
            return
        if by_time:
            span_s = float(series.time_s[-1] - series.time_s[0])
            unit, unit_s = ("minutes", 60) if span_s > 120 else ("seconds", 1)
            self._x = (series.time_s - series.time_s[-1]) / unit_s
            self.plot.setLabel("bottom", unit)
        else:
            self._x = np.asarray(series.first_row - series.first_row[0], float)
            self.plot.setLabel("bottom", "frames")
        self._line.setData(self._x, 100 * series.hit_rate)
        self._draw_band(self._x, 100 * series.low, 100 * series.high)
        self._fit(100 * series.hit_rate, 100 * series.low, 100 * series.high)

    def point_at(self, x: float, reach: float) -> int | None:
        """Session row of the point nearest to x, None if all are farther than reach."""
        if self._series is None or not self._x.size:
            return None
        nearest = int(np.argmin(np.abs(self._x - x)))
        if abs(self._x[nearest] - x) > reach:
            return None
        return int(self._series.first_row[nearest])

    def _draw_band(self, x: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
        if len(x) == 1:  # one point has an interval, too
            x = np.array([x[0] - _LONE_BAND, x[0] + _LONE_BAND])
            low, high = np.repeat(low, 2), np.repeat(high, 2)
        self._low.setData(x, low)
        self._high.setData(x, high)

    def _fit(self, rate: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
        # Wide intervals of nearly empty bins must not flatten the curve.
        top = min(104.0, max(float(np.median(high)), float(rate.max())) * 1.05 + 0.5)
        bottom = max(0.0, min(float(np.median(low)), float(rate.min())) * 0.95 - 0.5)
        self.plot.setYRange(bottom, top, padding=0.02)
        self.plot.getAxis("left").setTicks([_percent_ticks(bottom, top)])
        left, right = float(self._x[0]), float(self._x[-1])
        lonely = 0.0 if right > left else 1.0
        self.plot.getAxis("bottom").setTicks([[(left, f"{left:g}")]] if lonely else None)
        self.plot.setXRange(left - lonely, right + lonely, padding=0.02)

    def _show_nothing(self) -> None:
        """An empty chart with an axis that means something."""
        self.plot.setYRange(0, 104, padding=0)
        self.plot.getAxis("left").setTicks([_percent_ticks(0, 104)])
        self.plot.getAxis("bottom").setTicks([[]])

    def _choose_clicked(self, event: pg.GraphicsScene.mouseEvents.MouseClickEvent) -> None:
        view = self.plot.getViewBox()
        if event.button() != Qt.LeftButton or not view.sceneBoundingRect().contains(
            event.scenePos()
        ):
            return
        x = view.mapSceneToView(event.scenePos()).x()
        row = self.point_at(x, _CLICK_REACH_PX * view.viewPixelSize()[0])
        if row is not None:
            self.row_chosen.emit(row)

    def _dress(self) -> None:
        theme = theme_of(self.palette())
        style_plot(self.plot, theme)
        self._line.setPen(pg.mkPen(theme.accent, width=1.6))
        self._line.setSymbolBrush(pg.mkBrush(theme.accent))
        self._line.setSymbolPen(None)
        colour = pg.mkColor(theme.accent)
        colour.setAlpha(60)
        self._band.setBrush(pg.mkBrush(colour))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.PaletteChange:
            self._dress()
        super().changeEvent(event)


def _percent_ticks(bottom: float, top: float) -> list[tuple[float, str]]:
    """Two to five round percentages between two heights."""
    step = next((s for s in _STEPS if (top - bottom) / s <= 5), _STEPS[-1])
    first = math.ceil(bottom / step)
    return [(n * step, f"{n * step:g}") for n in range(first, math.floor(top / step) + 1)]


def _without_cut_bins(series: HitRateSeries) -> HitRateSeries:
    """Leave out a first or last bin that holds hardly anything: its rate is noise, not news."""
    count = len(series.frames)
    if count < 3:
        return series
    enough = series.frames >= _BEGUN_SHARE * np.median(series.frames)
    kept = slice(0 if enough[0] else 1, count if enough[-1] else count - 1)
    return replace(
        series, **{field.name: getattr(series, field.name)[kept] for field in fields(series)}
    )
