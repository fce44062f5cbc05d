"""The frames that go into an export, and what is known of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from spi_viewer.frames import FrameFlag, FrameId, OperatorLabel, Verdict
from spi_viewer.session.scores_csv import ScoredFrame
from spi_viewer.session.session import Session


@dataclass(frozen=True, slots=True)
class FrameToExport:
    """One frame.

    Attributes:
        probabilities: in the order of FrameClass, None where there are none.
        model_name, model_hash: of the model that judged it, empty where that is not known.
    """

    id: FrameId
    probabilities: tuple[float, ...] | None = None
    verdict: Verdict = Verdict.INVALID
    label: OperatorLabel = OperatorLabel.NONE
    flags: FrameFlag = FrameFlag.NONE
    model_name: str = ""
    model_hash: str = ""


@dataclass(frozen=True, slots=True)
class ExportProvenance:
    """What the whole export shares and a reader of the file will want to know.

    Attributes:
        selection: whose word chose the frames: network, operator, final or selection.
    """

    threshold: float | None = None
    selection: str = ""


def frames_of_session(session: Session, rows: ArrayLike) -> list[FrameToExport]:
    """Rows of a session as frames to export, in the order given."""
    rows = np.asarray(rows, np.int64)
    probabilities = session.probabilities(rows)
    judged = np.asarray(np.isfinite(probabilities).all(axis=1))
    verdicts, labels = session.verdicts(rows), session.labels(rows)
    flags = session.flags(rows)
    return [
        FrameToExport(
            session.frame_id(row),
            tuple(probabilities[position].tolist()) if judged[position] else None,
            Verdict(int(verdicts[position])),
            OperatorLabel(int(labels[position])),
            FrameFlag(int(flags[position])),
            *session.model(row),
        )
        for position, row in enumerate(rows.tolist())
    ]


def good_frames_of_scores(
    scores: Iterable[ScoredFrame], run: Path | None = None, threshold: float | None = None
) -> list[FrameToExport]:
    """Good frames of a scores file, in order.

    Args:
        scores: from `read_scores`.
        run: only frames of this file, or of files in this folder.
        threshold: good from this P(single) on; None takes the verdicts as they stand.
    """
    same: dict[str, bool] = {}
    chosen = []
    for scored in scores:
        path = scored.id.path
        if path not in same:
            same[path] = run is None or belongs_to(path, run)
        verdict = _verdict(scored, threshold)
        if same[path] and verdict is Verdict.GOOD:
            chosen.append(
                FrameToExport(scored.id, scored.probabilities, verdict, flags=scored.flags)
            )
    return chosen


def belongs_to(path: str, run: Path) -> bool:
    """Whether a file is a run, or in the folder of one: itself, or by a link that lies there."""
    wanted, file = run.resolve(), Path(path)
    here = file.parent.resolve() / file.name
    return any(wanted in (place, *place.parents) for place in (file.resolve(), here))


def _verdict(scored: ScoredFrame, threshold: float | None) -> Verdict:
    if threshold is None or scored.probabilities is None or scored.verdict is Verdict.INVALID:
        return scored.verdict
    return Verdict.GOOD if scored.probabilities[0] >= threshold else Verdict.BAD
