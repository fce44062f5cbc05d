"""Where everything stands in the window: views in docks, actions in menus, hints below."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QLabel

from spi_viewer.gui.theme import set_tone
from spi_viewer.gui.window_layout import Panel

if TYPE_CHECKING:
    from spi_viewer.gui.main_window import MainWindow

_HINTS = (
    "G good    B bad    U unlabel    ← → move    Space next unsure    P play    "
    "Ctrl+E export    ? all keys"
)


def panels_of(window: MainWindow) -> tuple[Panel, ...]:
    """The docks around the pattern, as they stand at first."""
    left, right = Qt.LeftDockWidgetArea, Qt.RightDockWidgetArea
    return (
        Panel("sources", "Sources", window.sources, left, 0.22, 330),
        Panel("hit_rate", "Hit rate", window.counts, left, 0.22, 330),
        Panel("why", "Why", window.activation, right, 0.32),
        Panel("scores", "Scores", window.scores, right, 0.32),
        Panel("embedding", "Embedding", window.embedding, right, 0.32),
        Panel("frame_info", "Frame info", window.frame_info, right, 0.32),
        Panel("thumbnails", "Frames", window.grid, Qt.BottomDockWidgetArea, 0.36),
    )


def fill_status_bar(window: MainWindow) -> None:
    """The keys that one needs most, and whether the newest frame is shown."""
    hints = QLabel(_HINTS)
    set_tone(hints, "muted")
    bar = window.statusBar()
    bar.addWidget(hints)
    bar.addPermanentWidget(window.badge)
    bar.setSizeGripEnabled(False)


def fill_menus(window: MainWindow) -> None:
    """The actions, with the files opened lately under File and the docks under View."""
    for title, actions in window.actions_by_name.by_menu().items():
        menu = window.menuBar().addMenu(f"&{title}")
        menu.addActions(actions)
        if title == "File":
            recent = menu.addMenu("Open &recent")
            menu.insertMenu(actions[3], recent)
            menu.insertSeparator(actions[3])
            menu.insertSeparator(actions[-1])
            recent.aboutToShow.connect(partial(window.opener.fill_recent_menu, recent))
        if title == "View":
            menu.addSeparator()
            for dock in window.layout_of_docks.docks.values():
                menu.addAction(dock.toggleViewAction())
