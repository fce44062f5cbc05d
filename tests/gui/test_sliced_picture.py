"""A picture painted a few milliseconds at a time."""

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QWidget

from spi_viewer.gui import sliced_picture
from spi_viewer.gui.sliced_picture import SlicedPicture

PARTS = 20


class Stripes(QWidget):
    """Twenty stripes of one colour."""

    def __init__(self):
        super().__init__()
        self.picture = SlicedPicture(self)
        self.colour = Qt.red
        self.painted = 0

    def paintEvent(self, _event):
        self.picture.paint(self._stripes)

    def _stripes(self):
        for number in range(PARTS):
            yield lambda painter, number=number: self._stripe(painter, number)

    def _stripe(self, painter, number):
        painter.fillRect(0, 5 * number, 100, 5, self.colour)
        self.painted += 1

    def colours(self):
        image = self.grab().toImage()
        return {image.pixelColor(50, 5 * number + 2).name() for number in range(PARTS)}


@pytest.fixture
def stripes(qtbot):
    stripes = Stripes()
    qtbot.addWidget(stripes)
    stripes.resize(100, 5 * PARTS)
    stripes.show()
    qtbot.waitExposed(stripes)
    qtbot.waitUntil(lambda: stripes.picture.is_whole)
    return stripes


@pytest.fixture
def one_part_a_slice(monkeypatch):
    monkeypatch.setattr(sliced_picture, "_SLICE_S", -1.0)


def test_the_first_picture_and_one_of_another_size_are_painted_at_once(stripes, one_part_a_slice):
    stripes.colour = Qt.blue
    stripes.resize(100, 5 * PARTS + 10)
    assert stripes.colours() == {"#0000ff"}


def test_the_last_picture_is_shown_until_the_next_one_is_whole(stripes, one_part_a_slice, qtbot):
    stripes.picture._slice_s = -1.0
    stripes.colour = Qt.blue
    stripes.picture.change()
    assert not stripes.picture.is_whole
    assert stripes.colours() == {"#ff0000"}
    qtbot.waitUntil(lambda: stripes.picture.is_whole)
    assert stripes.colours() == {"#0000ff"}


def test_what_did_not_change_is_not_painted_again(stripes, qtbot):
    stripes.painted = 0
    stripes.update()
    stripes.grab()
    assert stripes.painted == 0


def test_a_picture_that_keeps_changing_is_whole_sooner_or_later(stripes, monkeypatch):
    clock = iter(range(10**9))  # every look at it a second later
    monkeypatch.setattr(sliced_picture.time, "perf_counter", lambda: float(next(clock)))
    stripes.picture._slice_s = 1.0
    for number in range(12):
        stripes.colour = Qt.blue if number % 2 else Qt.green
        stripes.picture.change()
        if "#ff0000" not in stripes.colours():
            return
    pytest.fail("the first picture is still shown")


def test_an_error_in_a_part_ends_the_painting_and_the_next_change_begins_anew(stripes, qtbot):
    def fails():
        yield lambda painter: (_ for _ in ()).throw(ValueError("a part"))

    stripes.picture.change()
    with pytest.raises(ValueError, match="a part"):
        stripes.picture.paint(fails)
    stripes.colour = Qt.blue
    stripes.picture.change()
    qtbot.waitUntil(lambda: stripes.picture.is_whole)
    assert stripes.colours() == {"#0000ff"}
