"""The folder that an evaluation writes: report.md with all of it, tables/ and figures/.

Part after part: each is complete on disk, and in the index, before the next one begins.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from spi_viewer.errors import EvaluationError
from spi_viewer.evaluation.table import Table
from spi_viewer.networks.model_folder import write_aside

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INDEX_NAME = "report.md"
TABLES, FIGURES = "tables", "figures"
_UNFINISHED = "# Evaluation (unfinished)"
_LINK = re.compile(rf"\]\(((?:{TABLES}|{FIGURES})/[^)/]+)\)")
_DPI = 150


@dataclass
class Illustration:
    """A figure, the name of its file without suffix, and what it shows."""

    name: str
    caption: str
    figure: Figure


@dataclass
class Part:
    """One piece of the report: text, tables and figures on one subject.

    Attributes:
        attached: tables too long to be shown; their CSV is linked.
    """

    title: str
    text: str = ""
    tables: Sequence[Table] = ()
    figures: Sequence[Illustration] = ()
    attached: Sequence[Table] = ()


@dataclass
class Report:
    """Writes a report folder; open it with `begin`.

    Attributes:
        conditions: lines that say how the figures came about.
        missing: what could not be done, and why.
    """

    folder: Path
    conditions: list[str]
    missing: list[str] = field(default_factory=list)
    _parts: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, folder: Path, conditions: list[str], overwrite: bool = False) -> Report:
        """Make the folder; an unfinished report in it is begun again, models in it stay.

        Raises EvaluationError if it holds a finished report, or tables and figures that are no
        report's, unless `overwrite`; or if it cannot be written.
        """
        check_free(folder, overwrite)
        report = cls(folder, conditions)
        with _named_errors(folder):
            for name in (TABLES, FIGURES):
                (folder / name).mkdir(parents=True, exist_ok=True)
            for path in _listed(folder):
                path.unlink(missing_ok=True)
        report._write_index(finished=False)
        return report

    def add(self, part: Part, at: int | None = None) -> None:
        """Write a part, last or in the place `at`; raises EvaluationError if the disk refuses."""
        with _named_errors(self.folder):
            for table in part.tables:
                base = self.folder / TABLES / table.name
                write_aside(base.with_name(f"{table.name}.csv"), table.csv().encode())
                write_aside(base.with_name(f"{table.name}.md"), table.markdown().encode())
            for table in part.attached:
                path = self.folder / TABLES / f"{table.name}.csv"
                write_aside(path, table.csv().encode())
            for illustration in part.figures:
                _write_figure(self.folder / FIGURES / f"{illustration.name}.png", illustration)
        self._parts.insert(len(self._parts) if at is None else at, _section(part))
        self._write_index(finished=False)

    def stop(self, reason: str) -> None:
        """Say why it is unfinished; what was added stays."""
        self.missing.insert(0, reason)
        self._write_index(finished=False)

    def finish(self) -> None:
        """Say that nothing more will come."""
        self._write_index(finished=True)

    def _write_index(self, finished: bool) -> None:
        lines = ["# Evaluation" if finished else _UNFINISHED, ""]
        lines += [f"- {line}" for line in self.conditions]
        if self.missing:
            lines += ["", "## Missing", ""] + [f"- {line}" for line in self.missing]
        text = "\n".join(lines) + "\n\n" + "\n".join(self._parts)
        with _named_errors(self.folder):
            write_aside(self.folder / INDEX_NAME, text.encode())


def check_free(folder: Path, overwrite: bool) -> None:
    """Raise EvaluationError if a report must not be written into the folder."""
    if folder.exists() and not folder.is_dir():
        raise EvaluationError(f"{folder}: is not a folder; choose another name")
    index = folder / INDEX_NAME
    if overwrite or _is_unfinished(index):
        return
    for taken in (index, folder / TABLES, folder / FIGURES):
        if taken.exists():
            raise EvaluationError(
                f"{folder}: holds {taken.name} already; choose another folder or give --force"
            )


def _is_unfinished(index: Path) -> bool:
    try:
        with index.open(encoding="utf-8", errors="replace") as file:
            return file.readline().rstrip() == _UNFINISHED
    except OSError:
        return False


def _listed(folder: Path) -> list[Path]:
    """Tables and figures of the report that is there; other files are none of ours."""
    try:
        text = (folder / INDEX_NAME).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return [folder / link for link in _LINK.findall(text)]


def file_name(name: str) -> str:
    """A name of anything, fit for a file."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)


def _section(part: Part) -> str:
    lines = [f"## {part.title}", ""]
    if part.text:
        lines += [part.text, ""]
    for table in part.tables:
        links = ", ".join(f"[{kind}]({TABLES}/{table.name}.{kind})" for kind in ("csv", "md"))
        lines += [table.markdown(), f"({links})", ""]
    for table in part.attached:
        lines += [f"{table.title}: [csv]({TABLES}/{table.name}.csv)", ""]
    for shown in part.figures:
        lines += [f"![{shown.name}]({FIGURES}/{shown.name}.png)", "", shown.caption, ""]
    return "\n".join(lines)


def _write_figure(path: Path, illustration: Illustration) -> None:
    content = io.BytesIO()
    illustration.figure.savefig(content, format="png", dpi=_DPI)
    write_aside(path, content.getvalue())


@contextlib.contextmanager
def _named_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise EvaluationError(f"{folder}: the report cannot be written ({reason})") from error
