"""Numbers as people read them: thin spaces, percentages with their interval, ages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spi_viewer.pipeline_status import PipelineStatus

_THIN_SPACE = "\u202f"
_WIDE = 0.1  # an interval that has no use for tenths of a per cent
_ASKEW = 0.25  # of half an interval; less is not worth two numbers


def format_count(count: float) -> str:
    """44019 -> '44 019'."""
    return f"{count:,.0f}".replace(",", _THIN_SPACE)


def format_percent(fraction: float | None, digits: int = 1) -> str:
    """0.109 -> '10.9 %'; an unknown fraction (None, NaN) -> '–'."""
    if fraction is None or math.isnan(fraction):
        return "–"
    return f"{100 * fraction:.{digits}f}{_THIN_SPACE}%"


def format_half_width(low: float, high: float) -> str:
    """Half the interval, '± 0.3 %', with the digits that it deserves."""
    if math.isnan(low) or math.isnan(high):
        return ""
    half = 50 * (high - low)
    digits = 2 if half < 0.1 else _interval_digits(low, high)
    return f"±{_THIN_SPACE}{half:.{digits}f}{_THIN_SPACE}%"


def format_interval(rate: float, low: float, high: float) -> str:
    """'± 0.3 %' around the rate; '1–16 %' where the interval lies askew, as for few frames."""
    if math.isnan(low) or math.isnan(high):
        return ""
    if abs((low + high) / 2 - rate) <= _ASKEW * (high - low) / 2:
        return format_half_width(low, high)
    digits = _interval_digits(low, high)
    return f"{100 * low:.{digits}f}–{100 * high:.{digits}f}{_THIN_SPACE}%"


def _interval_digits(low: float, high: float) -> int:
    return 0 if high - low > _WIDE else 1


def format_age(seconds: float | None) -> str:
    """0.31 -> '0.3 s', 75 -> '1 min', 7300 -> '2 h'; None -> '–'."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"


def format_rate(per_s: float) -> str:
    """118.3 -> '118 / s'."""
    digits = 1 if 0 < per_s < 10 else 0
    return f"{per_s:.{digits}f}{_THIN_SPACE}/{_THIN_SPACE}s"


def idle_text(status: PipelineStatus, has_runs: bool) -> str:
    """Why there is no frame to look at yet, and the way out."""
    if not has_runs:
        return "Open a run (Ctrl+O), watch a folder (Ctrl+W) or see the demo (Ctrl+D)"
    if status.model:
        return "no frame yet"
    if status.loading_model:
        return "loading the model; frames are judged in a moment"
    return "no model, so nothing is judged: choose one in the settings (Ctrl+,)"
