"""Which array of an inspection is drawn, where it lies on the detector, and how it is named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import QRectF

from spi_viewer.frames import INVALID_FLAGS, FrameClass, FrameFlag, Verdict
from spi_viewer.gui.intensity import IntensityScale
from spi_viewer.gui.overlays import crop_rect
from spi_viewer.gui.texts import format_count

if TYPE_CHECKING:
    from spi_viewer.inspection import Inspection

_SAME_SCORE = 0.02  # half precision and batching move a score less
_REASONS = {
    FrameFlag.UNREADABLE: "this frame could not be read",
    FrameFlag.NO_VALID_PIXELS: "no valid pixel: all are masked, NaN or fill values",
    FrameFlag.SOURCE_MISSING: "a source file of this virtual dataset is missing",
    FrameFlag.NOT_WRITTEN: "allocated, but not written yet",
}


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Pixels to draw and the rectangle of the detector that they cover."""

    pixels: NDArray
    valid: NDArray[np.bool_]
    place: QRectF


def picture_of(inspection: Inspection, scale: IntensityScale, channel: int = 0) -> Picture | None:
    """What a scale shows of a frame; None where there is nothing of the kind."""
    if scale is IntensityScale.PER_PIXEL:
        if inspection.per_pixel is None:
            return None
        return Picture(inspection.per_pixel, inspection.valid, crop_rect(inspection.crop))
    if scale is IntensityScale.NETWORK_INPUT:
        if inspection.explanation is None:
            return None
        channels = inspection.explanation.network_input
        image = channels[channel % len(channels)]
        return Picture(image, np.ones(image.shape, bool), crop_rect(inspection.crop))
    frame, whole = inspection.frame, frame_rect(inspection)
    if frame is None or whole is None or frame.pixels.size == 0:
        return None
    return Picture(frame.pixels, frame.valid, whole)


def frame_rect(inspection: Inspection) -> QRectF | None:
    """Outer edges of the whole frame on the detector; None where it is no image."""
    frame = inspection.frame
    if frame is None or frame.pixels.ndim != 2:
        return None
    height, width = frame.pixels.shape
    return QRectF(-0.5, -0.5, width, height)


def why_nothing(inspection: Inspection, scale: IntensityScale) -> str:
    """What to write across the pattern; '' when there is something to see."""
    if inspection.error:
        return inspection.error
    if inspection.frame is not None and inspection.frame.flags & INVALID_FLAGS:
        reasons = [text for flag, text in _REASONS.items() if flag & inspection.frame.flags]
        return "\n".join(reasons)
    if picture_of(inspection, scale) is not None:
        return ""
    if scale is IntensityScale.PER_PIXEL:
        return "per-pixel statistics are still being gathered from this run"
    return "no network input for this frame"


def headline(inspection: Inspection) -> str:
    """'r0173.cxi · frame 44 018 · 1234:567'."""
    frame_id = inspection.id
    parts = [Path(frame_id.path).name, f"frame {format_count(frame_id.index)}", frame_id.name]
    return " · ".join(part for part in parts if part)


def verdict_text(inspection: Inspection) -> tuple[str, str]:
    """The verdict in words and its tone: ('good · P(single) 0.97', 'good').

    What is worth a look says so: ('good? · P(single) 0.55', 'unsure').
    """
    if inspection.verdict == Verdict.INVALID:
        return "invalid", "muted"
    word = "good" if inspection.verdict == Verdict.GOOD else "bad"
    tone = "unsure" if inspection.is_unsure else word
    doubt = "?" if inspection.is_unsure else ""
    if inspection.p_good is None:
        return f"{word}{doubt}", tone
    return f"{word}{doubt} · P(single) {inspection.p_good:.2f}", tone


def doubt_text(inspection: Inspection) -> str:
    """What to know of the verdict, in a word; '' if nothing speaks against it."""
    if inspection.verdict == Verdict.INVALID:
        return ""
    if inspection.row is None:
        return "not counted yet"
    if inspection.is_unfamiliar:
        return "≠ unfamiliar"
    return "unsure" if inspection.is_unsure else ""


def judgement_note(inspection: Inspection) -> tuple[str, str]:
    """Who judged the frame and what speaks against trusting it, in a line; and its tone."""
    model = inspection.judged_by or "the model"
    explanation, judged = inspection.explanation, inspection.judged
    if inspection.verdict == Verdict.INVALID:
        return "no pattern to judge", "muted"
    if inspection.row is None:
        return "the newest frame, shown ahead of its turn", "muted"
    if inspection.is_unfamiliar:
        return f"≠ unlike anything that {model} was trained on: check by eye", "unsure"
    if inspection.explained_by != inspection.judged_by and explanation is not None:
        return f"judged by {model}; bars and maps are of {inspection.explained_by}", "unsure"
    if explanation is not None and judged is not None:
        now = float(explanation.probabilities[FrameClass.SINGLE])
        if abs(now - float(judged[FrameClass.SINGLE])) > _SAME_SCORE:
            return f"as it is cut now: P(single) {now:.2f}", "muted"
    if inspection.is_unsure:
        return f"? {model} is not certain: worth a look", "unsure"
    flags = inspection.flags.names.replace("_", " ").replace("|", ", ")
    return f"judged by {model}" + (f" · data: {flags}" if flags else ""), "muted"
