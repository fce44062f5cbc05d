"""Plots of one look: quiet axes, the theme's colours, no menus that surprise."""

from __future__ import annotations

import pyqtgraph as pg
from PyQt5.QtCore import Qt

from spi_viewer.gui.theme import Theme, scaled_font


def make_plot(bottom: str, left: str) -> pg.PlotWidget:
    """A plot that shows data and does not wander off under the mouse."""
    plot = pg.PlotWidget()
    plot.setMenuEnabled(False)
    plot.setFocusPolicy(Qt.NoFocus)  # arrows belong to the thumbnails
    plot.setMouseEnabled(x=False, y=False)
    plot.hideButtons()
    plot.setLabel("bottom", bottom)
    plot.setLabel("left", left)
    plot.setMinimumHeight(90)
    font = scaled_font(plot.font(), 0.8)
    for name in ("bottom", "left"):
        axis = plot.getAxis(name)
        axis.setTickFont(font)
        axis.label.setFont(font)
        axis.enableAutoSIPrefix(False)
    return plot


def style_plot(plot: pg.PlotWidget, theme: Theme) -> None:
    """Put on the theme's colours."""
    plot.setBackground(theme.panel)
    for name in ("bottom", "left"):
        axis = plot.getAxis(name)
        axis.setPen(pg.mkPen(theme.border))
        axis.setTextPen(pg.mkPen(theme.muted))
        axis.setTickPen(pg.mkPen(theme.border))
