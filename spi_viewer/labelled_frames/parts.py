"""Parts of labelled frames such that the views of one event are never in two of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def parts_by_event(
    frame_class: NDArray, event: NDArray, shares: Sequence[float], seed: int = 0
) -> list[NDArray[np.int64]]:
    """Rows of each part, drawn by event and with every class in its share.

    Args:
        frame_class: (N,) class of each frame.
        event: (N,) event of each frame; an event goes into one part as a whole.
        shares: of the frames of a class that each part gets; they sum to 1.
        seed: of the draw.

    Returns:
        Rows (n,) of each part, in order. A class with as many events as there are parts is in
        all of them.
    """
    random = np.random.default_rng(seed)
    part_of_event: dict[object, int] = {}
    classes = np.unique(frame_class)
    for one in sorted(classes, key=lambda c: int((frame_class == c).sum())):  # rarest first
        events = [e for e in np.unique(event[frame_class == one]) if e not in part_of_event]
        random.shuffle(events)
        places = np.array(
            [part_of_event[e] for e in event[frame_class == one] if e in part_of_event], np.int64
        )
        filled = np.bincount(places, minlength=len(shares)).astype(np.float64)
        wanted = np.asarray(shares, np.float64) * int((frame_class == one).sum())
        for e in events:
            # To where most is lacking; an empty part comes before all others.
            lacking = np.where(filled == 0, wanted + wanted.sum(), wanted - filled)
            part = int(np.where(wanted > 0, lacking, -np.inf).argmax())
            part_of_event[e] = part
            filled[part] += int(((event == e) & (frame_class == one)).sum())
    parts = np.array([part_of_event[e] for e in event], np.int64)
    return [np.flatnonzero(parts == number) for number in range(len(shares))]


def few_of_each_class(
    frame_class: NDArray, event: NDArray, per_class: int, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of `per_class` labels of each class, and the rows of all events that are in none of it.

    A class with fewer labels gives all but those of one event, so that something is left to judge
    on. Views of one event count as labels of their own: an operator labels frames.
    """
    random = np.random.default_rng(seed)
    chosen: list[int] = []
    for one in np.unique(frame_class):
        events = np.unique(event[frame_class == one])
        random.shuffle(events)
        kept_back = set(events[-1:].tolist())
        own = [
            int(row)
            for e in events
            if e not in kept_back
            for row in np.flatnonzero((event == e) & (frame_class == one))
        ]
        chosen += own[:per_class]
    rows = np.array(sorted(chosen), np.int64)
    return rows, np.flatnonzero(~np.isin(event, event[rows]))
