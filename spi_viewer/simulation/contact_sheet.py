"""Which of many simulated frames stand for their kind on a contact sheet, and what is said of them.

A row for each kind of hit, family of particles, or detector; the first frames that fit are taken,
so that the sheet of a file shows frames that can be found in it by their number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from numpy.typing import NDArray

from spi_viewer.errors import SpiViewerError
from spi_viewer.frames import FrameClass
from spi_viewer.simulation.non_sample import KINDS
from spi_viewer.simulation.recipe import Recipe
from spi_viewer.simulation.simulated_frames import SimulatedFrames

ROWS_BY = ("kind", "family", "detector")
_LEAST_SIDE_PX = 128  # frames are binned as long as they do not become smaller than this


@dataclass(frozen=True)
class Picture:
    """One frame of a sheet.

    Attributes:
        counts: (S, S) float32 photons, binned.
        valid: (S, S) bool.
        frame: number of the frame in its set.
        lines: what is written below, most important first.
    """

    counts: NDArray
    valid: NDArray
    frame: int
    frame_class: FrameClass
    lines: tuple[str, ...]


@dataclass(frozen=True)
class _Row:
    """A row of the sheet: its name and how many frames of each class it takes."""

    title: str
    wanted: Mapping[FrameClass, int]


class ContactSheet:
    """Fills with frames as they come.

    Attributes:
        rows: by key, the pictures so far, in the order of their classes.
        titles: by key, the names of the rows.
        columns: pictures in a full row.
        frames_seen: frames that came by.
    """

    def __init__(self, recipe: Recipe, rows_by: str = "kind", columns: int = 8) -> None:
        """A sheet for the frames of a recipe; SpiViewerError for rows that there are not."""
        if rows_by not in ROWS_BY:
            raise SpiViewerError(
                f"a contact sheet has no rows by {rows_by}; choose from: {', '.join(ROWS_BY)}"
            )
        self._rows_by, self.columns = rows_by, columns
        drawn = [one for one in FrameClass if recipe.weights.get(one, 0.0) > 0]
        self._layout = _lay_out(recipe, rows_by, drawn, columns)
        self._taken: Counter[tuple[str, FrameClass]] = Counter()
        self.titles = {key: row.title for key, row in self._layout.items()}
        self.rows: dict[str, list[Picture]] = {key: [] for key in self._layout}
        self.frames_seen = 0

    @property
    def picture_count(self) -> int:
        """Pictures in all rows."""
        return sum(map(len, self.rows.values()))

    @property
    def is_full(self) -> bool:
        """Whether no further frame would find a place."""
        return all(
            self._taken[key, one] >= wanted
            for key, row in self._layout.items()
            for one, wanted in row.wanted.items()
        )

    def add(self, frames: SimulatedFrames) -> None:
        """Take what there is place for; frames come in the order of their set."""
        for index in range(len(frames)):
            frame_class = FrameClass(int(frames.frame_class[index]))
            key = self._key(frames, index, frame_class)
            row = self._layout.get(key)
            if row is None or self._taken[key, frame_class] >= row.wanted.get(frame_class, 0):
                continue
            self._taken[key, frame_class] += 1
            picture = _picture(frames, index, frame_class, self.frames_seen + index)
            self.rows[key].append(picture)
            self.rows[key].sort(key=lambda one: (one.frame_class, one.frame))
        self.frames_seen += len(frames)

    def _key(self, frames: SimulatedFrames, index: int, frame_class: FrameClass) -> str:
        if self._rows_by == "detector":
            return frames.detector[index]
        if self._rows_by == "kind" and frame_class in (FrameClass.SINGLE, FrameClass.MULTI):
            return frame_class.label
        return frames.family[index]


def _lay_out(
    recipe: Recipe, rows_by: str, drawn: list[FrameClass], columns: int
) -> dict[str, _Row]:
    """The rows by the key of the frames that they take."""
    if rows_by == "family":
        hits = [one for one in drawn if one in (FrameClass.SINGLE, FrameClass.MULTI)]
        wanted = _shared_out(hits, columns)
        return {
            name: _Row(name.replace("_", " "), wanted) for name in dict.fromkeys(recipe.families)
        }
    if rows_by == "detector":
        wanted = _shared_out(drawn, columns)
        return {name: _Row(name, wanted) for name in dict.fromkeys(recipe.detector_names())}
    rows: dict[str, _Row] = {}
    for one in drawn:
        keys = KINDS if one == FrameClass.NON_SAMPLE else (one.label,)
        rows |= {key: _Row(key, {one: columns}) for key in keys}
    return rows


def _shared_out(classes: Sequence[FrameClass], columns: int) -> dict[FrameClass, int]:
    """The places of a row dealt out to the classes in turn."""
    return dict(Counter(classes[place % len(classes)] for place in range(columns) if classes))


def _picture(frames: SimulatedFrames, index: int, frame_class: FrameClass, number: int) -> Picture:
    counts, valid = frames.counts[index].cpu(), frames.valid[index].cpu()
    bins = max(1, counts.shape[-1] // _LEAST_SIDE_PX)
    if bins > 1:
        pooled = torch.nn.functional.avg_pool2d(torch.stack([counts, valid.float()])[None], bins)[0]
        counts, valid = pooled[0] * bins**2, pooled[1] > 0.5
    return Picture(
        counts.numpy(),
        valid.numpy(),
        number,
        frame_class,
        _lines(frames, index, frame_class, number),
    )


def _lines(
    frames: SimulatedFrames, index: int, frame_class: FrameClass, number: int
) -> tuple[str, ...]:
    """Class and family; photons and size; detector and number of the frame."""
    name, particles = frames.family[index].replace("_", " "), int(frames.particle_count[index])
    if frame_class == FrameClass.BLANK:
        what, amount = "blank", f"{frames.counts[index].sum():,.0f} counts of background"
    else:
        what, amount = f"{frame_class.label}: {name}", f"{frames.photons[index]:,.0f} photons"
    if frame_class == FrameClass.MULTI:
        what += f" × {particles}"
    if particles:
        amount += f", {frames.diameter_nm[index]:,.0f} nm"
    where = f"{frames.detector[index]}, frame {number}"
    if frame_class == FrameClass.SINGLE and particles > 1:
        where += "; + a faint one"
    return what, amount, where
