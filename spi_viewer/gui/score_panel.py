"""Histogram of P(single) with a threshold to drag, and what to expect of it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt5.QtCore import QEvent, Qt, pyqtSignal
from PyQt5.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from spi_viewer.frames import DecisionRule
from spi_viewer.gui.expectation import expected_at, expected_singles
from spi_viewer.gui.number_box import NumberBox
from spi_viewer.gui.plots import make_plot, style_plot
from spi_viewer.gui.texts import format_count, format_percent
from spi_viewer.gui.theme import scaled_font, set_tone, theme_of


class ScorePanel(QWidget):
    """Score histogram; the operator drags the threshold or types it.

    Signals:
        rule_changed: a DecisionRule, when the drag ends or a number was typed.
    """

    rule_changed = pyqtSignal(object)

    def __init__(self, rule: DecisionRule) -> None:
        super().__init__()
        self._rule = self._given = rule
        self._own: DecisionRule | None = None
        self._edges = np.linspace(0.0, 1.0, 101)
        self._counts = np.zeros(100, dtype=np.int64)
        self.plot = make_plot("P(single)", "frames")
        self.plot.setXRange(0, 1, padding=0.04)
        self.plot.getAxis("bottom").setTicks([[(n / 4, f"{n / 4:g}") for n in range(5)]])
        self.bars = pg.PlotCurveItem([0.0, 1.0], [0.0], stepMode="center", fillLevel=0)
        self.unsure_band = pg.LinearRegionItem(movable=False)
        self.line = pg.InfiniteLine(angle=90, movable=True, bounds=(0.0, 1.0))
        self.log_counts = QCheckBox("log counts")
        self.number = NumberBox()
        self.accepted, self.precision, self.recall = QLabel(), QLabel(), QLabel()
        self.singles, self.checked = QLabel(), QLabel()
        self._fill_plot()
        self._lay_out()
        self.show_rule(rule)

    def show_rule(self, rule: DecisionRule) -> None:
        """Show the threshold and the band of unsure scores.

        A band that gave way to a threshold set here comes back with the next one.
        """
        self._rule = rule
        if rule != self._own:
            self._given = rule
        self.line.blockSignals(True)
        self.line.setValue(rule.threshold)
        self.line.blockSignals(False)
        self.number.blockSignals(True)
        self.number.setValue(rule.threshold)
        self.number.blockSignals(False)
        self.unsure_band.setRegion((rule.unsure_low, rule.unsure_high))
        self._show_expectation(rule.threshold)

    def show_histogram(self, edges: NDArray[np.float64], counts: NDArray[np.int64]) -> None:
        """Show the scores of the valid frames: edges (bins + 1,), counts (bins,)."""
        self._edges, self._counts = np.asarray(edges, float), np.asarray(counts)
        self._draw_bars()
        self._show_expectation(float(self.line.value()))

    def show_labelled(self, scores: NDArray[np.float32], good: NDArray[np.bool_]) -> None:
        """Check the threshold against the operator's labels: scores (n,), good (n,) bool."""
        accepted = scores >= self._rule.threshold
        right = int((accepted & good).sum())
        if not scores.size:
            self.checked.setText("no labels yet: G and B on frames check the network")
            return
        precision = right / max(1, int(accepted.sum()))
        recall = right / max(1, int(good.sum()))
        self.checked.setText(
            f"{format_percent(precision) if accepted.any() else '–'} precision · "
            f"{format_percent(recall) if good.any() else '–'} recall "
            f"on {format_count(scores.size)} labels"
        )

    def _fill_plot(self) -> None:
        self.unsure_band.setZValue(-10)
        self.line.setZValue(10)
        for item in (self.unsure_band, self.bars, self.line):
            self.plot.addItem(item)
        self.line.sigPositionChanged.connect(self._follow_drag)
        self.line.sigPositionChangeFinished.connect(self._set_threshold_by_line)
        self._dress()

    def _lay_out(self) -> None:
        self.number.setRange(0.0, 1.0)
        self.number.setDecimals(3)
        self.number.setSingleStep(0.01)
        self.number.setKeyboardTracking(False)
        self.number.valueChanged.connect(self._set_threshold)
        # Once it is given, keys are labels and steps again.
        self.number.lineEdit().returnPressed.connect(self.number.clearFocus)
        self.log_counts.setChecked(True)
        self.log_counts.toggled.connect(self._draw_bars)
        self.number.setFocusPolicy(Qt.ClickFocus)
        self.log_counts.setFocusPolicy(Qt.TabFocus)
        caption = QLabel("Threshold")
        row = QHBoxLayout()
        row.addWidget(caption)
        row.addWidget(self.number)
        row.addStretch(1)
        row.addWidget(self.log_counts)
        figures = QFormLayout()
        figures.setVerticalSpacing(3)
        figures.setHorizontalSpacing(14)
        for text, label in (
            ("Accepted as good", self.accepted),
            ("Expected precision", self.precision),
            ("Expected recall", self.recall),
            ("Expected singles", self.singles),
            ("By your labels", self.checked),
        ):
            name = QLabel(text)
            set_tone(name, "muted")
            label.setFont(scaled_font(self.font(), 1.0, bold=label is not self.checked))
            label.setWordWrap(True)
            figures.addRow(name, label)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addLayout(row)
        column.addWidget(self.plot, 1)
        column.addLayout(figures)
        self.checked.setText("no labels yet: G and B on frames check the network")

    def _draw_bars(self) -> None:
        heights = self._counts.astype(float)
        if self.log_counts.isChecked():
            heights = np.log10(heights + 1)
        self.bars.setData(self._edges, heights)
        self.plot.setYRange(0, max(1.0, float(heights.max(initial=0))) * 1.06, padding=0)
        axis = self.plot.getAxis("left")
        axis.setTicks(_count_ticks(self._counts) if self.log_counts.isChecked() else None)

    def _show_expectation(self, threshold: float) -> None:
        expected = expected_at(threshold, self._edges, self._counts)
        total = int(self._counts.sum())
        self.accepted.setText(f"{format_count(expected.accepted)} of {format_count(total)}")
        self.precision.setText(format_percent(expected.precision))
        self.recall.setText(format_percent(expected.recall))
        singles, spread = expected_singles(self._edges, self._counts)
        self.singles.setText(f"{format_count(singles)} ± {format_count(max(1, spread))}")
        self.singles.setToolTip("Of all frames, if the scores are calibrated: Σp ± √Σp(1−p)")

    def _follow_drag(self) -> None:
        value = float(self.line.value())
        self.number.blockSignals(True)
        self.number.setValue(value)
        self.number.blockSignals(False)
        self._show_expectation(value)

    def _set_threshold_by_line(self) -> None:
        self._set_threshold(round(float(self.line.value()), 3))

    def _set_threshold(self, threshold: float) -> None:
        rule = replace(
            self._rule,
            threshold=threshold,
            unsure_low=min(self._given.unsure_low, threshold),
            unsure_high=max(self._given.unsure_high, threshold),
        )
        self._own = rule
        self.show_rule(rule)
        self.rule_changed.emit(rule)

    def _dress(self) -> None:
        theme = theme_of(self.palette())
        style_plot(self.plot, theme)
        self.bars.setPen(pg.mkPen(theme.accent, width=1))
        self.bars.setBrush(pg.mkBrush(theme.accent_ground))
        self.line.setPen(pg.mkPen(theme.text, width=2))
        self.line.setHoverPen(pg.mkPen(theme.accent, width=3))
        colour = pg.mkColor(theme.unsure)
        colour.setAlpha(34)
        self.unsure_band.setBrush(pg.mkBrush(colour))
        for edge in self.unsure_band.lines:
            edge.setPen(pg.mkPen(theme.unsure, width=1, style=Qt.DotLine))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.PaletteChange:
            self._dress()
        super().changeEvent(event)


def _count_ticks(counts: NDArray[np.int64]) -> list[list[tuple[float, str]]]:
    """Ticks of the logarithmic count axis, which shows log10(count + 1)."""
    highest = int(counts.max(initial=0))
    values = [0, *(10**power for power in range(8) if 10**power <= max(1, highest))]
    return [[(math.log10(value + 1), format_count(value)) for value in values]]
