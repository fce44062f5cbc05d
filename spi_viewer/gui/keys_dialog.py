"""'?' lists every key; the list is made from the actions themselves, so it cannot lag behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PyQt5.QtWidgets import (
    QAction,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from spi_viewer.gui.actions import key_text
from spi_viewer.gui.theme import scaled_font, set_tone


class KeysDialog(QDialog):
    """All actions that have a key, group by group, in two columns.

    Args:
        groups: heading and actions.
        gestures: heading and (keys or mouse, what they do) of what is no action.
    """

    def __init__(
        self,
        groups: Mapping[str, Iterable[QAction]],
        gestures: Mapping[str, tuple[tuple[str, str], ...]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self.entries: list[tuple[str, str]] = []  # (keys, what they do)
        columns = [QVBoxLayout(), QVBoxLayout()]
        heights = [0, 0]
        listed: dict[str, list[tuple[str, str]]] = {
            title: [(key_text(action), _plain(action)) for action in actions if action.shortcuts()]
            for title, actions in groups.items()
        }
        listed |= {title: list(lines) for title, lines in gestures.items()}
        for title, lines in listed.items():
            if not lines:
                continue
            shorter = heights.index(min(heights))
            heights[shorter] += len(lines) + 2
            columns[shorter].addLayout(self._group(title, lines))
            self.entries += lines
        body = QWidget()
        row = QHBoxLayout(body)
        row.setSpacing(36)
        for column in columns:
            column.setSpacing(14)
            column.addStretch(1)
            row.addLayout(column)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(body)
        outer = QVBoxLayout(self)
        outer.addWidget(scroll)
        hint = body.sizeHint()
        self.resize(hint.width() + 80, min(hint.height() + 50, 720))

    def _group(self, title: str, lines: list[tuple[str, str]]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(5)
        heading = QLabel(title)
        heading.setFont(scaled_font(self.font(), 1.1, bold=True))
        grid.addWidget(heading, 0, 0, 1, 2)
        for number, (keys, text) in enumerate(lines, start=1):
            key = QLabel(keys)
            set_tone(key, "accent")
            grid.addWidget(key, number, 0)
            grid.addWidget(QLabel(text), number, 1)
        grid.setColumnStretch(1, 1)
        return grid


def _plain(action: QAction) -> str:
    return action.text().replace("&", "").removesuffix("…")
