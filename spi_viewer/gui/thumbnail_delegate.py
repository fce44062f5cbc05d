"""How one thumbnail looks: picture, verdict as colour and mark, operator's badge, caption."""

from __future__ import annotations

from collections.abc import Hashable

from PyQt5.QtCore import QModelIndex, QObject, QPointF, QRectF, QSize, Qt
from PyQt5.QtGui import QColor, QImage, QPainter, QPen, QPixmap, QPolygonF
from PyQt5.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from spi_viewer.frames import INVALID_FLAGS, OperatorLabel, Verdict
from spi_viewer.gui.painting import painting
from spi_viewer.gui.theme import Theme, scaled_font, theme_of
from spi_viewer.gui.thumbnail_model import Cell, ThumbnailModel

GAP_PX = 4  # around a picture, room for the frame of the current one
_BORDER_PX = 2.0
_MARK_PX = 14.0
_CELLS_KEPT = 512  # more than a screen holds; 25 MB at the usual size


class ThumbnailDelegate(QStyledItemDelegate):
    """Paints a cell; good and bad differ in colour and in mark.

    New frames come first, so a live grid shows mostly what it showed before, in other places.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._drawn: dict[Hashable, QPixmap] = {}  # by everything that a cell's looks depend on

    def caption_height(self, option: QStyleOptionViewItem) -> int:
        """Height below the picture."""
        return round(option.fontMetrics.height() * 0.9)

    def sizeHint(self, option: QStyleOptionViewItem, _index: QModelIndex) -> QSize:
        """Of a picture in its own pixels; the grid decides the real size."""
        return QSize(64 + 2 * GAP_PX, 64 + 2 * GAP_PX + self.caption_height(option))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw one cell into option.rect; one that looked the same before is copied."""
        cell: Cell | None = index.data(ThumbnailModel.CELL_ROLE)
        if cell is None:
            return
        image: QImage = index.data(ThumbnailModel.PICTURE_ROLE)
        theme = theme_of(option.palette)
        width, height = option.rect.width(), option.rect.height()
        ratio = painter.device().devicePixelRatioF()
        state = int(option.state & (QStyle.State_Selected | QStyle.State_HasFocus))
        looks = (image.cacheKey(), cell, width, height, ratio, state, theme, option.font.key())
        drawn = self._drawn.pop(looks, None)
        if drawn is None:
            drawn = QPixmap(round(width * ratio), round(height * ratio))
            drawn.setDevicePixelRatio(ratio)
            drawn.fill(Qt.transparent)
            with painting(drawn) as on_pixmap:
                self._draw(on_pixmap, option, cell, image, theme)
        self._drawn[looks] = drawn  # the last one looked at is the last one forgotten
        if len(self._drawn) > _CELLS_KEPT:
            del self._drawn[next(iter(self._drawn))]
        painter.drawPixmap(option.rect.topLeft(), drawn)

    def _draw(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        cell: Cell,
        image: QImage,
        theme: Theme,
    ) -> None:
        """A whole cell, its upper left corner at (0, 0)."""
        area = QRectF(0, 0, option.rect.width(), option.rect.height())
        side = area.width() - 2 * GAP_PX
        picture = QRectF(GAP_PX, GAP_PX, side, side)
        painter.setRenderHints(QPainter.Antialiasing | QPainter.SmoothPixmapTransform)
        painter.setFont(option.font)
        self._paint_ground(painter, area, option.state, theme)
        painter.drawImage(picture, image)
        colour = QColor(verdict_colour(cell, theme))
        inner = picture.adjusted(1, 1, -1, -1)
        painter.setPen(QPen(colour, _BORDER_PX, join=Qt.MiterJoin))
        painter.setBrush(Qt.NoBrush)
        painter.drawRect(inner)
        _paint_mark(painter, picture, cell, colour, theme)
        if cell.label != OperatorLabel.NONE:
            _paint_badge(painter, picture, cell, theme)
        self._paint_caption(painter, option, picture, cell, theme)

    def _paint_ground(
        self, painter: QPainter, area: QRectF, state: QStyle.State, theme: Theme
    ) -> None:
        ground = area.adjusted(0.5, 0.5, -0.5, -0.5)
        if state & QStyle.State_Selected:
            painter.setPen(Qt.NoPen)
            painter.setBrush(QColor(theme.accent_ground))
            painter.drawRoundedRect(ground, 4, 4)
        if state & QStyle.State_HasFocus:
            painter.setPen(QPen(QColor(theme.accent), 2))
            painter.setBrush(Qt.NoBrush)
            painter.drawRoundedRect(ground.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)

    def _paint_caption(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        picture: QRectF,
        cell: Cell,
        theme: Theme,
    ) -> None:
        painter.setFont(scaled_font(option.font, 0.85))
        chosen = bool(option.state & (QStyle.State_Selected | QStyle.State_HasFocus))
        painter.setPen(QColor(theme.text if chosen else theme.muted))
        height = self.caption_height(option)
        box = QRectF(picture.x(), picture.bottom() + 1, picture.width(), height)
        text = painter.fontMetrics().elidedText(cell.caption, Qt.ElideLeft, int(box.width()))
        painter.drawText(box, Qt.AlignCenter, text)


def verdict_colour(cell: Cell, theme: Theme) -> str:
    """Border colour: the final verdict's, or unsure's while nobody has decided."""
    if cell.final_verdict == Verdict.INVALID:
        return theme.invalid
    if cell.is_unsure:
        return theme.unsure
    return theme.good if cell.final_verdict == Verdict.GOOD else theme.bad


def verdict_mark(cell: Cell) -> str:
    """Shape for eyes that do not tell the colours apart: tick, cross, '?' or '!'."""
    if cell.final_verdict == Verdict.INVALID or cell.flags & INVALID_FLAGS:
        return "!"
    if cell.is_unsure:
        return "?"
    return "tick" if cell.final_verdict == Verdict.GOOD else "cross"


def _paint_mark(
    painter: QPainter, picture: QRectF, cell: Cell, colour: QColor, theme: Theme
) -> None:
    """Verdict upper left, '!' lower right for faulty data, '≠' lower left if unfamiliar."""
    tab = QRectF(picture.x(), picture.y(), _MARK_PX, _MARK_PX)
    _paint_tab(painter, tab, verdict_mark(cell), colour, theme)
    if verdict_mark(cell) == "!":
        return
    if cell.has_faulty_data:
        tab.moveBottomRight(picture.bottomRight())
        _paint_tab(painter, tab, "!", QColor(theme.invalid), theme)
    if cell.is_unfamiliar:
        tab.moveBottomLeft(picture.bottomLeft())
        _paint_tab(painter, tab, "≠", QColor(theme.unsure), theme)


def _paint_tab(painter: QPainter, tab: QRectF, mark: str, colour: QColor, theme: Theme) -> None:
    painter.setPen(Qt.NoPen)
    painter.setBrush(colour)
    painter.drawRect(tab)
    ink = QColor(theme.canvas)
    x, y, unit = tab.x(), tab.y(), tab.width() / 14
    painter.setPen(QPen(ink, 1.8 * unit, cap=Qt.RoundCap, join=Qt.RoundJoin))
    painter.setBrush(Qt.NoBrush)
    if mark == "tick":
        points = ((3.5, 7.5), (6, 10), (10.5, 4.5))
        painter.drawPolyline(QPolygonF([QPointF(x + a * unit, y + b * unit) for a, b in points]))
    elif mark == "cross":
        painter.drawLine(QPointF(x + 4 * unit, y + 4 * unit), QPointF(x + 10 * unit, y + 10 * unit))
        painter.drawLine(QPointF(x + 10 * unit, y + 4 * unit), QPointF(x + 4 * unit, y + 10 * unit))
    else:
        _paint_letter(painter, tab, mark)


def _paint_badge(painter: QPainter, picture: QRectF, cell: Cell, theme: Theme) -> None:
    """The operator's decision, in the upper right corner, as the key that made it."""
    badge = QRectF(0, 0, _MARK_PX + 2, _MARK_PX + 2)
    badge.moveTopRight(picture.topRight() + QPointF(-3, 3))
    good = cell.label == OperatorLabel.GOOD
    painter.setPen(QPen(QColor(theme.canvas), 1.2))
    painter.setBrush(QColor(theme.good if good else theme.bad))
    painter.drawEllipse(badge)
    painter.setPen(QColor(theme.canvas))
    _paint_letter(painter, badge, "G" if good else "B")


def _paint_letter(painter: QPainter, box: QRectF, letter: str) -> None:
    font = painter.font()
    font.setPixelSize(round(box.height() * 0.75))
    font.setBold(True)
    painter.setFont(font)
    painter.drawText(box, Qt.AlignCenter, letter)
