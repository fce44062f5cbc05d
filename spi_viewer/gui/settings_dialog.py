"""The few things that a user may want otherwise."""

from __future__ import annotations

from dataclasses import replace

from PyQt5.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from spi_viewer.gui.theme import THEMES, set_tone
from spi_viewer.settings import Settings


class SettingsDialog(QDialog):
    """Edits a copy of the settings; `settings()` gives it after acceptance."""

    def __init__(
        self, settings: Settings, models: tuple[str, ...], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Settings")
        self._settings = settings
        self.theme = QComboBox()
        self.theme.addItems(list(THEMES))
        self.theme.setCurrentText(settings.theme)
        self.model = QComboBox()
        self.model.setEditable(True)
        self.model.addItems(list(dict.fromkeys((*models, settings.model))))
        self.model.setCurrentText(settings.model)
        self.model.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed)
        self.browse = QPushButton("Folder…")
        self.browse.setToolTip("A model folder of your own")
        self.browse.clicked.connect(self._choose_folder)
        self.read_timeout = QDoubleSpinBox()
        self.read_timeout.setRange(1.0, 600.0)
        self.read_timeout.setSuffix(" s")
        self.read_timeout.setDecimals(0)
        self.read_timeout.setValue(settings.read_timeout_s)
        self.thumbnail_size = QSpinBox()
        self.thumbnail_size.setRange(48, 256)
        self.thumbnail_size.setSingleStep(16)
        self.thumbnail_size.setSuffix(" px")
        self.thumbnail_size.setValue(settings.thumbnail_size_px)
        self._lay_out()

    def settings(self) -> Settings:
        """The settings as edited."""
        return replace(
            self._settings,
            theme=self.theme.currentText(),
            model=self.model.currentText().strip() or self._settings.model,
            read_timeout_s=self.read_timeout.value(),
            thumbnail_size_px=self.thumbnail_size.value(),
        )

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Model folder", self.model.currentText())
        if chosen:
            self.model.setCurrentText(chosen)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("Theme", self.theme)
        form.addRow("Thumbnails", self.thumbnail_size)
        model = QHBoxLayout()
        model.addWidget(self.model, 1)
        model.addWidget(self.browse)
        form.addRow("Model", model)
        form.addRow("Give a file up after", self.read_timeout)
        note = QLabel(
            "Another model is loaded at once and judges the frames that come from then on, by its\n"
            "own threshold; frames judged before keep their scores (Frame info says whose they\n"
            "are) until Ctrl+J has them judged again."
        )
        set_tone(note, "muted")
        buttons = QDialogButtonBox(QDialogButtonBox.Ok | QDialogButtonBox.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addLayout(form)
        column.addWidget(note)
        column.addWidget(buttons)
