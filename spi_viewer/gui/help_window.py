"""The guide: the Markdown pages of resources/guide, a list of them on the left."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtCore import Qt, QUrl
from PyQt5.QtGui import QDesktopServices
from PyQt5.QtWidgets import QHBoxLayout, QListWidget, QTextBrowser, QWidget

from spi_viewer import paths


class HelpWindow(QWidget):
    """Shows the guide's pages; links between pages work, others open in the web browser."""

    def __init__(self, guide: Path | None = None) -> None:
        super().__init__()
        self.setWindowTitle("SPI Viewer: guide")
        self._pages = _pages_in_order(guide or paths.resources_dir() / "guide")
        self.list = QListWidget()
        self.browser = QTextBrowser()
        self.browser.setOpenLinks(False)
        self.browser.document().setDocumentMargin(18)
        self.browser.anchorClicked.connect(self._follow_link)
        self.list.addItems([_title(page) for page in self._pages])
        self.list.currentRowChanged.connect(self._show_page)
        self.list.setWordWrap(True)  # no title is cut off, however narrow the window
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        row = QHBoxLayout(self)
        row.addWidget(self.list, 2)
        row.addWidget(self.browser, 5)
        self.resize(130 * self.fontMetrics().averageCharWidth(), 40 * self.fontMetrics().height())
        if self._pages:
            self.list.setCurrentRow(0)
        else:
            self.browser.setPlainText("The guide is not installed.")

    def _show_page(self, number: int) -> None:
        if 0 <= number < len(self._pages):
            page = self._pages[number]
            self.browser.setSearchPaths([str(page.parent)])
            self.browser.setMarkdown(page.read_text(encoding="utf-8"))

    def _follow_link(self, url: QUrl) -> None:
        names = [page.name for page in self._pages]
        if url.fileName() in names:
            self.list.setCurrentRow(names.index(url.fileName()))
        elif url.scheme() in ("http", "https"):
            QDesktopServices.openUrl(url)


def _pages_in_order(guide: Path) -> list[Path]:
    """The index first, then the pages in the order in which it names them, then the others."""
    pages = sorted(guide.glob("*.md"))
    index = guide / "index.md"
    text = index.read_text(encoding="utf-8") if index in pages else ""

    def place(page: Path) -> tuple[bool, int]:
        found = text.find(page.name)
        return (page != index, found if found >= 0 else len(text))

    return sorted(pages, key=place)


def _title(page: Path) -> str:
    """The page's first heading, without a number that only orders the files."""
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            return line.lstrip("#").strip()
    return page.stem
