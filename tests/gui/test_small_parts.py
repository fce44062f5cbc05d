from __future__ import annotations

import math
from pathlib import Path

import pytest
from PyQt5.QtCore import QUrl
from PyQt5.QtWidgets import QApplication
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from spi_viewer.gui import recent_files
from spi_viewer.gui.actions import ACTION_SPECS
from spi_viewer.gui.elided_label import ElidedLabel
from spi_viewer.gui.help_window import HelpWindow
from spi_viewer.gui.run_model import ALL_RUNS, RunModel
from spi_viewer.gui.settings_dialog import SettingsDialog
from spi_viewer.gui.texts import (
    format_age,
    format_count,
    format_half_width,
    format_interval,
    format_percent,
)
from spi_viewer.gui.theme import THEMES, theme_of, theme_palette
from spi_viewer.session.session import Counts, RunState, RunSummary
from spi_viewer.settings import Settings


def _runs(count: int, good: int = 5) -> list[RunSummary]:
    counts = Counts(
        frames=50, good=good, bad=45, hit_rate=0.1, hit_rate_low=0.05, hit_rate_high=0.2
    )
    return [
        RunSummary(n, f"r{n:04}", f"/data/r{n:04}", "file", RunState.DONE, "", counts)
        for n in range(count)
    ]


def test_the_run_model_keeps_the_rules_of_models(qtmodeltester: ModelTester) -> None:
    model = RunModel()
    model.set_runs(_runs(3), Counts(frames=150))
    qtmodeltester.check(model)


def test_the_newest_run_stands_first_under_all_runs() -> None:
    model = RunModel()
    model.set_runs(_runs(3), Counts(frames=150))
    assert [model.run_at(row).run for row in range(4)] == [ALL_RUNS, 2, 1, 0]


def test_a_single_run_needs_no_row_for_all() -> None:
    model = RunModel()
    model.set_runs(_runs(1), Counts(frames=50))
    assert model.rowCount() == 1


def test_new_figures_do_not_reset_the_model(qtbot: QtBot) -> None:
    model = RunModel()
    model.set_runs(_runs(3))
    with qtbot.assertNotEmitted(model.modelReset), qtbot.waitSignal(model.dataChanged):
        model.set_runs(_runs(3, good=6))


def test_a_refused_run_says_so_instead_of_numbers() -> None:
    model = RunModel()
    refused = RunSummary(0, "torn", "/data/torn", "file", RunState.FAILED, "cut short", Counts())
    model.set_runs([refused])
    texts = [model.data(model.index(0, column)) for column in range(4)]
    assert texts == ["⚠ torn", "–", "–", "refused"]
    assert "cut short" in model.data(model.index(0, 0), role=3)  # Qt.ToolTipRole


@pytest.mark.parametrize("name", THEMES)
def test_a_theme_is_known_by_its_palette(qapp: QApplication, name: str) -> None:
    assert theme_of(theme_palette(THEMES[name])) is THEMES[name]


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("colour", ["text", "muted", "good", "bad", "unsure", "accent"])
def test_every_text_colour_is_legible_on_every_ground(theme, colour: str) -> None:
    # WCAG 2.1: contrast of at least 4.5 for text
    for ground in ("window", "panel"):
        assert _contrast(getattr(theme, colour), getattr(theme, ground)) >= 4.5


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance of sRGB (WCAG 2.1)."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_numbers_read_well() -> None:
    assert format_count(44019) == "44\u202f019"
    assert format_percent(0.109) == "10.9\u202f%"
    assert format_percent(math.nan) == "–"
    assert format_half_width(0.106, 0.112) == "±\u202f0.3\u202f%"
    assert format_interval(0.109, 0.106, 0.112) == "±\u202f0.3\u202f%"
    assert format_interval(0.5, 0.3, 0.7) == "±\u202f20\u202f%"
    assert format_interval(0.0, 0.0, 0.02) == "0.0–2.0\u202f%"
    assert format_interval(0.047, 0.013, 0.155) == "1–16\u202f%"
    assert [format_age(s) for s in (None, 0.31, 42, 75, 7300)] == [
        "–", "0.3 s", "42 s", "1 min", "2 h",
    ]  # fmt: skip


def test_a_long_text_is_cut_instead_of_widening_the_window(qtbot: QtBot) -> None:
    label = ElidedLabel("x" * 500)
    qtbot.addWidget(label)
    label.resize(100, 20)
    label.show()
    assert label.minimumSizeHint().width() < 100
    assert label.shown_text().endswith("…")


def test_action_names_and_keys_are_unique() -> None:
    names = [spec.name for spec in ACTION_SPECS]
    keys = [key for spec in ACTION_SPECS for key in spec.keys]
    assert len(set(names)) == len(names)
    assert len(set(keys)) == len(keys)


def test_recent_files_keep_the_newest_ten_without_repetition() -> None:
    for number in [*range(15), 3]:
        recent_files.remember(f"/data/run{number}")
    recent = recent_files.load_recent()
    assert recent[:2] == ["/data/run3", "/data/run14"]
    assert len(recent) == len(set(recent)) == 10


@pytest.mark.parametrize("text", ["", "{", '{"a": 1}', "[1, 2]"])
def test_broken_recent_files_are_forgotten(text: str) -> None:
    recent_files.recent_path().write_text(text)
    assert recent_files.load_recent() == []


def test_the_settings_dialog_edits_a_copy(qtbot: QtBot) -> None:
    settings = Settings()
    dialog = SettingsDialog(settings, ("resnet10", "resnet18"))
    qtbot.addWidget(dialog)
    dialog.theme.setCurrentText("light")
    dialog.read_timeout.setValue(5)
    assert settings.theme == "dark"
    assert (dialog.settings().theme, dialog.settings().read_timeout_s) == ("light", 5.0)


def test_the_guide_shows_its_pages_and_follows_links_between_them(
    qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "index.md").write_text("# First\n\n[The last](zz.md), [the other](a-other.md).")
    (tmp_path / "a-other.md").write_text("# Other\n\nHere.")
    (tmp_path / "zz.md").write_text("# Last\n")
    window = HelpWindow(tmp_path)
    qtbot.addWidget(window)
    assert [window.list.item(n).text() for n in range(3)] == ["First", "Last", "Other"]
    window.browser.anchorClicked.emit(QUrl("a-other.md"))
    assert "Here." in window.browser.toPlainText()


def test_a_missing_guide_is_said(qtbot: QtBot, tmp_path: Path) -> None:
    window = HelpWindow(tmp_path / "none")
    qtbot.addWidget(window)
    assert "not installed" in window.browser.toPlainText()
