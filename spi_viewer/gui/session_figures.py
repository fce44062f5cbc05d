"""Counts, charts and run rows of the selected run, taken from the session and put into views."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from spi_viewer.gui.counts_panel import CountsPanel
from spi_viewer.gui.score_panel import ScorePanel
from spi_viewer.gui.source_panel import SourcePanel
from spi_viewer.gui.status_bar import StatusStrip

if TYPE_CHECKING:
    from spi_viewer.session.session import HitRateSeries, Session

_HISTOGRAM_BINS = 100
_MAX_POINTS = 120  # of a live run
_FILE_POINTS, _MIN_BIN_FRAMES = 60, 10


class SessionFigures:
    """Asks the session for one run's figures (None: all runs) and shows them."""

    def __init__(
        self,
        session: Session,
        strip: StatusStrip,
        sources: SourcePanel,
        counts: CountsPanel,
        scores: ScorePanel,
    ) -> None:
        self._session = session
        self._strip, self._sources = strip, sources
        self._counts, self._scores = counts, scores
        self._run: int | None = None
        self._rule = session.rule
        self._bin_s = 2.0

    def set_run(self, run: int | None) -> None:
        """Whose figures are shown from now on."""
        self._run = run
        self._bin_s = 2.0
        self.show_counts()
        self.show_charts()

    def show_counts(self) -> None:
        """Top strip and run rows; costs nothing, however many frames there are."""
        runs = self._session.runs()
        self._sources.show_runs(runs, self._session.counts(), self._run)
        self._strip.show_run(runs[self._run] if self._run is not None else None)
        if self._run is None and runs:
            self._strip.show_all_runs(runs)
        self._strip.show_counts(self._session.counts(self._run))
        rule = self._session.rule
        self._strip.show_rule(rule)
        if rule != self._rule:
            self._rule = rule
            self._scores.show_rule(rule)

    def show_charts(self) -> None:
        """Histogram and strip chart; a pass over the frames, so not at every tick."""
        self._scores.show_histogram(*self._session.score_histogram(_HISTOGRAM_BINS, self._run))
        self._scores.show_labelled(*self._session.labelled_scores(self._run))
        live = self._is_live()
        self._counts.show_series(self._series(live), by_time=live)

    def _series(self, live: bool) -> HitRateSeries:
        """A live run against time, a file against its frames; some dozens of points."""
        if not live:
            frames = self._session.counts(self._run).frames
            bin_frames = max(_MIN_BIN_FRAMES, frames // _FILE_POINTS)
            return self._session.hit_rate_series(self._run, self._bin_s, bin_frames)
        series = self._session.hit_rate_series(self._run, self._bin_s)
        while len(series.time_s) > _MAX_POINTS:
            # At once as wide as it must be: each try is a pass over all frames.
            self._bin_s *= 2 ** math.ceil(math.log2(len(series.time_s) / _MAX_POINTS))
            series = self._session.hit_rate_series(self._run, self._bin_s)
        return series

    def _is_live(self) -> bool:
        runs = self._session.runs()
        chosen = runs if self._run is None else runs[self._run : self._run + 1]
        return any(run.kind != "file" for run in chosen)
