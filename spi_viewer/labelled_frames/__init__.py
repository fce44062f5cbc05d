"""Measured frames with labels that people gave: read, grouped by event, cut into parts."""

from spi_viewer.labelled_frames.label_names import BAD_OF_SOME_KIND, parse_label_names
from spi_viewer.labelled_frames.labelled import LabelledFrames
from spi_viewer.labelled_frames.parts import few_of_each_class, parts_by_event
from spi_viewer.labelled_frames.reading import labelled_runs, unlabelled_runs

__all__ = [
    "BAD_OF_SOME_KIND",
    "LabelledFrames",
    "few_of_each_class",
    "labelled_runs",
    "parse_label_names",
    "parts_by_event",
    "unlabelled_runs",
]
