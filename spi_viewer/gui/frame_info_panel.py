"""Everything known of a frame in words and numbers, ready to be copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PyQt5.QtCore import Qt
from PyQt5.QtGui import QKeySequence, QShowEvent
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QAction,
    QApplication,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from spi_viewer.frames import DetectorGeometry, FrameClass, FullFrame
from spi_viewer.gui.newest_result import NewestResult
from spi_viewer.gui.resolution import HC_EV_NM
from spi_viewer.gui.texts import format_count

if TYPE_CHECKING:
    from spi_viewer.inspection import Inspection

_LONGEST_VALUE = 400


class FrameInfoPanel(QWidget):
    """A two-column table: file, dataset, ids, flags, counts, geometry, metadata."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = QTableWidget(0, 2, self)
        self.table.horizontalHeader().hide()
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeToContents)
        self.table.horizontalHeader().setSectionResizeMode(1, QHeaderView.Stretch)
        self.table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeToContents)
        self.table.setShowGrid(False)
        self.table.setWordWrap(True)
        self.table.setEditTriggers(QAbstractItemView.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.ExtendedSelection)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        self._add_copy_actions()
        self._inspection: Inspection | None = None
        self._described = NewestResult(self)  # sums over a large frame take a while
        self._described.ready.connect(self._show_entries)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.table)

    def _add_copy_actions(self) -> None:
        copy = QAction("Copy", self.table)
        copy.setShortcut(QKeySequence.Copy)
        copy.setShortcutContext(Qt.WidgetShortcut)
        copy.triggered.connect(self.copy_selection)
        copy_all = QAction("Copy all", self.table)
        copy_all.triggered.connect(self.copy_all)
        self.table.addActions([copy, copy_all])
        self.table.setContextMenuPolicy(Qt.ActionsContextMenu)

    def show_inspection(self, inspection: Inspection | None) -> None:
        """Describe another frame, or nothing; soon, and only while somebody can see it."""
        self._inspection = inspection
        if inspection is None:
            self._show_entries([])
        elif self.isVisible():
            self._describe(inspection)

    def _describe(self, inspection: Inspection) -> None:
        self._described.request(lambda: frame_entries(inspection))

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what was not described while hidden."""
        super().showEvent(event)
        if self._inspection is not None:
            self._describe(self._inspection)

    def _show_entries(self, entries: list[tuple[str, str]]) -> None:
        if self._inspection is None:
            entries = []
        rows = self.table.verticalHeader()
        rows.setSectionResizeMode(QHeaderView.Fixed)  # else each text measures all rows anew
        self.table.setRowCount(len(entries))
        for line, (name, value) in enumerate(entries):
            self._write(line, 0, name)
            self._write(line, 1, value).setToolTip(value)
        rows.setSectionResizeMode(QHeaderView.ResizeToContents)

    def _write(self, line: int, column: int, text: str) -> QTableWidgetItem:
        item = self.table.item(line, column)
        if item is None:
            item = QTableWidgetItem()
            item.setTextAlignment(Qt.AlignLeft | Qt.AlignTop)
            self.table.setItem(line, column, item)
        if column == 0:  # each time: the theme may have changed
            item.setForeground(self.palette().placeholderText())
        if item.text() != text:
            item.setText(text)
        return item

    def copy_selection(self) -> None:
        """Put the selected lines on the clipboard, tab-separated."""
        lines = sorted({index.row() for index in self.table.selectedIndexes()})
        self._copy(lines)

    def copy_all(self) -> None:
        """Put all lines on the clipboard."""
        self._copy(list(range(self.table.rowCount())))

    def _copy(self, lines: list[int]) -> None:
        if lines:
            cells = [[self.table.item(line, column).text() for column in (0, 1)] for line in lines]
            QApplication.clipboard().setText("\n".join("\t".join(cell) for cell in cells))


def frame_entries(inspection: Inspection) -> list[tuple[str, str]]:
    """(name, value) of everything worth knowing, the identity first."""
    frame_id = inspection.id
    entries = [
        ("file", frame_id.path),
        ("dataset", frame_id.dataset or "–"),
        ("frame", format_count(frame_id.index)),
        ("id", frame_id.name or "–"),
        ("row in session", "none yet" if inspection.row is None else format_count(inspection.row)),
    ]
    if inspection.error:
        entries.append(("error", inspection.error))
    entries += _judgement_entries(inspection)
    if inspection.frame is not None:
        entries += _frame_entries(inspection.frame)
        entries += _geometry_entries(inspection.frame.geometry)
    crop = inspection.crop
    entries.append(("centre x, y", f"{crop.center_x_px:.1f}, {crop.center_y_px:.1f} px"))
    entries.append(("crop side", f"{crop.side_px:.0f} px, binned by {crop.scale:g}"))
    entries.append(("for commands", f"--crop {crop.text}"))
    if inspection.frame is not None:
        entries += [
            (name.replace("_", " "), _shown(value))
            for name, value in inspection.frame.metadata.items()
        ]
    return entries


def _judgement_entries(inspection: Inspection) -> list[tuple[str, str]]:
    """The verdict, who gave it, and the scores behind it."""
    entries = [
        ("verdict", inspection.verdict.name.lower() + (", unsure" if inspection.is_unsure else "")),
        ("judged by", inspection.judged_by or "–"),
        ("threshold", f"{inspection.threshold:.3g}"),
    ]
    if inspection.is_unfamiliar:
        entries.append(("unfamiliar", "unlike anything that model was trained on"))
    scores = inspection.judged
    if scores is None and inspection.explanation is not None:
        scores = inspection.explanation.probabilities
    if scores is not None:
        for kind, score in zip(FrameClass, scores, strict=True):
            entries.append((f"P({kind.label})", f"{float(score):.4f}"))
    return entries


def _frame_entries(frame: FullFrame) -> list[tuple[str, str]]:
    pixels, valid = frame.pixels, frame.valid
    flags = frame.flags.names.replace("|", ", ").replace("_", " ")
    shape = " × ".join(str(side) for side in pixels.shape)
    entries = [("flags", flags or "none"), ("pixels", f"{shape}, {pixels.dtype}")]
    if valid.shape == pixels.shape and pixels.size:
        values = pixels[valid]
        entries.append(("invalid pixels", f"{100 * (1 - values.size / pixels.size):.2f} %"))
        if values.size:
            total = values.sum(dtype=np.float64)
            entries.append(("photons (sum)", format_count(total)))
            entries.append(("smallest, largest", f"{values.min():.6g}, {values.max():.6g}"))
            entries.append(("lit pixels", format_count(int(np.count_nonzero(values > 0)))))
    return entries


def _geometry_entries(geometry: DetectorGeometry) -> list[tuple[str, str]]:
    energy, distance, pixel = (
        geometry.photon_energy_ev,
        geometry.distance_m,
        geometry.pixel_size_m,
    )
    wavelength = f" ({HC_EV_NM / energy:.4g} nm)" if energy else ""
    return [
        ("photon energy", f"{energy:.6g} eV{wavelength}" if energy else "not known"),
        ("distance", f"{1e3 * distance:.5g} mm" if distance else "not known"),
        ("pixel size", f"{1e6 * pixel:.4g} µm" if pixel else "not known"),
    ]


def _shown(value: Any) -> str:
    """A metadata value in one short line."""
    if isinstance(value, bytes):
        text = value.decode("utf-8", errors="replace")
    elif isinstance(value, float | np.floating):
        text = f"{value:.8g}"
    else:
        text = str(value)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"
