"""The window's docks: where they stand at first, how their places are kept."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass
from itertools import pairwise

from PyQt5.QtCore import QByteArray, QSize, Qt, QTimer
from PyQt5.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QTabWidget,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from spi_viewer.gui.theme import scaled_font, set_tone

_LAYOUT_VERSION = 2


@dataclass(frozen=True, slots=True)
class Panel:
    """A widget that becomes a dock.

    Attributes:
        share: of the window's width (left, right) or height (bottom).
        min_px: no less than this at first.
    """

    name: str
    title: str
    widget: QWidget
    area: Qt.DockWidgetArea
    share: float
    min_px: int = 0


class DockTitle(QWidget):
    """A slim title bar: drag it to move the panel; two quiet buttons float and hide it."""

    def __init__(self, dock: QDockWidget) -> None:
        super().__init__()
        self._is_shown = True
        self.label = QLabel(dock.windowTitle())
        self.label.setFont(scaled_font(self.font(), 0.8))
        set_tone(self.label, "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 1, 2, 1)
        row.setSpacing(0)
        row.addWidget(self.label)
        row.addStretch(1)
        for text, tip, deed in (
            ("❐", "Float or dock this panel", lambda: dock.setFloating(not dock.isFloating())),
            ("✕", "Hide this panel; the View menu brings it back", dock.close),
        ):
            button = QToolButton()
            button.setObjectName("quiet")
            button.setText(text)
            button.setToolTip(tip)
            button.setFont(scaled_font(self.font(), 0.8))
            button.setFocusPolicy(Qt.NoFocus)
            button.clicked.connect(deed)
            row.addWidget(button)

    def show_title(self, shown: bool) -> None:
        """Take room, or none."""
        self._is_shown = shown
        for child in self.findChildren(QWidget):
            child.setVisible(shown)
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """A title never widens its panel; the dock goes by this hint."""
        return QSize(40, super().sizeHint().height() if self._is_shown else 0)

    def minimumSizeHint(self) -> QSize:
        """The same."""
        return self.sizeHint()


class WindowLayout:
    """Docks around the pattern: made, shared out, remembered and put back."""

    def __init__(self, window: QMainWindow, panels: tuple[Panel, ...]) -> None:
        self._window, self._panels = window, panels
        self.docks = {panel.name: self._make_dock(panel) for panel in panels}
        window.setDockOptions(
            QMainWindow.AllowNestedDocks
            | QMainWindow.AllowTabbedDocks
            | QMainWindow.GroupedDragging
        )
        window.setTabPosition(Qt.AllDockWidgetAreas, QTabWidget.North)
        window.setCorner(Qt.BottomLeftCorner, Qt.BottomDockWidgetArea)
        window.setCorner(Qt.BottomRightCorner, Qt.BottomDockWidgetArea)
        # Titles of tabbed docks repeat their tabs: they are hidden once the tabs are in place.
        self._titles_timer = QTimer(window)
        self._titles_timer.setSingleShot(True)
        self._titles_timer.timeout.connect(self._show_needed_titles)
        self.reset()

    def add_strip(self, strip: QWidget) -> None:
        """Put a strip over the whole width, above all docks."""
        bar = QToolBar("Status", self._window)
        bar.setObjectName("status")
        bar.setMovable(False)
        bar.toggleViewAction().setEnabled(False)
        bar.addWidget(strip)
        self._window.addToolBar(Qt.TopToolBarArea, bar)

    def reset(self) -> None:
        """Put every dock where it stands at first."""
        for panel in self._panels:
            dock = self.docks[panel.name]
            dock.setFloating(False)
            self._window.addDockWidget(panel.area, dock)
            dock.show()
        right = self._in_area(Qt.RightDockWidgetArea)
        for dock in right[1:]:
            self._window.tabifyDockWidget(right[0], dock)
        if right:
            right[0].raise_()
        left = self._in_area(Qt.LeftDockWidgetArea)
        for above, below in pairwise(left):
            self._window.splitDockWidget(above, below, Qt.Vertical)
        self.share_out()
        self._titles_timer.start(0)

    def share_out(self) -> None:
        """Give every dock its share of the window as it is now."""
        width, height = self._window.width(), self._window.height()
        for area, extent, orientation in (
            (Qt.LeftDockWidgetArea, width, Qt.Horizontal),
            (Qt.RightDockWidgetArea, width, Qt.Horizontal),
            (Qt.BottomDockWidgetArea, height, Qt.Vertical),
        ):
            panels = [panel for panel in self._panels if panel.area == area][:1]
            docks = [self.docks[panel.name] for panel in panels]
            sizes = [max(panel.min_px, int(panel.share * extent)) for panel in panels]
            self._window.resizeDocks(docks, sizes, orientation)
        left = self._in_area(Qt.LeftDockWidgetArea)
        if len(left) > 1:
            self._window.resizeDocks(left, [4, 3], Qt.Vertical)

    def save(self) -> tuple[str, str]:
        """Geometry and layout of the window, base64."""
        geometry = bytes(self._window.saveGeometry())
        state = bytes(self._window.saveState(_LAYOUT_VERSION))
        return b64encode(geometry).decode(), b64encode(state).decode()

    def restore(self, geometry: str, layout: str) -> bool:
        """Put everything back; False, with nothing changed, if the texts are none of ours."""
        try:
            shape, state = b64decode(geometry, validate=True), b64decode(layout, validate=True)
        except (binascii.Error, ValueError):
            return False
        if not shape or not self._window.restoreGeometry(QByteArray(shape)):
            return False
        restored = self._window.restoreState(QByteArray(state), _LAYOUT_VERSION)
        self._titles_timer.start(0)
        return bool(restored)

    def _make_dock(self, panel: Panel) -> QDockWidget:
        dock = QDockWidget(panel.title, self._window)
        dock.setObjectName(panel.name)  # saveState knows docks by it
        body = QWidget()
        body.setObjectName("dock_body")
        body.setAttribute(Qt.WA_StyledBackground)
        column = QVBoxLayout(body)
        column.setContentsMargins(1, 1, 1, 1)
        column.addWidget(panel.widget)
        dock.setWidget(body)
        dock.setTitleBarWidget(DockTitle(dock))
        dock.dockLocationChanged.connect(lambda: self._titles_timer.start(0))
        dock.topLevelChanged.connect(lambda: self._titles_timer.start(0))
        dock.visibilityChanged.connect(lambda: self._titles_timer.start(0))
        return dock

    def _in_area(self, area: Qt.DockWidgetArea) -> list[QDockWidget]:
        return [self.docks[panel.name] for panel in self._panels if panel.area == area]

    def _show_needed_titles(self) -> None:
        for dock in self.docks.values():
            title = dock.titleBarWidget()
            is_tabbed = bool(self._window.tabifiedDockWidgets(dock)) and not dock.isFloating()
            if isinstance(title, DockTitle):
                title.show_title(not is_tabbed)
