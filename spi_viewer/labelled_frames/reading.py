"""Runs with labels, read, masked, binned and cropped as for viewing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from spi_viewer.errors import LabelError, RunFileError
from spi_viewer.frames import Crop, FrameClass
from spi_viewer.labelled_frames.gathering import Gathered, crops_of
from spi_viewer.labelled_frames.label_names import BAD_OF_SOME_KIND, LabelNames
from spi_viewer.labelled_frames.label_tables import LabelTable, labels_in_run, read_label_table
from spi_viewer.labelled_frames.labelled import LabelledFrames
from spi_viewer.labelled_frames.places import check_names, check_places, places_of, shares, thinned
from spi_viewer.sources import reader_process

MAX_FRAMES = 16_384  # 80 KiB each: 1.3 GiB
_READ_TIMEOUT_S = 60.0


def labelled_runs(
    paths: Sequence[Path],
    labels: Path | None = None,
    *,
    names: LabelNames | None = None,
    dataset: str | None = None,
    crop: Crop | None = None,
    bad_of_some_kind: bool = False,
    some_unlabelled: bool = False,
    among: Sequence[Path] | None = None,
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
        among: all runs that the CSV is of; None: `paths`.

    Raises:
        RunFileError: a run that cannot be read.
        LabelError: labels that cannot be read or understood, name frames that do not exist, fit
            none of the frames, or are all of good or all of bad frames.
    """
    table = read_label_table(labels, names) if labels is not None else None
    unique = list(dict.fromkeys(Path(os.path.abspath(path)) for path in paths))
    if table is not None:
        check_names(table, [Path(os.path.abspath(path)) for path in among or unique])
    kept, notes = Gathered(), []
    with contextlib.closing(reader_process.ReaderProcess(timeout_s=_READ_TIMEOUT_S)) as reader:
        found = []
        for path in unique:
            own = labels_in_run(path, names) if table is None else table
            wanted_dataset, places = places_of(own, path, dataset)
            if some_unlabelled and not places and not own.by_event:
                continue
            info = reader.describe(str(path), wanted_dataset)
            check_places(own, info, places, whole=table is None)
            found.append((info, own, places))
        limits = shares([len(places) for _, _, places in found], MAX_FRAMES)
        crops = crops_of(reader, [info for info, _, _ in found], crop)
        for (info, own, places), square, limit in zip(found, crops, limits, strict=True):
            # Which frames have labels by event only reading tells.
            room = MAX_FRAMES - len(kept) if own.by_event else limit
            passed_by = kept.read(reader, info, own, thinned(places, limit), square, room)
            too_many = max(0, len(places) - limit) + passed_by.too_many
            notes += _notes(own, info.path, too_many, passed_by.invalid)
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
    kept = Gathered()
    with contextlib.closing(reader_process.ReaderProcess(timeout_s=_READ_TIMEOUT_S)) as reader:
        infos = [reader.describe(str(path), dataset) for path in chosen]
        firsts = np.cumsum([0, *(info.frame_count for info in infos)])
        rows = np.sort(random.permutation(firsts[-1])[:frames])
        crops = crops_of(reader, infos, crop)
        for info, first, square in zip(infos, firsts, crops, strict=False):
            inside = rows[(rows >= first) & (rows < first + info.frame_count)] - first
            places = dict.fromkeys(inside.tolist(), int(FrameClass.BLANK))
            kept.read(reader, info, LabelTable(""), places, square, frames)
    try:
        found = kept.frames(", ".join(map(str, unique)), [])
    except LabelError as error:
        raise RunFileError(unique[0], "it holds no frame with a pattern") from error
    return found.counts, found.valid


def _notes(table: LabelTable, path: str, too_many: int, invalid: int) -> list[str]:
    notes = []
    if table.left_out:
        listed = ", ".join(f"{count} of {text!r}" for text, count in table.left_out.most_common(6))
        notes.append(f"{table.source}: labels that say no class are left out: {listed}")
    if too_many > 0:
        notes.append(f"{path}: {too_many} labels beyond {MAX_FRAMES} in all are left out")
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
