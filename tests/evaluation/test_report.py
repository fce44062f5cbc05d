from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from spi_viewer.errors import EvaluationError
from spi_viewer.evaluation.report import Illustration, Part, Report, file_name
from spi_viewer.evaluation.table import Table


@pytest.fixture
def part() -> Part:
    table = Table("rates", "Rates", ["model", "frames"], [["a", 3]])
    long_table = Table("answers", "Every answer", ["frame"], [[1], [2]])
    figure = Illustration("curve", "What the curve is.", Figure((2, 2)))
    return Part("Rates of all", "Said before.", [table], [figure], [long_table])


def text_of(folder: Path) -> str:
    return (folder / "report.md").read_text()


def test_everything_is_on_disk_before_the_next_part_begins(tmp_path: Path, part: Part) -> None:
    report = Report.begin(tmp_path / "r", ["Command: `x`"])
    report.add(part)
    text = text_of(tmp_path / "r")
    assert text.startswith("# Evaluation (unfinished)\n\n- Command: `x`")
    assert "## Rates of all" in text
    assert "| a | 3 |" in text
    for link in ("tables/rates.csv", "tables/rates.md", "tables/answers.csv", "figures/curve.png"):
        assert f"({link})" in text
        assert (tmp_path / "r" / link).stat().st_size > 0
    assert (tmp_path / "r/figures/curve.png").read_bytes().startswith(b"\x89PNG")
    report.finish()
    assert text_of(tmp_path / "r").startswith("# Evaluation\n")


def test_a_part_may_be_put_before_others(tmp_path: Path) -> None:
    report = Report.begin(tmp_path / "r", [])
    report.add(Part("Second"))
    report.add(Part("First"), at=0)
    text = text_of(tmp_path / "r")
    assert text.index("## First") < text.index("## Second")


def test_a_finished_report_is_replaced_only_when_asked(tmp_path: Path, part: Part) -> None:
    folder = tmp_path / "r"
    report = Report.begin(folder, ["first"])
    report.add(part)
    report.finish()
    with pytest.raises(EvaluationError, match=r"r: holds report\.md already.*--force"):
        Report.begin(folder, ["second"])
    assert "first" in text_of(folder)
    Report.begin(folder, ["second"], overwrite=True).finish()
    assert "second" in text_of(folder)
    assert not list((folder / "figures").iterdir())


def test_an_unfinished_report_is_begun_again_and_other_files_stay(
    tmp_path: Path, part: Part
) -> None:
    folder = tmp_path / "r"
    Report.begin(folder, []).add(part)
    (folder / "figures/mine.png").write_bytes(b"mine")
    (folder / "notes.txt").write_text("mine")
    Report.begin(folder, [])
    assert [path.name for path in (folder / "figures").iterdir()] == ["mine.png"]
    assert (folder / "notes.txt").read_text() == "mine"


def test_folders_of_something_else_are_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    with pytest.raises(EvaluationError, match="holds tables already"):
        Report.begin(tmp_path, [])
    (tmp_path / "file").write_text("")
    with pytest.raises(EvaluationError, match="is not a folder"):
        Report.begin(tmp_path / "file", [])


def test_a_stopped_report_says_why_and_keeps_what_it_has(tmp_path: Path, part: Part) -> None:
    report = Report.begin(tmp_path / "r", [])
    report.add(part)
    report.stop("It was stopped while judging.")
    text = text_of(tmp_path / "r")
    assert text.startswith("# Evaluation (unfinished)")
    assert "- It was stopped while judging." in text
    assert "## Rates of all" in text


def test_a_disk_that_refuses_is_named(tmp_path: Path, part: Part) -> None:
    report = Report.begin(tmp_path / "r", [])
    (tmp_path / "r/tables").rmdir()
    (tmp_path / "r/tables").write_text("in the way")
    with pytest.raises(EvaluationError, match="r: the report cannot be written"):
        report.add(part)


def test_any_name_makes_a_file_name() -> None:
    assert file_name("r0173/../run 5 (α).cxi") == "r0173____run_5__α__cxi"
