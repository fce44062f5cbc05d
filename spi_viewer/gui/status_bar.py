"""The strip on top: what runs, how much is good, how fast, on what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt5.QtCore import QSize, Qt
from PyQt5.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from spi_viewer.gui.elided_label import ElidedLabel
from spi_viewer.gui.texts import (
    format_age,
    format_count,
    format_interval,
    format_percent,
    format_rate,
)
from spi_viewer.gui.theme import scaled_font, set_tone

if TYPE_CHECKING:
    from spi_viewer.frames import DecisionRule
    from spi_viewer.pipeline_status import PipelineStatus
    from spi_viewer.session.runs import Counts, RunSummary

_LAGGING_S = 2.0
_FEW_FRAMES = 20
_ALARMING_SHARE = 0.2  # unfamiliar frames; the limit is set so that 0.5 % of known ones are
# Word and tone of a run's state, the busiest first; the shape says it without the colour.
_STATES = {
    "LIVE": ("● LIVE", "good"),
    "READING": ("▸ READING", "accent"),
    "WAITING": ("◌ WAITING", "unsure"),
    "FAILED": ("⚠ FAILED", "bad"),
    "DONE": ("✓ DONE", ""),
}


class StatusCell(QWidget):
    """A caption, a value that is read from afar, and a line of detail.

    It keeps its width when its texts change: `chars` of detail where there is room, or up to
    `max_chars` if that is more.
    """

    def __init__(
        self,
        caption: str,
        chars: int,
        tone: str = "",
        elide: Qt.TextElideMode = Qt.ElideRight,
        max_chars: int = 0,
        value_chars: int = 14,
        min_value_chars: int = 5,
    ) -> None:
        super().__init__()
        self._chars, self._max_chars, self._value_chars = chars, max_chars, value_chars
        min_chars = min(chars, 5)
        self.caption = QLabel(caption)
        self.value = ElidedLabel("–", Qt.ElideMiddle, min_value_chars)
        self.detail = ElidedLabel("", elide, min_chars)
        self.caption.setFont(scaled_font(self.font(), 0.72))
        self.value.setFont(scaled_font(self.font(), 1.65, bold=True))
        self.detail.setFont(scaled_font(self.font(), 0.82))
        set_tone(self.caption, "muted")
        set_tone(self.value, tone)
        set_tone(self.detail, "muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for label in (self.caption, self.value, self.detail):
            column.addWidget(label)
        self.setSizePolicy(QSizePolicy.Preferred, QSizePolicy.Fixed)

    def show_texts(self, value: str, detail: str) -> None:
        """Replace both texts; the whole of each is in the tool tip where it is cut."""
        self.value.setText(value)
        self.detail.setText(detail)

    def sizeHint(self) -> QSize:
        """As wide as its longest usual detail, and as a value of some length."""
        char_px = self.detail.fontMetrics().averageCharWidth()
        usual = self.detail.sizeHint().width()
        width = max(self._chars * char_px, min(usual, self._max_chars * char_px))
        value_char_px = self.value.fontMetrics().averageCharWidth()
        value = min(self.value.sizeHint().width(), self._value_chars * value_char_px)
        return QSize(max(width, value), super().sizeHint().height())


class StatusStrip(QFrame):
    """The strip on top of the window; takes data in, gives nothing out."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.run = StatusCell("RUN", 22, elide=Qt.ElideLeft, max_chars=44, value_chars=26)
        self.state = StatusCell("STATE", 34)
        self.good = StatusCell("✓ GOOD", 16, "good")
        self.bad = StatusCell("✗ BAD", 46, "bad")
        self.hit_rate = StatusCell("HIT RATE", 20)
        self.unsure = StatusCell("? UNSURE", 14, "unsure")
        self.unfamiliar = StatusCell("≠ UNFAMILIAR", 24, "unsure")
        self.unfamiliar.setToolTip(
            "Frames unlike anything the network was trained on; good ones among them are unsure"
        )
        self.invalid = StatusCell("! INVALID", 15)
        self.invalid.setToolTip("Frames without a pattern: unreadable, masked, never written")
        self.rate = StatusCell("RATE", 22)
        self.device = StatusCell("DEVICE", 14)
        self.model = StatusCell("MODEL", 18, min_value_chars=9)
        self.cells = (
            self.run, self.state, self.good, self.bad, self.hit_rate, self.unsure,
            self.unfamiliar, self.invalid, self.rate, self.device, self.model,
        )  # fmt: skip
        self._rule_text = self._again_text = ""
        self.invalid.hide()
        self.unfamiliar.hide()
        self._lay_out()
        self.show_run(None)

    def show_run(self, run: RunSummary | None) -> None:
        """Name the run that is counted; None: no run yet."""
        if run is None:
            self.run.show_texts("no run yet", "open a file or watch a folder")
            self.state.show_texts("–", "")
            set_tone(self.state.value, "muted")
            return
        self.run.show_texts(run.name, run.path)
        self._show_state(run.state.name)

    def show_all_runs(self, runs: list[RunSummary]) -> None:
        """Say that the counts are those of all runs together."""
        self.run.show_texts("all runs", f"{len(runs)} runs together")
        states = {run.state.name for run in runs}
        busiest = next((state for state in _STATES if state in states), "DONE")
        self._show_state(busiest)

    def show_counts(self, counts: Counts) -> None:
        """Show the counts, bad ones by reason, and the hit rate with its 95 % interval."""
        self.good.show_texts(format_count(counts.good), "single particle")
        reasons = (
            f"multi {format_count(counts.multi)} · "
            f"non-sample {format_count(counts.non_sample)} · blank {format_count(counts.blank)}"
        )
        self.invalid.setVisible(bool(counts.invalid))
        self.invalid.show_texts(format_count(counts.invalid), "not counted")
        self.bad.show_texts(format_count(counts.bad), reasons)
        judged = counts.good + counts.bad
        if judged:
            interval = format_interval(counts.hit_rate, counts.hit_rate_low, counts.hit_rate_high)
            self.hit_rate.show_texts(format_percent(counts.hit_rate), f"{interval} (95 %)")
        else:
            self.hit_rate.show_texts("–", "")
        self.unsure.show_texts(format_count(counts.unsure), "worth a look")
        self._show_unfamiliar(counts.unfamiliar, judged)

    def _show_unfamiliar(self, count: int, judged: int) -> None:
        """Say when the network is out of its depth: its verdicts are then not worth much."""
        self.unfamiliar.setVisible(count > 0)
        share = count / max(1, judged)
        alarming = judged >= _FEW_FRAMES and share >= _ALARMING_SHARE
        share_text = f"{format_percent(share, 1 if share < 0.1 else 0)} of the frames"
        self.unfamiliar.show_texts(
            format_count(count), f"{share_text}: check by eye" if alarming else share_text
        )
        set_tone(self.unfamiliar.detail, "bad" if alarming else "muted")

    def show_status(self, status: PipelineStatus) -> None:
        """Show speed, lag, device and model."""
        age = status.newest_frame_age_s
        behind = f"{format_count(status.frames_behind)} behind"
        self.state.detail.setText(
            behind if age is None else f"newest {format_age(age)} old · {behind}"
        )
        lagging = status.frames_behind > _LAGGING_S * max(status.reading_per_s, 1.0)
        set_tone(self.state.detail, "unsure" if lagging else "muted")
        latency = "" if not status.latency_s else f" · {1000 * status.latency_s:.0f} ms"
        self.rate.show_texts(
            format_rate(status.classified_per_s), f"in {format_rate(status.reading_per_s)}{latency}"
        )
        self.device.show_texts(status.device or "–", "working" if status.busy else "idle")
        self._show_model(status)

    def _show_model(self, status: PipelineStatus) -> None:
        self._again_text = ""
        if status.judging_again is not None:
            done, total = status.judging_again
            self._again_text = f"again: {format_percent(done / max(1, total), 0)}"
        self.model.detail.setText(self._again_text or self._rule_text)
        if status.loading_model:
            text, tone = "loading…", "muted"
        else:
            text, tone = (status.model, "") if status.model else ("none", "bad")
        self.model.value.setText(text)
        set_tone(self.model.value, tone)

    def show_rule(self, rule: DecisionRule) -> None:
        """Show the threshold below the model's name."""
        self._rule_text = f"threshold {rule.threshold:.2f}"
        self.model.detail.setText(self._again_text or self._rule_text)

    def _show_state(self, state: str) -> None:
        word, tone = _STATES.get(state, (state, ""))
        self.state.value.setText(word)
        set_tone(self.state.value, tone)

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 5, 12, 5)
        row.setSpacing(16)
        for cell in self.cells:
            if cell is self.rate:
                row.addStretch(1)
            row.addWidget(cell)
        self.setSizePolicy(QSizePolicy.Ignored, QSizePolicy.Fixed)
