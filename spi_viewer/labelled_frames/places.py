"""Where in a run the labelled frames stand."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from spi_viewer.errors import LabelError
from spi_viewer.frames import RunInfo
from spi_viewer.labelled_frames.label_tables import LabelTable

READ_FRAMES = 64  # at once


def places_of(
    table: LabelTable, path: Path, dataset: str | None
) -> tuple[str | None, dict[int, int]]:
    """The dataset that the labels are of, and frame -> class of one file."""
    # Paths as an operator writes them; a bare name is enough, and nothing, for a single run.
    known_as = {str(path), path.name, ""}
    found = {
        (named, index): code
        for (file, named, index), code in table.by_place.items()
        if file in known_as or (file and os.path.abspath(file) == str(path))
    }
    named = {one for one, _ in found if one}
    if dataset is None and len(named) > 1:
        raise LabelError(
            f"{table.source}: labels frames of {', '.join(sorted(named))} in {path}; choose one "
            "with --dataset"
        )
    dataset = dataset or next(iter(named), None)
    return dataset, {index: code for (one, index), code in found.items() if one in ("", dataset)}


def check_names(table: LabelTable, runs: Sequence[Path]) -> None:
    """Raise LabelError where a table does not say which of several runs it labels."""
    named = {file for file, _, _ in table.by_place}
    if "" in named and len(runs) > 1:
        raise LabelError(
            f"{table.source}: does not say which of the {len(runs)} runs its frames are of; add a "
            "column 'file'"
        )
    often = Counter(path.name for path in runs)
    if twice := sorted(name for name in named if often[name] > 1):
        raise LabelError(
            f"{table.source}: {twice[0]} is the name of {often[twice[0]]} of the runs; write the "
            "whole path"
        )


def check_places(table: LabelTable, info: RunInfo, places: dict[int, int], whole: bool) -> None:
    """Raise LabelError for labels of frames that are not there.

    `whole`: the labels are the run's own, of all its frames.
    """
    beyond = [index for index in places if index >= info.frame_count]
    if beyond:
        raise LabelError(
            f"{table.source}: labels frame {min(beyond)} of {info.path}, which has "
            f"{info.frame_count} frames in {info.dataset or 'it'}; these labels are of another run"
        )
    if not whole and not table.by_event and not places:
        raise LabelError(f"{table.source}: labels no frame of {info.path}")


def shares(counts: Sequence[int], limit: int) -> list[int]:
    """How many of its labels each run may use: all, or in proportion where they exceed `limit`."""
    total = sum(counts)
    if total <= limit:
        return list(counts)
    return [max(min(count, 1), count * limit // total) for count in counts]


def thinned(places: dict[int, int], limit: int) -> dict[int, int]:
    """At most `limit` labels, drawn from all over the run."""
    if len(places) <= limit:
        return places
    keys = np.random.default_rng(0).permutation(np.array(list(places)))[:limit]
    return {key: places[key] for key in np.sort(keys).tolist()}


def spans(indexes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Neighbouring frames in blocks to be read at once, as [start, stop)."""
    start = stop = -1
    for index in indexes:
        if index == stop and stop - start < READ_FRAMES:
            stop += 1
            continue
        if start >= 0:
            yield start, stop
        start, stop = index, index + 1
    if start >= 0:
        yield start, stop
