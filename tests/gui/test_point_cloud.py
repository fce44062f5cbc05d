"""Dots stand where their points lie, in their colour, and are all in view."""

import numpy as np
import pyqtgraph as pg
from PyQt5.QtCore import QPointF
from PyQt5.QtGui import QColor
from pytestqt.qtbot import QtBot

from spi_viewer.gui.point_cloud import PointCloud

POINTS = np.array([[-1.0, 2.0], [3.0, 5.0], [0.5, -4.0]], np.float32)


def red_cloud(qtbot: QtBot) -> tuple[pg.PlotWidget, PointCloud]:
    """A plot on black with a cloud of dots of 7 px."""
    plot = pg.PlotWidget()
    qtbot.addWidget(plot)
    plot.setBackground("k")
    cloud = PointCloud(7)
    cloud.set_colour(QColor("red"))
    plot.addItem(cloud)
    return plot, cloud


def test_each_point_is_painted_where_it_lies_and_none_is_left_from_before(qtbot: QtBot) -> None:
    plot, cloud = red_cloud(qtbot)
    cloud.set_points(POINTS + 100)
    cloud.set_points(POINTS)
    plot.resize(400, 300)
    plot.show()
    qtbot.waitExposed(plot)
    box = plot.getViewBox()
    box.autoRange()
    picture = plot.grab().toImage()
    for x, y in POINTS:
        place = plot.mapFromScene(box.mapViewToScene(QPointF(float(x), float(y))))
        assert picture.pixelColor(place).red() > 200
    reds = sum(
        picture.pixelColor(x, y).red() > 200 and picture.pixelColor(x, y).green() < 60
        for x in range(picture.width())
        for y in range(picture.height())
    )
    assert 3 * 20 < reds < 3 * 60  # three dots of 7 px


def test_a_dot_is_round_whatever_the_axes(qtbot: QtBot) -> None:
    plot, cloud = red_cloud(qtbot)
    cloud.set_points(np.zeros((1, 2), np.float32))
    plot.setRange(xRange=(-1e-3, 1e-3), yRange=(-50, 50), padding=0)
    plot.resize(400, 300)
    plot.show()
    qtbot.waitExposed(plot)
    picture = plot.grab().toImage()
    lit = np.array(
        [
            (x, y)
            for x in range(picture.width())
            for y in range(picture.height())
            if picture.pixelColor(x, y).red() > 100 and picture.pixelColor(x, y).green() < 60
        ]
    )
    width, height = np.ptp(lit, axis=0) + 1
    assert 5 <= height <= 9
    assert 5 <= width <= 9


def test_no_points_are_no_fault(qtbot: QtBot) -> None:
    plot = pg.PlotWidget()
    qtbot.addWidget(plot)
    cloud = PointCloud(5)
    plot.addItem(cloud)
    cloud.set_points(np.zeros((0, 2), np.float32))
    plot.show()
    qtbot.waitExposed(plot)
    assert not plot.grab().isNull()
