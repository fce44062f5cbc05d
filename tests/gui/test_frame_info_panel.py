"""Frame info: complete, honest about what is not known, copyable."""

import numpy as np
import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QApplication

from spi_viewer.cli.crops import parse_crop
from spi_viewer.frames import Crop, DetectorGeometry, FrameFlag, FrameId, FullFrame, Verdict
from spi_viewer.gui.frame_info_panel import FrameInfoPanel, frame_entries
from spi_viewer.inspection import Inspection


def make_inspection(geometry=DetectorGeometry(), metadata=None, error=None):  # noqa: B008
    pixels = np.full((64, 65), 3, np.uint16)
    pixels[0] = 65535
    frame_id = FrameId("/data/r0173.cxi", "/entry_1/data_1/data", 7, "12:34")
    crop = Crop(31.5, 32.0, 0.5)
    frame = FullFrame(
        frame_id, pixels, pixels < 65535, FrameFlag.SATURATED, crop, geometry, metadata or {}
    )
    return Inspection(
        row=7,
        id=frame_id,
        crop=crop,
        verdict=Verdict.BAD,
        threshold=0.83,
        frame=None if error else frame,
        counts=np.zeros((128, 128), np.float32),
        valid=np.ones((128, 128), bool),
        error=error,
    )


@pytest.fixture
def panel(qtbot):
    panel = FrameInfoPanel()
    qtbot.addWidget(panel)
    panel.show()
    return panel


def test_masked_pixels_are_not_counted_as_photons():
    entries = dict(frame_entries(make_inspection()))
    assert entries["photons (sum)"].replace("\u202f", "") == str(3 * 63 * 65)
    assert entries["smallest, largest"] == "3, 3"
    assert entries["flags"] == "saturated"


def test_missing_geometry_is_said_to_be_missing():
    entries = dict(frame_entries(make_inspection(DetectorGeometry(1700.0, None, 75e-6))))
    assert entries["photon energy"] == "1700 eV (0.7293 nm)"
    assert entries["distance"] == "not known"
    assert entries["pixel size"] == "75 µm"


def test_odd_metadata_is_shown_in_one_line():
    metadata = {
        "pulse_energy_mJ": np.float32(1.25),
        "comment": b"two\nlines \xff",
        "trace": np.arange(5000),
    }
    entries = dict(frame_entries(make_inspection(metadata=metadata)))
    assert entries["pulse energy mJ"] == "1.25"
    assert entries["comment"].startswith("two lines")
    assert all("\n" not in value and len(value) < 500 for value in entries.values())


def test_the_crop_stands_there_as_the_commands_take_it():
    inspection = make_inspection()
    inspection.crop = Crop(center_y_px=117.5, center_x_px=149.48, scale=0.5)
    text = dict(frame_entries(inspection))["for commands"]
    assert text == "--crop 149.48,117.5,0.5"
    assert parse_crop(text.split()[1]) == inspection.crop


def test_an_unreadable_frame_still_tells_who_it_is(panel, qtbot):
    panel.show_inspection(make_inspection(error="the file is torn"))
    qtbot.waitUntil(lambda: panel.table.rowCount() > 0)
    texts = [panel.table.item(line, 1).text() for line in range(panel.table.rowCount())]
    assert "/data/r0173.cxi" in texts
    assert "the file is torn" in texts


def test_selected_lines_are_copied_with_the_usual_key(panel, qtbot):
    panel.show_inspection(make_inspection())
    qtbot.waitUntil(lambda: panel.table.rowCount() > 0)
    panel.table.selectRow(0)
    with qtbot.waitActive(panel):
        panel.activateWindow()
    panel.table.setFocus()
    qtbot.keyClick(panel.table, Qt.Key_C, Qt.ControlModifier)
    assert QApplication.clipboard().text() == "file\t/data/r0173.cxi"
    panel.copy_all()
    assert len(QApplication.clipboard().text().splitlines()) == panel.table.rowCount()


def test_a_hidden_panel_catches_up_when_it_is_shown(panel, qtbot):
    panel.hide()
    panel.show_inspection(make_inspection())
    assert panel.table.rowCount() == 0
    panel.show()
    qtbot.waitUntil(lambda: panel.table.rowCount() > 0)
    panel.show_inspection(None)
    assert panel.table.rowCount() == 0


def test_the_next_frame_takes_the_place_of_the_last(panel, qtbot):
    def cells():
        table = panel.table
        return [
            tuple(table.item(line, column).text() for column in (0, 1))
            for line in range(table.rowCount())
        ]

    for inspection in (make_inspection(), make_inspection(error="the disk hangs " * 20)):
        panel.show_inspection(inspection)
        told = frame_entries(inspection)
        qtbot.waitUntil(lambda told=told: cells() == told)
    heights = dict(zip(dict(cells()), map(panel.table.rowHeight, range(99)), strict=False))
    assert heights["error"] > 1.5 * heights["file"]  # a long text is shown whole
