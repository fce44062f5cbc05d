"""Why the network thinks so: verdict, probabilities, activation map, feature maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PyQt5.QtCore import QSignalBlocker, Qt, pyqtSignal
from PyQt5.QtGui import QResizeEvent
from PyQt5.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from spi_viewer.frames import FrameClass, OperatorLabel
from spi_viewer.gui.class_bars import ClassBars
from spi_viewer.gui.elided_label import ElidedLabel
from spi_viewer.gui.inspection_picture import judgement_note, verdict_text
from spi_viewer.gui.map_pictures import picture_of_map, picture_with_activation
from spi_viewer.gui.map_views import MapTiles, PicturePair
from spi_viewer.gui.theme import scaled_font, set_tone

if TYPE_CHECKING:
    from spi_viewer.inspection import Inspection

_FOLLOW_LIKELIEST = -1
_LOW_PANEL = 1.2  # height to width
_UNLIMITED_PX = 16777215  # Qt's QWIDGETSIZE_MAX
_NO_MAP = "this model has no map"
_NO_LAYERS = "This model has no layers to look into: its class probabilities are all there is."


class ActivationPanel(QWidget):
    """The reasons for one frame's verdict.

    Signals:
        activation_class_changed: class whose activation map is wanted, -1 for the likeliest.
        label_requested: OperatorLabel of a button.
    """

    activation_class_changed = pyqtSignal(int)
    label_requested = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._inspection: Inspection | None = None
        self._chosen_class = _FOLLOW_LIKELIEST
        self._layer = -1  # from the end: the last layer is the nearest to the verdict
        self._headline = QLabel(self)
        self._headline.setFont(scaled_font(self.font(), 1.7, bold=True))
        self._note = ElidedLabel("", parent=self)
        self.bars = ClassBars(self)
        self.bars.class_chosen.connect(self._choose_class)
        self.pair = PicturePair(("network input", "why"), self)
        self._layers = QComboBox(self)
        self._layers.setFocusPolicy(Qt.NoFocus)  # arrows belong to the thumbnails
        self._layers.setSizeAdjustPolicy(QComboBox.AdjustToMinimumContentsLengthWithIcon)
        self._layers.setToolTip("Layer whose feature maps are shown; each is stretched by itself")
        self._layers.activated.connect(self._choose_layer)
        self.tiles = MapTiles(self)
        self._no_layers = QLabel(_NO_LAYERS, self)
        self._no_layers.setWordWrap(True)
        self._no_layers.setAlignment(Qt.AlignCenter)
        set_tone(self._no_layers, "muted")
        self._lay_out()
        self._no_layers.hide()
        self.show_inspection(None)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(self._headline, 1)  # the whole room, so that no figure is cut off
        top.addWidget(self._label_button("G  good", OperatorLabel.GOOD))
        top.addWidget(self._label_button("B  bad", OperatorLabel.BAD))
        self._layer_part = QWidget(self)
        layers = QVBoxLayout(self._layer_part)
        layers.setContentsMargins(0, 0, 0, 0)
        layers.setSpacing(6)
        layers.addWidget(self._layers)
        layers.addWidget(self.tiles, 1)
        layers.addWidget(self._no_layers, 1)
        self._parts = QGridLayout()
        self._parts.setSpacing(6)
        self._is_low: bool | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        layout.addLayout(top)
        layout.addWidget(self._note)
        layout.addLayout(self._parts, 1)
        self._place_parts(low=False)

    def _place_parts(self, low: bool) -> None:
        """All below each other, or, where there is little height, the pictures on the left."""
        if low == self._is_low:
            return
        self._is_low = low
        parts = (self.bars, self.pair, self._layer_part)
        for part in parts:
            self._parts.removeWidget(part)
        places = ((0, 1), (0, 0, 2, 1), (1, 1)) if low else ((0, 0), (1, 0), (2, 0))
        for part, place in zip(parts, places, strict=True):
            self._parts.addWidget(part, *place)
        for line, stretch in enumerate((0, 1, 0 if low else 1)):
            self._parts.setRowStretch(line, stretch)
        self._parts.setColumnStretch(0, 2 if low else 1)
        self._parts.setColumnStretch(1, 5 if low else 0)

    def _label_button(self, text: str, label: OperatorLabel) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setFocusPolicy(Qt.NoFocus)
        button.setToolTip(f"Label this frame {label.name.lower()} and go on ({text[0]})")
        button.clicked.connect(lambda: self.label_requested.emit(label))
        return button

    @property
    def shown_class(self) -> int | None:
        """Class whose activation map is shown: the chosen one, else the likeliest."""
        if self._chosen_class != _FOLLOW_LIKELIEST:
            return self._chosen_class
        if self._inspection is None or self._inspection.explanation is None:
            return None
        return int(np.argmax(self._inspection.explanation.probabilities))

    def show_inspection(self, inspection: Inspection | None) -> None:
        """Show another frame's reasons, or nothing."""
        self._inspection = inspection
        self._show_headline()
        explanation = inspection.explanation if inspection is not None else None
        if inspection is None or explanation is None:
            self.bars.show_probabilities(None, None)
        else:
            scores = tuple(float(score) for score in explanation.probabilities)
            self.bars.show_probabilities(scores, inspection.threshold)
        self._show_activation()
        self._show_layer_names()
        self._show_layer()

    def _show_headline(self) -> None:
        if self._inspection is None:
            self._headline.setText("–")
            set_tone(self._headline, "muted")
            self._note.setText("")
            return
        text, tone = verdict_text(self._inspection)
        self._headline.setText(text)
        set_tone(self._headline, tone)
        text, tone = judgement_note(self._inspection)
        self._note.setText(text)
        set_tone(self._note, tone)

    def _show_activation(self) -> None:
        shown = self.shown_class
        self.bars.show_chosen(shown)
        explanation = self._inspection.explanation if self._inspection is not None else None
        if explanation is None or shown is None:
            self.pair.show_pictures(None, None)
            return
        seen = self._seen()
        left = picture_of_map(seen, "viridis")
        if explanation.class_maps is None:
            self.pair.show_captions("model input", _NO_MAP)
            self.pair.show_pictures(left, None)
            return
        self.pair.show_captions("network input", f"why {FrameClass(shown).label}")
        self.pair.show_pictures(left, picture_with_activation(seen, explanation.class_maps[shown]))

    def _seen(self) -> np.ndarray:
        """The model's first input channel, NaN where masked if it is on the frame's own grid."""
        assert self._inspection is not None
        assert self._inspection.explanation is not None
        channel = self._inspection.explanation.network_input[0]
        if channel.shape != self._inspection.valid.shape:
            return channel
        return np.where(self._inspection.valid, channel, np.nan)

    def _show_layer_names(self) -> None:
        explanation = self._inspection.explanation if self._inspection is not None else None
        if explanation is not None:  # else as it was: the next frame most likely has layers again
            self._layers.setVisible(bool(explanation.layers))
            self.tiles.setVisible(bool(explanation.layers))
            self._no_layers.setVisible(not explanation.layers)
        names = []
        for layer in explanation.layers if explanation is not None else ():
            count, height, width = layer.maps.shape
            names.append(f"{layer.name} · {count} maps of {height} × {width}")
        if names == [self._layers.itemText(n) for n in range(self._layers.count())]:
            return
        with QSignalBlocker(self._layers):
            self._layers.clear()
            self._layers.addItems(names)
            if names:
                self._layer = max(-len(names), min(len(names) - 1, self._layer))
                self._layers.setCurrentIndex(self._layer % len(names))
        self._layers.setEnabled(bool(names))

    def _show_layer(self) -> None:
        explanation = self._inspection.explanation if self._inspection is not None else None
        if explanation is None or not explanation.layers:
            self.tiles.show_maps(np.zeros((0, 1, 1), np.float32))
            return
        self.tiles.show_maps(explanation.layers[self._layer].maps)

    def _choose_class(self, frame_class: int) -> None:
        """A second click on the same class follows the likeliest again."""
        again = frame_class == self._chosen_class
        self._chosen_class = _FOLLOW_LIKELIEST if again else frame_class
        self._show_activation()
        self.activation_class_changed.emit(self._chosen_class)

    def _choose_layer(self, index: int) -> None:
        self._layer = index
        self._show_layer()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Use the room there is."""
        super().resizeEvent(event)
        low = self.height() < _LOW_PANEL * self.width()
        self._place_parts(low)
        margins = 12
        full = self.pair.full_height(self.width() - margins)
        self.pair.setMaximumHeight(_UNLIMITED_PX if low else full)  # no more than it fills
