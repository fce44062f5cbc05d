"""The windows beside the window: export, adaptation, settings, keys, guide, about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QAction, QMessageBox, QWidget

from spi_viewer import __version__
from spi_viewer.frames import OperatorLabel
from spi_viewer.gui.actions import GESTURES, Actions
from spi_viewer.gui.adapt_dialog import AdaptDialog
from spi_viewer.gui.export_dialog import ExportDialog, ExportFrames
from spi_viewer.gui.export_form import ExportForm, Rows
from spi_viewer.gui.help_window import HelpWindow
from spi_viewer.gui.keys_dialog import KeysDialog
from spi_viewer.gui.model_choice import ModelChoice
from spi_viewer.gui.settings_dialog import SettingsDialog
from spi_viewer.gui.thumbnail_grid import ThumbnailGrid
from spi_viewer.session.session import ExportPolicy

if TYPE_CHECKING:
    from spi_viewer.gui.session_adaptation import SessionAdaptation
    from spi_viewer.session.session import Session
    from spi_viewer.settings import Settings


class Dialogs:
    """Opens each dialog once and closes with the window.

    Args:
        parent: the window that they belong to.
        export_frames: see ExportDialog.
        adaptation: adapts the model to a run.
        models: what there is to judge with.
    """

    def __init__(
        self,
        parent: QWidget,
        session: Session,
        settings: Settings,
        export_frames: ExportFrames,
        adaptation: SessionAdaptation,
        models: ModelChoice,
    ) -> None:
        self._parent, self._session, self._settings = parent, session, settings
        self._export_frames, self._adaptation, self._models = export_frames, adaptation, models
        self._export_dialog: ExportDialog | None = None
        self._adapt_dialog: AdaptDialog | None = None
        self._help: HelpWindow | None = None

    @property
    def export_dialog(self) -> ExportDialog | None:
        """The export dialog while it is open."""
        return self._export_dialog

    def export(self, run: int | None, grid: ThumbnailGrid) -> None:
        """Offer a run's frames (None: all), or the grid's selection; or raise the open dialog."""
        if self._export_dialog is None:
            name = "all runs" if run is None else self._session.runs()[run].name

            def rows_of(policy: str) -> Rows:
                if policy == "selection":
                    return np.asarray(grid.selected_rows(), np.int64)
                return self._session.decided_rows(ExportPolicy(policy), run)

            def unsure_of(rows: Rows) -> int:
                undecided = self._session.labels(rows) == OperatorLabel.NONE
                return int((self._session.unsure(rows) & undecided).sum())

            form = ExportForm(rows_of, unsure_of, self._export_directory())
            dialog = ExportDialog(form, self._export_frames, self._parent)
            dialog.setWindowTitle(f"Export frames of {name}")
            dialog.finished.connect(self._forget_export)
            self._export_dialog = dialog
        if len(grid.selected_rows()) > 1:
            self._export_dialog.form.choose("selection")
        self._export_dialog.show()
        self._export_dialog.raise_()

    def _export_directory(self) -> str:
        """Where the last files lay, but no directory that is watched for runs."""
        directory = Path(self._settings.last_directory or Path.home())
        watched = {Path(run.path) for run in self._session.runs() if run.kind == "watch"}
        return str(directory.parent if directory in watched else directory)

    def adapt(self, run: int | None, use: Callable[[str], None]) -> None:
        """Offer to adapt the model to a run (None: all), and to `use` it; or raise the dialog."""
        if self._adapt_dialog is None:
            name = "all runs" if run is None else self._session.runs()[run].name
            model = Path(self._models.asked).name
            dialog = AdaptDialog(
                model,
                self._adaptation.free_folder(f"{model}-{Path(name).stem}".replace(" ", "-")),
                partial(self._adaptation.label_counts, run),
                partial(self._adaptation.adapt, self._models.asked, run),
                self._parent,
            )
            dialog.setWindowTitle(f"Adapt {model} to {name}")
            dialog.model_chosen.connect(use)
            dialog.finished.connect(self._forget_adapt)
            self._adapt_dialog = dialog
        self._adapt_dialog.show()
        self._adapt_dialog.raise_()

    def edit_settings(self, use: Callable[[Settings], None]) -> None:
        """Ask for other settings and have them used."""
        shown = replace(self._settings, model=self._models.asked)
        dialog = SettingsDialog(shown, self._models.bundled, self._parent)
        dialog.setAttribute(Qt.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: use(dialog.settings()))
        dialog.open()

    def show_keys(self, actions: Actions, views: Mapping[str, QWidget]) -> None:
        """List all keys: of the menus, then of the views under these headings."""
        groups = actions.by_menu()
        for title, view in views.items():
            groups[title] = list(dict.fromkeys(view.findChildren(QAction)))
        dialog = KeysDialog(groups, GESTURES, self._parent)
        dialog.setAttribute(Qt.WA_DeleteOnClose)
        dialog.show()

    def show_guide(self) -> None:
        """Open the guide."""
        if self._help is None:
            self._help = HelpWindow()
        self._help.show()
        self._help.raise_()

    def show_about(self) -> None:
        """Name, version, licence."""
        QMessageBox.about(
            self._parent,
            "SPI Viewer",
            f"<b>SPI Viewer {__version__}</b><p>Judges single-particle-imaging diffraction "
            "patterns while the run is going on.</p><p>GPL-3.0-or-later</p>",
        )

    def close(self) -> None:
        """Close what is open."""
        if self._export_dialog is not None:
            self._export_dialog.close()
        if self._adapt_dialog is not None:
            self._adapt_dialog.close()
        if self._help is not None:
            self._help.close()

    def _forget_export(self) -> None:
        if self._export_dialog is not None:
            self._export_dialog.deleteLater()
            self._export_dialog = None

    def _forget_adapt(self) -> None:
        if self._adapt_dialog is not None:
            self._adapt_dialog.deleteLater()
            self._adapt_dialog = None
