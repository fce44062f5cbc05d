"""The strip chart of the hit rate."""

import numpy as np
import pytest
from PyQt5.QtCore import QPoint, QPointF, Qt

from spi_viewer.gui.counts_panel import CountsPanel
from spi_viewer.session.hit_rate import HitRateSeries


def series(hit_rate):
    rate = np.asarray(hit_rate, float)
    count = len(rate)
    return HitRateSeries(
        time_s=1.7e9 + 2.0 * np.arange(count),
        hit_rate=rate,
        low=np.clip(rate - 0.1, 0, 1),
        high=np.clip(rate + 0.1, 0, 1),
        frames=np.full(count, 20),
        first_row=20 * np.arange(count),
    )


@pytest.fixture
def panel(qtbot):
    panel = CountsPanel()
    qtbot.addWidget(panel)
    panel.resize(330, 160)
    panel.show()
    qtbot.waitExposed(panel)
    return panel


def place(panel, x, percent):
    view = panel.plot.getViewBox()
    return panel.plot.mapFromScene(view.mapViewToScene(QPointF(x, percent)))


def ticks(panel, name):
    return [text for level in panel.plot.getAxis(name)._tickLevels for _, text in level]


def test_a_click_on_a_point_gives_its_first_frame(panel, qtbot):
    panel.show_series(series([0.1, 0.2, 0.3, 0.2]), by_time=True)
    with qtbot.waitSignal(panel.row_chosen) as chosen:
        qtbot.mouseClick(panel.plot.viewport(), Qt.LeftButton, pos=place(panel, -4.0, 20))
    assert chosen.args == [20]


def test_a_click_beside_the_chart_gives_nothing(panel, qtbot):
    panel.show_series(series([0.1, 0.2]), by_time=True)
    with qtbot.assertNotEmitted(panel.row_chosen):
        qtbot.mouseClick(panel.plot.viewport(), Qt.LeftButton, pos=QPoint(2, 2))


def test_an_empty_chart_has_an_axis_in_per_cent(panel):
    assert panel.point_at(0, 10) is None
    panel.show_series(series([]), by_time=True)
    assert ticks(panel, "left") == ["0", "50", "100"]
    assert ticks(panel, "bottom") == []


def test_a_lone_point_is_in_the_middle_with_its_interval(panel):
    panel.show_series(series([0.5]), by_time=False)
    left, right = panel.plot.getViewBox().viewRange()[0]
    assert left < 0 < right
    assert panel._low.getData()[1].tolist() == pytest.approx([40, 40])
    assert panel.point_at(0.0, 0.1) == 0


def test_ticks_are_few_and_round(panel):
    panel.show_series(series([0.31, 0.33, 0.34]), by_time=True)
    shown = ticks(panel, "left")
    assert 2 <= len(shown) <= 6
    assert all(float(text) % 5 == 0 for text in shown)


def test_bins_that_are_cut_off_at_either_end_are_no_news(panel):
    cut = series([1.0, 0.2, 0.3, 0.2, 0.0])
    cut.frames[[0, -1]] = 1
    panel.show_series(cut, by_time=True)
    assert panel._line.getData()[1].tolist() == pytest.approx([20, 30, 20])
