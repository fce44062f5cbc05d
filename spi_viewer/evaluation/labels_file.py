"""Labels that people gave to frames, from a CSV or from the run file itself."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from spi_viewer.errors import EvaluationError, RunFileError
from spi_viewer.frames import CLASS_OF_CODE, FrameClass, FrameId
from spi_viewer.sources.hdf5_file import H5_ERRORS, open_hdf5

_LABELS_PATH = "/labels/class"
_BY_NAME = {frame_class.label: frame_class for frame_class in FrameClass}

# The class of a frame, or None where nobody said one that is known.
LabelOf = Callable[[FrameId], FrameClass | None]


def labels_in_run(path: Path) -> LabelOf:
    """Labels in /labels/class, a number a frame.

    Raises RunFileError if the file has none, or cannot be opened.
    """
    with open_hdf5(path) as file:
        try:
            codes = np.asarray(file[_LABELS_PATH][:], np.int64).ravel().tolist()
        except H5_ERRORS as error:
            reason = f"has no labels in {_LABELS_PATH}; name a file of them with --labels"
            raise RunFileError(path, reason) from error

    def label_of(frame: FrameId) -> FrameClass | None:
        return CLASS_OF_CODE.get(codes[frame.index]) if frame.index < len(codes) else None

    return label_of


def labels_in_csv(path: Path) -> LabelOf:
    """Labels in a CSV with a column `label` and either `frame` (and `file`), or `run,event_num`.

    A label is a class's name or number (0 non-sample, 1 single, 2 multi, 9 blank); others are of
    frames that nobody can judge and count as none. `frame` is the place in the file, from 0; an
    event is found by the run and event in the facility's own id of the frame, 'exp:run:event'.

    Raises:
        EvaluationError: the file cannot be read, or has no such columns; the text names it.
    """
    rows = _rows(path)
    columns = rows[0].keys() if rows else set()
    if {"label", "run", "event_num"} <= columns:
        by_event = {(r["run"].strip(), r["event_num"].strip()): _class(r["label"]) for r in rows}
        return lambda frame: by_event.get(_event(frame))
    if {"label", "frame"} <= columns:
        by_place = {(r.get("file", ""), r["frame"].strip()): _class(r["label"]) for r in rows}
        return lambda frame: _at(by_place, frame)
    raise EvaluationError(
        f"{path}: labels need the columns run,event_num,label or file,frame,label; "
        f"it has {', '.join(columns) or 'none'}"
    )


def _rows(path: Path) -> Sequence[Mapping[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return [{k: v or "" for k, v in row.items() if k} for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{path}: the labels cannot be read ({error})") from error


def _class(text: str) -> FrameClass | None:
    text = text.strip().lower()
    if text in _BY_NAME:
        return _BY_NAME[text]
    return CLASS_OF_CODE.get(int(text)) if text.isascii() and text.isdigit() else None


def _event(frame: FrameId) -> tuple[str, str]:
    parts = frame.name.split(":")
    return (parts[-2], parts[-1]) if len(parts) > 1 else ("", frame.name)


def _at(by_place: Mapping[tuple[str, str], FrameClass | None], frame: FrameId) -> FrameClass | None:
    """By the file's whole path or name, or by the place alone where no file is said."""
    files = (frame.path, Path(frame.path).name, "")
    found = (by_place.get((file, str(frame.index))) for file in files)
    return next((one for one in found if one is not None), None)
