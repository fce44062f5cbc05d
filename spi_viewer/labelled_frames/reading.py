"""Runs with labels, read, masked, binned and cropped as for viewing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spi_viewer.errors import LabelError, RunFileError
from spi_viewer.frames import INVALID_FLAGS, Crop, FrameBatch, FrameClass, FrameId, RunInfo
from spi_viewer.labelled_frames.label_names import BAD_OF_SOME_KIND, LabelNames
from spi_viewer.labelled_frames.label_tables import LabelTable, labels_in_run, read_label_table
from spi_viewer.labelled_frames.places import check_places, places_of, spans, thinned
from spi_viewer.networks.training_data import TrainingBatch
from spi_viewer.sources import reader_process
from spi_viewer.sources.crop_choice import CropChoice
from spi_viewer.sources.reader import CENTERING_FRAMES, Reader

MAX_FRAMES = 16_384  # 80 KiB each: 1.3 GiB
FAMILY = "measured"
_READ_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class LabelledFrames:
    """N measured frames in memory.

    Attributes:
        counts: (N, 128, 128) float32. valid: (N, 128, 128) bool.
        frame_class: (N,) int64 of FrameClass; BAD_OF_SOME_KIND only where it was asked for.
        photons: (N,) float64, sum of the valid pixels of the whole frame.
        event: (N,) text; frames with the same one are views of one event.
        ids: N ids.
        source: where labels and frames come from, in words.
        notes: what was left out, a sentence each.
    """

    counts: Tensor
    valid: Tensor
    frame_class: Tensor
    photons: Tensor
    event: NDArray
    ids: tuple[FrameId, ...]
    source: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def is_good(self) -> NDArray[np.bool_]:
        """(N,) True for single particles."""
        good: NDArray[np.bool_] = (self.frame_class == FrameClass.SINGLE).numpy()
        return good

    def select(self, rows: NDArray) -> LabelledFrames:
        """Some of the frames: rows (n,) of int."""
        chosen = torch.as_tensor(np.asarray(rows, np.int64))
        return replace(
            self,
            counts=self.counts[chosen],
            valid=self.valid[chosen],
            frame_class=self.frame_class[chosen],
            photons=self.photons[chosen],
            event=self.event[chosen.numpy()],
            ids=tuple(self.ids[row] for row in chosen.tolist()),
        )

    def batch(self, rows: NDArray) -> TrainingBatch:
        """Rows (n,) as a batch for training, judging or measuring."""
        part = self.select(rows)
        family = [FAMILY] * len(part)
        return TrainingBatch(part.counts, part.valid, part.frame_class, part.photons, family)

    def batches(self, size: int = 128) -> list[TrainingBatch]:
        """All frames in order."""
        starts = range(0, len(self), size)
        return [self.batch(np.arange(start, min(start + size, len(self)))) for start in starts]


def labelled_runs(
    paths: Sequence[Path],
    labels: Path | None = None,
    *,
    names: LabelNames | None = None,
    dataset: str | None = None,
    crop: Crop | None = None,
    bad_of_some_kind: bool = False,
    some_unlabelled: bool = False,
) -> LabelledFrames:
    """The labelled frames of one or several runs.

    Args:
        paths: of run files of any format.
        labels: a CSV, see `read_label_table`; None: the labels that the runs carry themselves.
        names: what labels mean, if they do not say it themselves; see `parse_label_names`.
        dataset: of the frames; None looks for it, or takes the one in the CSV.
        crop: of the operator; None finds the beam centre as for viewing.
        bad_of_some_kind: give frames that an operator called just 'bad' the class
            BAD_OF_SOME_KIND; else such labels are refused.
        some_unlabelled: pass over runs of which the CSV labels no frame; else they are refused.

    Raises:
        RunFileError: a run that cannot be read.
        LabelError: labels that cannot be read or understood, name frames that do not exist, fit
            none of the frames, or are all of good or all of bad frames.
    """
    table = read_label_table(labels, names) if labels is not None else None
    unique = list(dict.fromkeys(Path(os.path.abspath(path)) for path in paths))
    kept, notes = _Gathered(), []
    with contextlib.closing(reader_process.ReaderProcess(timeout_s=_READ_TIMEOUT_S)) as reader:
        found = []
        for path in unique:
            own = labels_in_run(path, names) if table is None else table
            wanted_dataset, places = places_of(own, path, len(unique), dataset)
            if some_unlabelled and not places and not own.by_event:
                continue
            info = reader.describe(str(path), wanted_dataset)
            check_places(own, info, places, whole=table is None)
            found.append((info, own, places))
        limit = MAX_FRAMES // len(unique)
        crops = _crops(reader, [info for info, _, _ in found], crop)
        for (info, own, places), square in zip(found, crops, strict=True):
            invalid = kept.read(reader, info, own, thinned(places, limit), square, limit)
            notes += _notes(own, info.path, len(places) - limit, invalid)
    source = str(labels) if labels is not None else "the runs' own labels"
    frames = kept.frames(
        f"{', '.join(map(str, unique))}; labels: {source}", list(dict.fromkeys(notes))
    )
    _check_classes(frames, source, bad_of_some_kind)
    return frames


def unlabelled_runs(
    paths: Sequence[Path],
    frames: int,
    dataset: str | None = None,
    crop: Crop | None = None,
    seed: int = 0,
) -> tuple[Tensor, Tensor]:
    """Counts (n, 128, 128) and valid (n, 128, 128) of at most `frames` frames from all of the runs.

    Raises RunFileError if one cannot be read, or none holds a frame with a pattern.
    """
    random = np.random.default_rng(seed)
    unique = list(dict.fromkeys(Path(os.path.abspath(path)) for path in paths))
    chosen = [unique[number] for number in np.sort(random.permutation(len(unique))[:frames])]
    kept = _Gathered()
    with contextlib.closing(reader_process.ReaderProcess(timeout_s=_READ_TIMEOUT_S)) as reader:
        infos = [reader.describe(str(path), dataset) for path in chosen]
        firsts = np.cumsum([0, *(info.frame_count for info in infos)])
        rows = np.sort(random.permutation(firsts[-1])[:frames])
        crops = _crops(reader, infos, crop)
        for info, first, square in zip(infos, firsts, crops, strict=False):
            inside = rows[(rows >= first) & (rows < first + info.frame_count)] - first
            places = dict.fromkeys(inside.tolist(), int(FrameClass.BLANK))
            kept.read(reader, info, LabelTable(""), places, square, frames)
    try:
        found = kept.frames(", ".join(map(str, unique)), [])
    except LabelError as error:
        raise RunFileError(unique[0], "it holds no frame with a pattern") from error
    return found.counts, found.valid


def _crops(reader: Reader, infos: Sequence[RunInfo], crop: Crop | None) -> list[Crop]:
    """The crop of each file: its own, or that of all where each holds too few frames to find it."""
    shared = CropChoice(reader, crop)
    few = [info for info in infos if info.frame_count < CENTERING_FRAMES]
    for info in few:
        shared.crop_for(info)
    return [
        (shared if info.frame_count < CENTERING_FRAMES else CropChoice(reader, crop)).crop_for(info)
        for info in infos
    ]


class _Gathered:
    """Frames as they come from the reader."""

    def __init__(self) -> None:
        self._parts: list[tuple[FrameBatch, list[int], list[int]]] = []

    def read(
        self,
        reader: Reader,
        info: RunInfo,
        table: LabelTable,
        places: dict[int, int],
        square: Crop,
        limit: int,
    ) -> int:
        """Read what is labelled in a run; how many of it hold no pattern."""
        written_at_s = 0.0  # nobody asks how old these frames are
        invalid, taken = 0, 0
        every = range(info.frame_count)
        for start, stop in spans(sorted(places) if not table.by_event else every):
            batch = reader.read_batch(info.path, info.dataset, start, stop, square, written_at_s)
            rows: list[int] = []
            codes: list[int] = []
            for row, one in enumerate(batch.ids):
                code = places.get(one.index)
                code = table.of_event(one.name) if code is None and table.by_event else code
                if code is None or taken + len(rows) >= limit:
                    continue
                if int(batch.flags[row]) & int(INVALID_FLAGS):
                    invalid += 1
                    continue
                rows.append(row)
                codes.append(code)
            if rows:
                taken += len(rows)
                self._parts.append((_copied(batch, rows), rows, codes))
        return invalid

    def frames(self, source: str, notes: Sequence[str]) -> LabelledFrames:
        """All that was read."""
        batches = [batch for batch, _, _ in self._parts]
        if not batches:
            raise LabelError(f"{source}: fit none of the frames, or none that holds a pattern")
        ids = tuple(one for batch in batches for one in batch.ids)
        return LabelledFrames(
            counts=torch.from_numpy(np.concatenate([batch.counts for batch in batches])),
            valid=torch.from_numpy(np.concatenate([batch.valid for batch in batches])),
            frame_class=torch.tensor([code for _, _, codes in self._parts for code in codes]),
            photons=torch.from_numpy(np.concatenate([batch.photons for batch in batches])),
            event=np.array([one.name or f"{one.path}#{one.index}" for one in ids]),
            ids=ids,
            source=source,
            notes=tuple(notes),
        )


def _copied(batch: FrameBatch, rows: list[int]) -> FrameBatch:
    """The chosen rows alone: the batch itself may be in memory that the reader uses again."""
    return replace(
        batch,
        ids=[batch.ids[row] for row in rows],
        counts=batch.counts[rows],
        valid=batch.valid[rows],
        thumbnails=batch.thumbnails[:0].copy(),
        flags=batch.flags[rows],
        photons=batch.photons[rows],
        written_at_s=batch.written_at_s[rows],
    )


def _notes(table: LabelTable, path: str, too_many: int, invalid: int) -> list[str]:
    notes = []
    if table.left_out:
        listed = ", ".join(f"{count} of {text!r}" for text, count in table.left_out.most_common(6))
        notes.append(f"{table.source}: labels that say no class are left out: {listed}")
    if too_many > 0:
        notes.append(f"{path}: {too_many} labels beyond {MAX_FRAMES} in all are left out at random")
    if invalid:
        notes.append(f"{path}: {invalid} labelled frames hold no pattern and are left out")
    return notes


def _check_classes(frames: LabelledFrames, source: str, bad_of_some_kind: bool) -> None:
    if not bad_of_some_kind and (frames.frame_class == BAD_OF_SOME_KIND).any():
        raise LabelError(
            f"{source}: a label 'bad' does not say what the frame is; say it with --label-names, "
            "for instance good=single,bad=multi, or adapt a model, which needs only good and bad"
        )
    good = frames.is_good
    if good.all() or not good.any():
        kind, lacking = ("good", "bad") if good.all() else ("bad", "good")
        raise LabelError(f"{source}: all labels are of {kind} frames; label {lacking} ones, too")
