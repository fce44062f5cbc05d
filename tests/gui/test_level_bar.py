"""The level bar: handles by mouse, a scale in the pattern's own units."""

import numpy as np
import pytest
from PyQt5.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt5.QtGui import QMouseEvent
from PyQt5.QtWidgets import QApplication

from spi_viewer.gui.colour_maps import colour_table
from spi_viewer.gui.intensity import IntensityScale
from spi_viewer.gui.level_axis import format_level
from spi_viewer.gui.level_bar import LevelBar
from spi_viewer.gui.quantisation import lay_on_axis


@pytest.fixture
def bar(qtbot):
    pixels = np.random.default_rng(0).poisson(40, (128, 128)).astype(np.float32)
    image = lay_on_axis(pixels, np.ones(pixels.shape, bool), IntensityScale.SQRT)
    bar = LevelBar()
    qtbot.addWidget(bar)
    bar.resize(62, 300)
    bar.set_colours(colour_table("viridis"))
    bar.show_image(image, image.auto_levels)
    bar.show()
    bar.levels = image.auto_levels
    return bar


def drag(widget, start, end):
    """Press, move, release; QTest.mouseMove depends on a real pointer."""
    for kind, point, button, buttons in (
        (QEvent.MouseButtonPress, start, Qt.LeftButton, Qt.LeftButton),
        (QEvent.MouseMove, end, Qt.NoButton, Qt.LeftButton),
        (QEvent.MouseButtonRelease, end, Qt.LeftButton, Qt.NoButton),
    ):
        event = QMouseEvent(kind, QPointF(point), button, buttons, Qt.NoModifier)
        QApplication.sendEvent(widget, event)


def test_dragging_the_upper_handle_sets_the_high_level(bar, qtbot):
    start = QPoint(6, round(bar.axis.y_of(bar.levels.high)))
    end = start + QPoint(0, 40)
    with qtbot.waitSignal(bar.levels_changed) as signal:
        drag(bar, start, end)
    assert signal.args[0].low == bar.levels.low
    assert signal.args[0].high == pytest.approx(bar.axis.value_at(end.y()))


def test_the_handles_cannot_cross(bar):
    changes = []
    bar.levels_changed.connect(changes.append)
    start = QPoint(6, round(bar.axis.y_of(bar.levels.low)))
    drag(bar, start, QPoint(6, 1))
    assert changes
    assert changes[-1].low < changes[-1].high


def test_a_double_click_asks_for_automatic_levels(bar, qtbot):
    with qtbot.waitSignal(bar.auto_requested):
        qtbot.mouseDClick(bar, Qt.LeftButton, pos=QPoint(6, 150))


def test_positions_and_values_undo_each_other(bar):
    for y in (20, 150, 280):
        assert bar.axis.y_of(bar.axis.value_at(y)) == pytest.approx(y, abs=0.01)


def test_it_draws_with_and_without_an_image(bar):
    filled = bar.grab().toImage()
    bar.show_image(None, bar.levels)
    assert filled != bar.grab().toImage()


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.25, "0.25"), (-3, "−3"), (143, "143"), (4095, "4095"), (65535, "65.5k"),
     (2.1e6, "2.1M"), (4.3e9, "4.3e+09")],
)  # fmt: skip
def test_levels_are_written_shortly(value, text):
    assert format_level(value) == text
