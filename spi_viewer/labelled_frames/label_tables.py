"""Labels as they are stored: in a table of text, or in the run file itself."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import h5py
import numpy as np

from spi_viewer.errors import LabelError
from spi_viewer.labelled_frames.label_names import (
    BAD_OF_SOME_KIND,
    LCLS_CODES,
    LEFT_OUT,
    WORDS,
    LabelNames,
    label_code,
    normalised,
    parse_label_names,
)
from spi_viewer.sources.hdf5_file import H5_ERRORS, find_dataset, open_hdf5

_CLASS_PATH = "/labels/class"  # with the classes' names in an attribute
_COPIED_PATH = "/spi_viewer/copied/labels/class"  # in exports: 0 where the source had none
_OPERATOR_PATH = "/spi_viewer/label"  # in exports of this program: -1 none, 0 bad, 1 good
_OPERATOR_NAMES: LabelNames = {
    "-1": LEFT_OUT,
    "0": BAD_OF_SOME_KIND,
    "1": WORDS["good"],
}
_MAX_BYTES = 1 << 28

_Key = TypeVar("_Key")


@dataclass
class LabelTable:
    """Labels by place or by event; values are FrameClass or BAD_OF_SOME_KIND.

    Attributes:
        source: in words, for messages.
        by_place: (file as written, dataset or '', frame from 0) -> class.
        by_event: (experiment or '', run, event) -> class, found by the facility's own frame id.
        left_out: labels that say no class, and how often each occurs.
    """

    source: str
    by_place: dict[tuple[str, str, int], int] = field(default_factory=dict)
    by_event: dict[tuple[str, str, str], int] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)

    def of_event(self, name: str) -> int | None:
        """The class of a frame of the id 'experiment:run:event'."""
        parts = name.split(":")
        if len(parts) < 2:
            return None
        experiment = parts[-3] if len(parts) > 2 else ""
        run, event = _without_zeros(parts[-2]), parts[-1]
        found = self.by_event.get((experiment, run, event))
        return self.by_event.get(("", run, event)) if found is None else found


def _without_zeros(number: str) -> str:
    """Run 0090 as 90, which it is in a table whichever way it was written there."""
    return str(int(number)) if number.isascii() and number.isdigit() else number


def read_label_table(path: Path, names: LabelNames | None = None) -> LabelTable:
    """Labels in a CSV.

    Columns `file,dataset,frame,label` (dataset may be missing, and file, if there is one run;
    labels are words, or numbers that `names` explains), or `exp,run,event_num,label` with the
    numbers of LCLS amo06516: 0 non-sample, 1 single, 2 multi, 9 blank.

    Raises:
        LabelError: it cannot be read, has other columns, or has numbers that nobody explains.
    """
    rows = _rows(path)
    columns = set(rows[0]) if rows else set()
    table = LabelTable(str(path))
    if {"label", "run", "event_num"} <= columns:
        names = LCLS_CODES if names is None else names
        for line, row in enumerate(rows, start=2):
            key = (row.get("exp", ""), _whole(path, line, row["run"]), row["event_num"])
            _put(table, table.by_event, key, row["label"], names)
    elif {"label", "frame"} <= columns:
        _refuse_numbers(path, rows, names)
        for line, row in enumerate(rows, start=2):
            frame = int(_whole(path, line, row["frame"]))
            place = (row.get("file", ""), row.get("dataset", ""), frame)
            _put(table, table.by_place, place, row["label"], names or {})
    else:
        raise LabelError(
            f"{path}: labels need the columns file,dataset,frame,label or exp,run,event_num,label; "
            f"it has {', '.join(sorted(columns)) or 'no rows'}"
        )
    return table


def labels_in_run(path: Path, names: LabelNames | None = None) -> LabelTable:
    """Labels that a run file carries: /labels/class, or the operator's in an export.

    In an export of this program the operator's come before those of the source, unless they say
    only that a frame is bad, where the source says of what kind.

    Raises:
        LabelError: there are none, or nothing says what their numbers mean.
        RunFileError: the file cannot be opened.
    """
    with open_hdf5(path) as file:
        source, operator = (find_dataset(file, path) for path in (_CLASS_PATH, _OPERATOR_PATH))
        of_source = None if source is None else _texts(source)
        of_operator = None if operator is None else _texts(operator)
        said: LabelNames = names or {}
        if source is not None and of_source is not None:
            said = {**_names_beside(path, source, is_needed=names is None), **said}
        filled = find_dataset(file, _COPIED_PATH)
        is_there = None if filled is None else _texts(filled)
    if of_source is None and of_operator is None:
        raise LabelError(
            f"{path}: has no labels in {_CLASS_PATH} or {_OPERATOR_PATH}; give a table of them "
            "with --labels"
        )
    if of_source is None:
        return _table(f"{_OPERATOR_PATH} of {path}", of_operator or [], _operator_names(names))
    table = _table(f"{_CLASS_PATH} of {path}", of_source, said, is_there)
    _put_operators(table, of_operator or [], _words_of(names))
    return table


def _table(
    source: str, values: Sequence[str], names: LabelNames, is_there: Sequence[str] | None = None
) -> LabelTable:
    """A label a frame; where not all are there, what stands for the others is passed over."""
    table = LabelTable(source)
    for frame, value in enumerate(values):
        if is_there is None or is_there[frame : frame + 1] != ["0"]:
            _put(table, table.by_place, ("", "", frame), value, names)
    return table


def _operator_names(names: LabelNames | None) -> LabelNames:
    """What the numbers mean, where the user says what is meant by good and bad, or by them."""
    return {**_words_of(names), **(names or {})}


def _words_of(names: LabelNames | None) -> LabelNames:
    """What an operator's good and bad mean."""
    said = names or {}
    words = {number: said[word] for number, word in (("0", "bad"), ("1", "good")) if word in said}
    return {**_OPERATOR_NAMES, **words}


def _put_operators(table: LabelTable, values: Sequence[str], names: LabelNames) -> None:
    """An operator's 'bad' leaves a bad class as it is."""
    for frame, value in enumerate(values):
        place, code = ("", "", frame), label_code(value, names)
        is_bad_already = table.by_place.get(place, WORDS["good"]) != WORDS["good"]
        if code != LEFT_OUT and not (value == "0" and is_bad_already):
            table.by_place[place] = code


def _names_beside(path: Path, dataset: h5py.Dataset, is_needed: bool) -> LabelNames:
    """What the source says of its numbers; LabelError if it does not and nobody else does."""
    text = dataset.attrs.get("names", "")
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if not isinstance(text, str) or not text.strip():
        if not is_needed:
            return {}
        raise LabelError(
            f"{path}: nothing says what the numbers in {_CLASS_PATH} mean; say it with "
            "--label-names, for instance 0=non-sample,1=single,2=multi"
        )
    return parse_label_names(text, f"{path}: the attribute 'names' of {_CLASS_PATH}")


def _texts(dataset: h5py.Dataset) -> list[str] | None:
    """One label a frame as text; None for a dataset that holds something else."""
    try:
        if dataset.ndim != 1 or dataset.dtype.kind not in "iufSO" or dataset.size > _MAX_BYTES:
            return None
        values = dataset.asstr()[:] if dataset.dtype.kind in "SO" else dataset[:]
    except H5_ERRORS:
        return None
    return [str(value) for value in np.asarray(values).tolist()]


def _put(
    table: LabelTable, labels: dict[_Key, int], key: _Key, text: str, names: LabelNames
) -> None:
    """Note one label; of two for the same frame the later one counts, as in a journal."""
    code = label_code(text, names)
    if code == LEFT_OUT:
        labels.pop(key, None)
        table.left_out[normalised(text)] += 1
    else:
        labels[key] = code


def _rows(path: Path) -> Sequence[Mapping[str, str]]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise LabelError(f"{path}: is larger than any table of labels")
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            lines = csv.DictReader(file, restval="")
            names = [name.strip() for name in lines.fieldnames or ()]
            rows = [
                {k.strip(): v if k == "file" else v.strip() for k, v in row.items() if k and v}
                for row in lines
            ]
    except (OSError, csv.Error) as error:
        raise LabelError(f"{path}: the labels cannot be read ({error})") from error
    return [{name: row.get(name, "") for name in names} for row in rows]


def _whole(path: Path, line: int, text: str) -> str:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise LabelError(f"{path}: line {line}: {text!r} is not a whole number from 0")
    return str(int(text))


def _refuse_numbers(
    path: Path, rows: Sequence[Mapping[str, str]], names: LabelNames | None
) -> None:
    """Numbers mean one thing in one laboratory and another elsewhere; they are not guessed."""
    written = {normalised(row["label"]) for row in rows}
    numbers = {label for label in written if label.lstrip("-").isdigit()}
    if numbers and names is None:
        raise LabelError(
            f"{path}: nothing says what the labels {', '.join(sorted(numbers)[:6])} mean; say it "
            "with --label-names, for instance 0=non-sample,1=single,2=multi"
        )
