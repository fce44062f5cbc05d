"""The bar above the thumbnails: which frames, in which order, and the way out."""

from __future__ import annotations

from PyQt5.QtCore import QSize, Qt, pyqtSignal
from PyQt5.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from spi_viewer.gui.texts import format_count
from spi_viewer.session.row_selection import RowFilter, SortOrder

_FILTERS = {
    RowFilter.ALL: "Every frame",
    RowFilter.GOOD: "The network says: one particle",
    RowFilter.MULTI: "The network says: several particles",
    RowFilter.NON_SAMPLE: "The network says: something else than the sample",
    RowFilter.BLANK: "The network says: nothing was hit",
    RowFilter.UNSURE: "Worth a look: an uncertain score, or good but of a kind never seen",
    RowFilter.UNFAMILIAR: "Unlike anything the network was trained on",
    RowFilter.LABELLED: "You decided",
    RowFilter.DISAGREE: "You and the network differ",
    RowFilter.FLAGGED: "Something is wrong with the data",
}
_SORTS = {
    SortOrder.NEWEST: "newest first",
    SortOrder.OLDEST: "oldest first",
    SortOrder.P_GOOD_HIGH: "best first",
    SortOrder.P_GOOD_LOW: "worst first",
    SortOrder.UNCERTAIN: "least certain",
    SortOrder.PHOTONS: "most photons",
}


class ThumbnailFilters(QWidget):
    """Filter buttons with counts, sort box, button for new frames, export.

    Signals:
        filter_chosen: RowFilter.
        sort_chosen: SortOrder.
        new_wanted: the frames that arrived meanwhile shall be shown.
        export_wanted: somebody wants to export.
    """

    filter_chosen = pyqtSignal(object)
    sort_chosen = pyqtSignal(object)
    new_wanted = pyqtSignal()
    export_wanted = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        group = QButtonGroup(self)
        self._buttons: dict[RowFilter, QToolButton] = {}
        for row_filter, tip in _FILTERS.items():
            button = self._button(row_filter.value, tip)
            button.setCheckable(True)
            button.clicked.connect(
                lambda _on, row_filter=row_filter: self.filter_chosen.emit(row_filter)
            )
            group.addButton(button)
            self._buttons[row_filter] = button
            layout.addWidget(button)
        self._buttons[RowFilter.ALL].setChecked(True)
        layout.addStretch(1)
        self._new = self._button("", "Show the frames that arrived meanwhile (they are counted)")
        self._new.clicked.connect(self.new_wanted)
        self._new.hide()
        layout.addWidget(self._new)
        self._sort = self._sort_box()
        layout.addWidget(self._sort)
        export = self._button("Export…", "Write the good frames to a file (Ctrl+E)")
        export.clicked.connect(self.export_wanted)
        layout.addWidget(export)

    def button(self, row_filter: RowFilter) -> QToolButton:
        """The button of a filter."""
        return self._buttons[row_filter]

    @property
    def new_button(self) -> QToolButton:
        """The button that shows frames which arrived meanwhile."""
        return self._new

    @property
    def sort_box(self) -> QComboBox:
        """The box of sort orders."""
        return self._sort

    def show_counts(self, counts: dict[RowFilter, int]) -> None:
        """Write the present counts on the buttons."""
        for row_filter, button in self._buttons.items():
            button.setText(f"{row_filter.value} {format_count(counts[row_filter])}")

    def show_new(self, count: int) -> None:
        """Offer frames that wait to be shown."""
        self._new.setText(f"↑ {format_count(count)} new")
        self._new.setVisible(count > 0)

    def show_filter(self, row_filter: RowFilter) -> None:
        """Mark a filter as chosen."""
        self._buttons[row_filter].setChecked(True)

    def _button(self, text: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setToolTip(tip)
        button.setFocusPolicy(Qt.NoFocus)  # arrows stay with the thumbnails
        button.setSizePolicy(QSizePolicy.Preferred, QSizePolicy.Fixed)
        return button

    def _sort_box(self) -> QComboBox:
        box = QComboBox(self)
        for order, text in _SORTS.items():
            box.addItem(text, order)
        box.setFocusPolicy(Qt.NoFocus)
        box.setToolTip("Order of the thumbnails")
        box.activated.connect(lambda index: self.sort_chosen.emit(box.itemData(index)))
        return box

    def minimumSizeHint(self) -> QSize:
        """Squeezed if it must be: the bar never widens the window."""
        return QSize(200, super().minimumSizeHint().height())
