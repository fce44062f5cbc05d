"""Says whether the newest frame is shown or a chosen one; a click changes it."""

from __future__ import annotations

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QToolButton

_TEXTS = {True: "● following the newest frame", False: "❚❚ staying on this frame · N follows"}


class FollowBadge(QToolButton):
    """Visible state of following.

    Signals:
        following_requested: True to follow, False to stay.
    """

    following_requested = pyqtSignal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.setCheckable(True)
        self.setFocusPolicy(Qt.NoFocus)
        self.setToolTip("Show each new frame as it comes, or stay on the chosen one (N)")
        self.clicked.connect(self.following_requested)
        self.show_following(True)

    def show_following(self, following: bool) -> None:
        """Show the state."""
        self.setChecked(following)
        self.setText(_TEXTS[following])
