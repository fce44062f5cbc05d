"""A list model over session rows: a million frames, fetched only where somebody looks."""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import QAbstractListModel, QModelIndex, QObject, Qt
from PyQt5.QtGui import QImage

from spi_viewer.errors import SessionError
from spi_viewer.frames import (
    THUMBNAIL_SIDE_PX,
    FrameClass,
    FrameFlag,
    FrameId,
    OperatorLabel,
    Verdict,
)
from spi_viewer.gui.colour_maps import colour_table

if TYPE_CHECKING:
    from spi_viewer.session.session import Session

_log = logging.getLogger(__name__)
_CHUNK = 64  # rows fetched at once
_PICTURES_KEPT = 1024  # 64 x 64 x 4 bytes each: 16 MiB; a screen shows a hundred


@dataclass(frozen=True, slots=True)
class Cell:
    """What a thumbnail says about its frame.

    Attributes:
        verdict: the network's.
        is_unsure: worth a look, and nobody has decided yet.
        judged_by: name of the model that gave the probabilities.
    """

    row: int
    id: FrameId
    probabilities: tuple[float, ...]
    verdict: Verdict
    label: OperatorLabel
    flags: FrameFlag
    is_unsure: bool
    judged_by: str = ""

    @property
    def final_verdict(self) -> Verdict:
        """The operator's label where there is one, else the network's verdict."""
        return self.verdict if self.label == OperatorLabel.NONE else Verdict(int(self.label))

    @property
    def is_unfamiliar(self) -> bool:
        """Unlike anything the network was trained on."""
        return FrameFlag.OUT_OF_DISTRIBUTION in self.flags

    @property
    def has_faulty_data(self) -> bool:
        """Something is wrong with its pixels."""
        return bool(self.flags & ~FrameFlag.OUT_OF_DISTRIBUTION)

    @property
    def caption(self) -> str:
        """'44018 · 0.97', without a score for an invalid frame."""
        p_good = self.probabilities[FrameClass.SINGLE]
        score = f"{p_good:.2f}" if np.isfinite(p_good) else "–"
        return f"{self.id.index} · {score}"


class ThumbnailModel(QAbstractListModel):
    """Session rows in display order, with pictures and facts fetched in chunks.

    Attributes:
        CELL_ROLE: Cell of an index.
        PICTURE_ROLE: QImage of an index.
    """

    CELL_ROLE = Qt.UserRole
    PICTURE_ROLE = Qt.UserRole + 1

    def __init__(self, session: Session, colour_map: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._rows: NDArray[np.int64] = np.zeros(0, np.int64)
        self._colours = list(colour_table(colour_map))
        self._cells: dict[int, Cell] = {}
        self._pictures: OrderedDict[int, QImage] = OrderedDict()

    @property
    def rows(self) -> NDArray[np.int64]:
        """Session rows in display order."""
        return self._rows

    def set_rows(self, rows: NDArray[np.int64]) -> bool:
        """Show other rows; returns False if that was more than adding some at either end.

        Rows added at an end leave current index, selection and scrolling alone; anything else is
        a reset, after which the caller restores what it wants to keep.
        """
        old, added = self._rows, len(rows) - len(self._rows)
        if added == 0 and np.array_equal(rows, old):
            return True
        if added > 0 and len(old) and np.array_equal(rows[added:], old):
            self._insert(rows, 0, added)
            return True
        if added > 0 and np.array_equal(rows[: len(old)], old):
            self._insert(rows, len(old), added)
            return True
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()
        return False

    def _insert(self, rows: NDArray[np.int64], first: int, count: int) -> None:
        self.beginInsertRows(QModelIndex(), first, first + count - 1)
        self._rows = rows
        self.endInsertRows()

    def forget_facts(self) -> None:
        """Labels, scores or the threshold changed: ask again for what is on screen."""
        self._cells.clear()
        if len(self._rows):
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))

    def set_colour_map(self, name: str) -> None:
        """Paint thumbnails in other colours."""
        self._colours = list(colour_table(name))
        self._pictures.clear()
        if len(self._rows):
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))

    def position_of(self, row: int) -> int:
        """Where a session row stands in the display, -1 if it does not."""
        positions = np.flatnonzero(self._rows == row)
        return int(positions[0]) if positions.size else -1

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Number of thumbnails."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> Any:
        """Caption, tool tip, Cell or picture."""
        if not index.isValid() or not 0 <= index.row() < len(self._rows):
            return None
        if role == self.PICTURE_ROLE:
            return self._picture(index.row())
        if role == self.CELL_ROLE:
            return self._cell(index.row())
        if role == Qt.DisplayRole:
            return self._cell(index.row()).caption
        if role == Qt.ToolTipRole:
            return describe(self._cell(index.row()))
        return None

    def _chunk(self, position: int) -> NDArray[np.int64]:
        start = position // _CHUNK * _CHUNK
        return self._rows[start : start + _CHUNK]

    def _cell(self, position: int) -> Cell:
        row = int(self._rows[position])
        if row not in self._cells:
            if len(self._cells) > 4 * _PICTURES_KEPT:
                self._cells.clear()
            for cell in self._fetch_cells(self._chunk(position)):
                self._cells[cell.row] = cell
        return self._cells[row]

    def _fetch_cells(self, rows: NDArray[np.int64]) -> list[Cell]:
        session = self._session
        probabilities = session.probabilities(rows).tolist()
        facts = zip(
            rows.tolist(),
            probabilities,
            session.verdicts(rows).tolist(),
            session.labels(rows).tolist(),
            session.flags(rows).tolist(),
            session.unsure(rows).tolist(),
            strict=True,
        )
        return [
            Cell(
                row=row,
                id=session.frame_id(row),
                probabilities=tuple(scores),
                verdict=Verdict(verdict),
                label=OperatorLabel(label),
                flags=FrameFlag(flags),
                is_unsure=unsure and label == OperatorLabel.NONE,
                judged_by=session.model(row)[0],
            )
            for row, scores, verdict, label, flags, unsure in facts
        ]

    def _picture(self, position: int) -> QImage:
        row = int(self._rows[position])
        if row not in self._pictures:
            rows = [r for r in self._chunk(position).tolist() if r not in self._pictures]
            try:
                thumbnails = self._session.thumbnails(rows)
            except SessionError as error:  # while painting: an empty picture, and again next time
                _log.warning("thumbnails cannot be read: %s", error)
                return self._coloured(np.zeros((THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX), np.uint8))
            for fetched, pixels in zip(rows, thumbnails, strict=True):
                self._pictures[fetched] = self._coloured(pixels)
            while len(self._pictures) > _PICTURES_KEPT:
                self._pictures.popitem(last=False)
        self._pictures.move_to_end(row)
        return self._pictures[row]

    def _coloured(self, pixels: NDArray[np.uint8]) -> QImage:
        pixels = np.ascontiguousarray(pixels)
        height, width = pixels.shape
        image = QImage(pixels.data, width, height, width, QImage.Format_Indexed8)
        image.setColorTable(self._colours)
        return image.convertToFormat(QImage.Format_RGB32)  # a copy: `pixels` may go


def describe(cell: Cell) -> str:
    """All that is known of a thumbnail's frame, a line each."""
    lines = [cell.id.path, f"{cell.id.dataset}  frame {cell.id.index}  {cell.id.name}".strip()]
    scores = zip(FrameClass, cell.probabilities, strict=True)
    if cell.verdict != Verdict.INVALID:
        lines.append("   ".join(f"{kind.label} {score:.3f}" for kind, score in scores))
        lines.append(f"judged by {cell.judged_by}")
    if cell.label != OperatorLabel.NONE:
        lines.append(f"operator: {cell.label.name.lower()}")
    if cell.is_unfamiliar:
        lines.append("unlike anything the network was trained on")
    if cell.has_faulty_data:
        lines.append(f"flags: {cell.flags.names.replace('|', ', ').replace('_', ' ')}")
    return "\n".join(lines)
