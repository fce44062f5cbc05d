from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import spi_viewer as package
import spi_viewer.evaluation.evaluation  # its fonts are listed once, not in a test
from spi_viewer.evaluation import answers, fixed_rate, speed
from spi_viewer.networks import intervals


@pytest.fixture
def evaluate(spi_viewer, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """evaluate(*options): a small evaluation of a model that was trained on nothing."""
    monkeypatch.setattr(speed, "_ROUNDS", 1)
    for module in (intervals, fixed_rate):
        monkeypatch.setattr(module, "RESAMPLES", 10)

    def run(*options: object):
        small = ["--model", model, "--frames", 64, "--family", "sphere", "--device", "cpu"]
        return spi_viewer("evaluate", "-o", tmp_path / "report", *small, *options)

    return run


def report_of(tmp_path: Path) -> str:
    return (tmp_path / "report" / "report.md").read_text()


def test_a_report_says_how_it_is_made_again(evaluate, tmp_path: Path) -> None:
    outcome = evaluate("--seed", 3)
    assert outcome.exit_code == 0
    assert str(tmp_path / "report" / "report.md") in outcome.out
    text = report_of(tmp_path)
    assert text.startswith("# Evaluation\n")
    assert "spi-viewer evaluate -o" in text
    assert "--seed 3" in text
    assert package.__version__ in text
    assert "seed 3000000022" in text
    assert (tmp_path / "report" / "tables" / "accuracy.csv").is_file()
    assert (tmp_path / "report" / "figures" / "operating_curves.png").is_file()


def test_a_finished_report_is_replaced_only_by_force(evaluate, tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.md").write_text("# Evaluation\n")
    refused = evaluate("--seed", 5)
    assert refused.exit_code == 1
    assert "--force" in refused.err
    assert report_of(tmp_path) == "# Evaluation\n"
    assert evaluate("--seed", 5, "--force").exit_code == 0
    assert "--seed 5" in report_of(tmp_path)


def test_control_c_leaves_a_readable_report(
    evaluate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(answers, "_judge", interrupt)
    outcome = evaluate()
    assert outcome.exit_code == 130
    text = report_of(tmp_path)
    assert "unfinished" in text
    assert "stopped while judging" in text
    assert "## Models" in text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--family", "cube"), "icosahedron"),
        (("--detector", "film"), "agipd"),
        (("--model", "nowhere"), "bundled are"),
        (("--device", "toaster"), "auto, cpu or cuda"),
    ],
)
def test_what_does_not_exist_is_refused_before_anything_is_written(
    evaluate, tmp_path: Path, options: tuple[str, str], told: str
) -> None:
    outcome = evaluate(*options)
    assert outcome.exit_code == 1
    assert options[1] in outcome.err
    assert told in outcome.err
    assert not (tmp_path / "report").exists()


def test_labelled_runs_have_a_part_of_their_own(evaluate, write_run, tmp_path: Path) -> None:
    run = write_run("r0173.cxi", labels__class=np.array([1, 2, 0, 9, 1, 2, 0, 9, 1, 1], np.int8))
    names = "0=non-sample,1=single,2=multi,9=blank"
    assert evaluate("--data", run, "--label-names", names).exit_code == 0
    text = report_of(tmp_path)
    assert "## Measured run: r0173.cxi" in text
    assert "10 labelled frames of 10 events" in text
    assert "| Exp | r0173.cxi | 10 |" in text


def test_a_run_without_labels_is_refused_with_the_way_out(
    evaluate, write_run, tmp_path: Path
) -> None:
    outcome = evaluate("--data", write_run("r0173.cxi"))
    assert outcome.exit_code == 1
    assert "r0173.cxi" in outcome.err
    assert "--labels" in outcome.err
    assert not (tmp_path / "report").exists()


def test_labels_without_runs_are_wrong_usage(evaluate, tmp_path: Path) -> None:
    outcome = evaluate("--labels", tmp_path / "labels.csv")
    assert outcome.exit_code == 2
    assert "--data" in outcome.err
