"""Everything that the window can do, each with its keys: one table, one place."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt5.QtCore import Qt
from PyQt5.QtGui import QKeySequence
from PyQt5.QtWidgets import QAction, QWidget


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """An action's name in the code, its text, its keys and the menu that holds it.

    Attributes:
        repeats: the action runs again and again while its key is held down.
        checkable: it is a state, not a deed.
    """

    name: str
    menu: str
    text: str
    keys: tuple[str, ...]
    tip: str = ""
    checkable: bool = False
    repeats: bool = False


ACTION_SPECS = (
    ActionSpec("open", "File", "&Open run files…", ("Ctrl+O",), "HDF5, CXI and image files"),
    ActionSpec("watch", "File", "&Watch a folder…", ("Ctrl+W",), "Frames are read as they arrive"),
    ActionSpec("demo", "File", "&Demo run", ("Ctrl+D",), "Replays the bundled run as if live"),
    ActionSpec("stop_run", "File", "S&top reading this run", ("Ctrl+.",)),
    ActionSpec("export", "File", "&Export frames…", ("Ctrl+E",), "Write the good frames to a file"),
    ActionSpec("settings", "File", "&Settings…", ("Ctrl+,",)),
    ActionSpec("quit", "File", "&Quit", ("Ctrl+Q",)),
    ActionSpec("label_good", "Frame", "Label &good, go on", ("G",)),
    ActionSpec("label_bad", "Frame", "Label &bad, go on", ("B",)),
    ActionSpec("label_none", "Frame", "&Unlabel, go on", ("U",)),
    ActionSpec("undo", "Frame", "U&ndo label", ("Ctrl+Z",)),
    ActionSpec("redo", "Frame", "&Redo label", ("Ctrl+Shift+Z", "Ctrl+Y")),
    ActionSpec("previous", "Frame", "&Previous frame", ("Left",), repeats=True),
    ActionSpec("next", "Frame", "Ne&xt frame", ("Right",), repeats=True),
    ActionSpec("next_unsure", "Frame", "Next &unsure frame", ("Space",), repeats=True),
    ActionSpec(
        "play", "Frame", "&Play as a film", ("P",),
        "Show the grid's frames one after the other", checkable=True,
    ),
    ActionSpec(
        "follow", "Frame", "&Follow the newest frame", ("Home", "N"),
        "Show each new frame until you choose one", checkable=True,
    ),
    ActionSpec(
        "follow_good", "Frame", "Follow good frames on&ly", ("Shift+N",),
        "While following, leave bad frames out", checkable=True,
    ),
    ActionSpec(
        "adapt", "Model", "&Adapt to this run…", ("Ctrl+Shift+A",),
        "Make the network fit these frames, with your labels or without",
    ),
    ActionSpec(
        "judge_again", "Model", "&Judge these frames again", ("Ctrl+J",),
        "With the model in use, where another one judged", checkable=True,
    ),
    ActionSpec("all_runs", "View", "&All runs together", ("Ctrl+0",)),
    ActionSpec("light", "View", "&Light theme", ("Ctrl+T",), checkable=True),
    ActionSpec("full_screen", "View", "&Full screen", ("F11",), checkable=True),
    ActionSpec("reset_layout", "View", "&Reset layout", ("Ctrl+Shift+R",)),
    ActionSpec("keys", "Help", "&Keys", ("?",), "All keys in one list"),
    ActionSpec("guide", "Help", "&Guide", ("F1",)),
    ActionSpec("about", "Help", "&About SPI Viewer", ()),
)  # fmt: skip

# What views do by themselves with keys and mouse.
GESTURES = {
    "Grid of frames": (
        ("↑ ↓ PgUp PgDn", "Move by rows and pages"),
        ("Shift+click", "Select a range"),
        ("Ctrl+click", "Select one more"),
        ("Ctrl+A", "Select all"),
        ("Ctrl+wheel", "Larger or smaller"),
    ),
    "Mouse": (
        ("Click in the strip chart", "Show that frame"),
        ("Drag the line of scores", "Change the threshold"),
        ("Drag a loop in Embedding", "Select a cluster of frames"),
        ("Drag the crop or centre", "Move what the network sees"),
        ("Wheel on the pattern", "Zoom"),
        ("Drop files or folders", "Open, watch"),
    ),
}


class Actions:
    """The window's QActions, by name: `actions["export"]`.

    Their keys work in the whole window, whatever has the focus, so that no button steals them;
    a text field keeps its letters to itself, as Qt lets it.
    """

    def __init__(self, window: QWidget) -> None:
        self._actions: dict[str, QAction] = {}
        self._specs = {spec.name: spec for spec in ACTION_SPECS}
        for spec in ACTION_SPECS:
            self._actions[spec.name] = _make_action(window, spec)

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def in_menu(self, menu: str) -> list[QAction]:
        """The actions of a menu, in order."""
        return [self._actions[spec.name] for spec in ACTION_SPECS if spec.menu == menu]

    def by_menu(self) -> dict[str, list[QAction]]:
        """All actions, menu by menu."""
        menus = dict.fromkeys(spec.menu for spec in ACTION_SPECS)
        return {menu: self.in_menu(menu) for menu in menus}


def key_text(action: QAction) -> str:
    """An action's keys as people read them, 'Ctrl+Y or Ctrl+Shift+Z'."""
    return " or ".join(key.toString(QKeySequence.NativeText) for key in action.shortcuts())


def _make_action(window: QWidget, spec: ActionSpec) -> QAction:
    action = QAction(spec.text, window)
    action.setObjectName(spec.name)
    action.setShortcuts([QKeySequence(key) for key in spec.keys])
    action.setShortcutContext(Qt.WindowShortcut)
    action.setAutoRepeat(spec.repeats)
    action.setCheckable(spec.checkable)
    plain = spec.text.replace("&", "")
    action.setToolTip(spec.tip or plain)
    action.setStatusTip(spec.tip)
    action.setMenuRole(QAction.NoRole)
    window.addAction(action)
    return action
