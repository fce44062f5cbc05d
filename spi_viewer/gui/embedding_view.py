"""Frames as points, alike ones near each other; draw a loop around a cluster to select it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt5.QtCore import QEvent, QPointF, Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QShowEvent
from PyQt5.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from spi_viewer.feature_memory import FeatureMemory
from spi_viewer.gui.embedding_layout import GROUPS, EmbeddingLayout, lay_out
from spi_viewer.gui.lasso import LassoBox, inside
from spi_viewer.gui.newest_result import NewestResult
from spi_viewer.gui.point_cloud import PointCloud
from spi_viewer.gui.texts import format_count
from spi_viewer.gui.theme import set_tone, theme_of

if TYPE_CHECKING:
    from spi_viewer.session.session import Session
    from spi_viewer.settings import Settings

_CLICK_REACH_PX = 12
_POINT_PX = 5
_MOST_DRAWN = 3000
_FEW = 3
_PLANE_TEXTS = {"principal": "Principal axes", "diffusion": "Diffusion map"}
_LONGEST_REST_S = 10.0
_WAIT_MS = 100  # for work that goes on, or a loop that is being drawn
_REST_PER_WORK = 12  # many frames take a while to lay out: that often there is no need


class EmbeddingView(QWidget):
    """The network's features in a plane; laid out off the GUI thread, only while it is seen.

    Signals:
        row_chosen: session row of a clicked point.
        rows_chosen: session rows in the loop that was drawn.
    """

    row_chosen = pyqtSignal(int)
    rows_chosen = pyqtSignal(object)

    def __init__(self, session: Session, features: FeatureMemory, settings: Settings) -> None:
        super().__init__()
        self._session, self._features, self._settings = session, features, settings
        self._run: int | None = None
        self._row: int | None = None
        self._rested_at_s = 0.0
        self._asked_state: object = None
        self._layout = EmbeddingLayout.empty()
        self._held: EmbeddingLayout | None = None  # came while a loop was being drawn
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self.refresh)
        self._layouts = NewestResult(self)
        self._layouts.ready.connect(self._take)
        self.box = LassoBox()
        self.plot = pg.PlotWidget(viewBox=self.box)
        self.plane = QComboBox()
        self.note = QLabel()
        self._dots = [PointCloud(_POINT_PX) for _ in GROUPS]
        self._current = pg.ScatterPlotItem(size=3 * _POINT_PX, brush=None)
        self._loop = pg.PlotCurveItem()
        self._build()
        self._dress()
        self._show_layout(self._layout)

    def set_run(self, run: int | None) -> None:
        """Show the frames of one run, or of all."""
        if run != self._run:
            self._run = run
            self._lay_out_otherwise()

    def show_row(self, row: int) -> None:
        """Ring the point of the frame that is shown."""
        self._row = row
        place = self.place_of(row)
        self._current.setData(pos=[] if place is None else [(place.x(), place.y())])

    def refresh(self) -> None:
        """Lay the points out anew if there is news and somebody looks: now, or once it can be."""
        run, plane = self._run, self.plane_name
        state = (self._features.added, self._session.revision, run, plane)
        if state == self._asked_state or not self.isVisible():
            return
        wait_ms = int(1000 * (self._rested_at_s - time.monotonic())) + 1
        if not self._layouts.is_idle or self.box.is_drawing:
            wait_ms = max(wait_ms, _WAIT_MS)
        if wait_ms > 1:
            self._later.start(wait_ms)
            return
        self._asked_state = state
        self._layouts.request(lambda: lay_out(self._session, self._features, run, plane))

    @property
    def plane_name(self) -> str:
        """The chosen one of PLANES."""
        name: str = self.plane.currentData()
        return name

    @property
    def row_count(self) -> int:
        """Frames laid out."""
        return len(self._layout.rows)

    def place_of(self, row: int) -> QPointF | None:
        """Where a session row lies in the plot's coordinates."""
        found = np.flatnonzero(self._layout.rows == row)
        return QPointF(*map(float, self._layout.points[found[0]])) if found.size else None

    def _build(self) -> None:
        for item in (*self._dots, self._current, self._loop):
            self.plot.addItem(item)
        for name in ("left", "bottom"):
            self.plot.hideAxis(name)  # directions of a plane of features have no meaning alone
        self.plot.hideButtons()
        self.plot.setFocusPolicy(Qt.NoFocus)  # arrows belong to the thumbnails
        self.box.setAspectLocked(False)
        self.box.loop_drawn.connect(self._draw_loop)
        self.box.loop_closed.connect(self._choose_loop)
        self.box.clicked.connect(self._choose_point)
        self.note.setWordWrap(True)
        set_tone(self.note, "muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.addLayout(self._plane_row())
        column.addWidget(self.plot, 1)
        column.addWidget(self.note)

    def _plane_row(self) -> QHBoxLayout:
        for name, text in _PLANE_TEXTS.items():
            self.plane.addItem(text, name)
        self.plane.setCurrentIndex(max(0, self.plane.findData(self._settings.embedding_plane)))
        self.plane.setToolTip(
            "What the points are laid out by: the directions in which the network's features "
            "differ most, or a walk among frames that are alike"
        )
        self.plane.setAccessibleName("Layout of the embedding")
        self.plane.setFocusPolicy(Qt.TabFocus)  # a click leaves G, B and U to the frames
        self.plane.activated.connect(self._choose_plane)
        row = QHBoxLayout()
        row.addWidget(QLabel("Layout"))
        row.addWidget(self.plane)
        row.addStretch(1)
        return row

    def _choose_plane(self) -> None:
        self._settings.embedding_plane = self.plane_name
        self._lay_out_otherwise()

    def _lay_out_otherwise(self) -> None:
        """At once, and all of it in sight: the old view is of other places."""
        self._rested_at_s = 0.0
        self._held = None
        self.box.enableAutoRange()
        self.refresh()

    def _take(self, layout: EmbeddingLayout) -> None:
        """Show what was worked out if it is still wanted, but move no point under a loop."""
        rest_s = min(_REST_PER_WORK * layout.took_s, _LONGEST_REST_S)
        self._rested_at_s = time.monotonic() + rest_s
        if (layout.run, layout.plane) != (self._run, self.plane_name):
            self._rested_at_s = 0.0
        elif self.box.is_drawing:
            self._held = layout
        else:
            self._show_layout(layout)
        self.refresh()

    def _show_layout(self, layout: EmbeddingLayout) -> None:
        self._layout, self._held = layout, None
        self._loop.setData([], [])  # the points under it have moved
        if self._row is not None:
            self.show_row(self._row)
        drawn = np.arange(len(layout.rows))
        if len(drawn) > _MOST_DRAWN:  # more would hold the window up; the loop takes all the same
            drawn = np.random.default_rng(0).choice(drawn, _MOST_DRAWN, replace=False)
        for number, dots in enumerate(self._dots):
            chosen = drawn[layout.group[drawn] == number]
            dots.set_points(layout.points[chosen])
        if len(layout.rows) < _FEW:
            text = "A map of the frames judged from now on, if the model has features to lay out."
        else:
            text = (
                f"{format_count(len(layout.rows))} newest frames, alike ones near each other. "
                "Drag a loop around a cluster to select it: then G, B or U labels it, Ctrl+E "
                "exports it. Click a point to see its frame."
            )
        self.note.setText(text)

    def _draw_loop(self, corners: NDArray[np.float64]) -> None:
        self._loop.setData(*np.vstack([corners, corners[:1]]).T)

    def _choose_loop(self, corners: NDArray[np.float64]) -> None:
        rows = np.sort(self._layout.rows[inside(self._layout.points, corners)])
        if rows.size:
            self.rows_chosen.emit(rows)
        if self._held is not None:
            self._show_layout(self._held)

    def _choose_point(self, place: QPointF) -> None:
        self._loop.setData([], [])
        if not len(self._layout.rows):
            return
        pixel = np.array(self.box.viewPixelSize())
        away = (self._layout.points - np.array([place.x(), place.y()])) / pixel
        distance = np.hypot(away[:, 0], away[:, 1])
        nearest = int(np.argmin(distance))
        if distance[nearest] <= _CLICK_REACH_PX:
            self.row_chosen.emit(int(self._layout.rows[nearest]))

    def _dress(self) -> None:
        theme = theme_of(self.palette())
        self.plot.setBackground(theme.panel)
        for dots, tone in zip(self._dots, GROUPS, strict=True):
            colour = pg.mkColor(getattr(theme, tone))
            colour.setAlpha(190)
            dots.set_colour(colour)
        self._current.setPen(pg.mkPen(theme.accent, width=2))
        self._loop.setPen(pg.mkPen(theme.accent, width=1.5, style=Qt.DashLine))

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what came while hidden."""
        super().showEvent(event)
        self.refresh()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.PaletteChange:
            self._dress()
        super().changeEvent(event)
