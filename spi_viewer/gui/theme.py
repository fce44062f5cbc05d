"""Dark and light: one palette and one style sheet each, safe for colour-blind eyes."""

from __future__ import annotations

from dataclasses import dataclass
from string import Template

from PyQt5.QtGui import QColor, QFont, QPalette
from PyQt5.QtWidgets import QApplication, QWidget


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours by purpose, as '#rrggbb'.

    Good and bad differ in hue *and* lightness (after Okabe and Ito, jfly.uni-koeln.de/color),
    and the views add a letter or a shape, so that nobody depends on telling red from green.

    Attributes:
        canvas: ground of plots and patterns.
        window, panel, raised: grounds from the back to the front.
    """

    name: str
    canvas: str
    window: str
    panel: str
    raised: str
    hover: str
    border: str
    text: str
    muted: str
    accent: str
    accent_ground: str
    good: str
    bad: str
    unsure: str
    invalid: str


DARK = Theme(
    name="dark",
    canvas="#101317",
    window="#14181d",
    panel="#1c2127",
    raised="#272e36",
    hover="#323b45",
    border="#2c343d",
    text="#e4e8ec",
    muted="#929ca7",
    accent="#5aa9ff",
    accent_ground="#21456e",
    good="#4fc995",
    bad="#f0855f",
    unsure="#ecbb4f",
    invalid="#a6a0b8",
)

LIGHT = Theme(
    name="light",
    canvas="#ffffff",
    window="#e9ecef",
    panel="#f8f9fa",
    raised="#e9edf1",
    hover="#dbe2e9",
    border="#cdd4db",
    text="#1d242b",
    muted="#5d6873",
    accent="#0b63c4",
    accent_ground="#cfe3fa",
    good="#007a55",
    bad="#b8460e",
    unsure="#8a6100",
    invalid="#6b6480",
)

THEMES = {theme.name: theme for theme in (DARK, LIGHT)}

_STYLE = Template("""
QToolTip { color: $text; background: $raised; border: 1px solid $border; padding: 3px; }
QToolBar { background: $window; border: none; padding: 2px 0; spacing: 0; }
QMainWindow::separator { background: $window; width: 6px; height: 6px; }
QMainWindow::separator:hover { background: $accent_ground; }
QDockWidget > QWidget#dock_body, QWidget#panel, QFrame#panel {
    background: $panel; border: 1px solid $border; border-radius: 4px; }
QLabel { background: transparent; }
QLabel[tone="muted"] { color: $muted; }
QLabel[tone="accent"] { color: $accent; }
QLabel[tone="good"] { color: $good; }
QLabel[tone="bad"] { color: $bad; }
QLabel[tone="unsure"] { color: $unsure; }
QPushButton, QToolButton {
    background: $raised; border: 1px solid $border; border-radius: 4px; padding: 4px 10px; }
QToolButton { padding: 3px 8px; }
QPushButton:hover, QToolButton:hover { background: $hover; }
QPushButton:focus, QToolButton:focus { border-color: $accent; }
QPushButton:checked, QToolButton:checked, QPushButton:default {
    background: $accent_ground; border-color: $accent; }
QPushButton:disabled, QToolButton:disabled { color: $muted; background: $panel; }
QToolButton#quiet { background: transparent; border: none; padding: 0 4px; color: $muted; }
QToolButton#quiet:hover { color: $text; }
QPushButton::menu-indicator, QToolButton::menu-indicator { width: 0; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QCheckBox::indicator, QRadioButton::indicator { width: 11px; height: 11px;
    border: 1px solid $muted; background: $canvas; border-radius: 3px; }
QRadioButton::indicator { border-radius: 6px; }
QCheckBox::indicator:checked, QRadioButton::indicator:checked {
    background: $accent; border-color: $accent; }
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled { border-color: $border; }
QLineEdit, QPlainTextEdit { background: $canvas; border: 1px solid $border; border-radius: 4px;
    padding: 3px 6px; }
QLineEdit:focus, QPlainTextEdit:focus { border-color: $accent; }
QAbstractSpinBox QLineEdit, QComboBox QLineEdit { border: none; padding: 0; }
QMenuBar { background: $window; }
QMenuBar::item { padding: 3px 9px; background: transparent; border-radius: 4px; }
QMenuBar::item:selected { background: $hover; }
QMenu { background: $panel; border: 1px solid $border; padding: 4px; }
QMenu::item { padding: 4px 24px; border-radius: 4px; }
QMenu::item:selected { background: $accent_ground; }
QMenu::item:disabled { color: $muted; }
QMenu::separator { height: 1px; background: $border; margin: 4px 8px; }
QTabBar { background: transparent; }
QTabBar::tab { background: transparent; color: $muted; padding: 5px 12px;
    border: none; border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: $text; border-bottom-color: $accent; }
QTabBar::tab:hover { color: $text; }
QTabWidget::pane { border: none; }
QScrollArea { border: none; background: transparent; }
QTableView, QListView, QTreeView, QTextBrowser {
    background: $panel; border: none; selection-background-color: $accent_ground;
    selection-color: $text; alternate-background-color: $raised; outline: none; }
QTableView::item, QListView::item { padding: 2px 4px; border: 0px; background: transparent; }
QTableView::item:selected, QListView::item:selected { background: $accent_ground; color: $text; }
QHeaderView { background: transparent; }
QHeaderView::section { background: transparent; color: $muted; border: none;
    padding: 3px 4px; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $hover; border-radius: 4px; margin: 1px; }
QScrollBar::handle:vertical { min-height: 24px; }
QScrollBar::handle:horizontal { min-width: 24px; }
QScrollBar::handle:hover { background: $muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QProgressBar { background: $raised; border: 1px solid $border; border-radius: 4px;
    text-align: center; min-height: 18px; }
QProgressBar::chunk { background: $accent_ground; border-radius: 3px; }
QStatusBar { background: $window; color: $muted; }
QStatusBar::item { border: none; }
""")


def apply_theme(application: QApplication, name: str) -> Theme:
    """Dress the whole application; an unknown name gives the dark theme."""
    theme = THEMES.get(name, DARK)
    application.setStyle("Fusion")
    application.setPalette(theme_palette(theme))
    application.setStyleSheet(style_sheet(theme))
    return theme


def theme_of(palette: QPalette) -> Theme:
    """The theme that a widget wears, from its palette; for colours that a palette cannot hold.

    Read it again in changeEvent at QEvent.PaletteChange: the user may switch at any time.
    """
    return DARK if palette.color(QPalette.Window).lightness() < 128 else LIGHT


def theme_palette(theme: Theme) -> QPalette:
    """Qt's palette for a theme."""
    palette = QPalette()
    roles = {
        QPalette.Window: theme.window,
        QPalette.WindowText: theme.text,
        QPalette.Base: theme.panel,
        QPalette.AlternateBase: theme.raised,
        QPalette.ToolTipBase: theme.raised,
        QPalette.ToolTipText: theme.text,
        QPalette.Text: theme.text,
        QPalette.PlaceholderText: theme.muted,
        QPalette.Button: theme.raised,
        QPalette.ButtonText: theme.text,
        QPalette.BrightText: theme.bad,
        QPalette.Link: theme.accent,
        QPalette.Highlight: theme.accent_ground,
        QPalette.HighlightedText: theme.text,
        QPalette.Mid: theme.border,
        QPalette.Dark: theme.border,
        QPalette.Light: theme.hover,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (QPalette.WindowText, QPalette.Text, QPalette.ButtonText):
        palette.setColor(QPalette.Disabled, role, QColor(theme.muted))
    return palette


def style_sheet(theme: Theme) -> str:
    """What the palette cannot say: borders, rounding, spacing."""
    names = {name: getattr(theme, name) for name in Theme.__dataclass_fields__}
    return _STYLE.substitute(names)


def set_tone(widget: QWidget, tone: str) -> None:
    """Colour a label by purpose: '', 'muted', 'accent', 'good', 'bad' or 'unsure'."""
    if widget.property("tone") == tone:
        return
    widget.setProperty("tone", tone)
    style = widget.style()
    assert style is not None
    style.unpolish(widget)
    style.polish(widget)


def scaled_font(font: QFont, factor: float, bold: bool = False) -> QFont:
    """The application's font made larger or smaller, in points, so that HiDPI screens agree."""
    scaled = QFont(font)
    scaled.setPointSizeF(max(6.0, font.pointSizeF() * factor))
    scaled.setBold(bold)
    return scaled
