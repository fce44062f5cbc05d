from __future__ import annotations

import csv
import io

from spi_viewer.evaluation.drawing import Palette
from spi_viewer.evaluation.measured import measured_part
from spi_viewer.frames import FrameClass

SINGLE, MULTI, NON_SAMPLE = FrameClass.SINGLE, FrameClass.MULTI, FrameClass.NON_SAMPLE


def rows(table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.csv())))


def test_frames_and_events_are_counted_apart(answers) -> None:
    frames = answers(
        [0.9, 0.8, 0.2, 0.1, 0.7, 0.1],
        [SINGLE, SINGLE, SINGLE, MULTI, MULTI, NON_SAMPLE],
        group=["e1", "e1", "e2", "e3", "e3", "e4"],
    )
    part = measured_part("amo.h5", "amo.h5 with labels.csv", [frames], Palette(["toy"]))
    by_frame, by_event = rows(part.tables[0])
    assert (by_frame["good"], by_frame["bad"]) == ("3", "3")
    assert (by_event["good"], by_event["bad"]) == ("2", "2")
    assert by_frame["good_called_bad"] == "0.333333"
    assert by_event["good_called_bad"] == "0.5"
    assert by_event["bad_called_good"] == "0"  # the mean of 0.1 and 0.7 is below one half
    assert "6 labelled frames of 4 events" in part.text
    called = rows(part.tables[1])[0]
    assert (called["multi"], called["non-sample"], called["blank"]) == ("0.5", "0", "")


def test_labels_of_one_kind_leave_unknown_what_needs_two(answers) -> None:
    frames = answers([0.9, 0.8], [SINGLE, SINGLE])
    part = measured_part("run", "run", [frames], Palette(["toy"]))
    assert "no curve" in part.text
    row = rows(part.tables[0])[0]
    assert row["good_called_bad"] == "0"
    assert row["bad_called_good"] == row["area_under_the_curve"] == ""


def test_the_names_of_the_files_come_from_the_runs(answers) -> None:
    part = measured_part("a/b c.h5", "", [answers([0.9, 0.1], [0, 1])], Palette(["toy"]))
    assert part.tables[0].name == "measured_a_b_c_h5"
    assert part.figures[0].name == "measured_a_b_c_h5"
