from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from spi_viewer.evaluation.drawing import Palette
from spi_viewer.evaluation.families import families_part
from spi_viewer.evaluation.poster import poster_part
from spi_viewer.evaluation.report import Part
from spi_viewer.evaluation.speed import Speed

SPEEDS = [Speed("toy", "CPU", 100.0, 90.0, 110.0)]


def rows_of(part: Part, name: str) -> list[dict[str, str]]:
    table = next(table for table in part.tables if table.name == name)
    return list(csv.DictReader(io.StringIO(table.csv())))


@pytest.fixture
def part(toy_model, many_answers) -> Part:
    model = toy_model("toy", families=["sphere", "rod"])
    return families_part([model], [many_answers], Palette(["toy"]))


def test_a_row_for_each_family_bright_and_all(part: Part) -> None:
    rows = rows_of(part, "families")
    assert len(rows) == 8
    learned = {row["family"]: row["learned_from"] for row in rows}
    assert learned == {"sphere": "yes", "rod": "yes", "soccer": "no", "torus": "no"}
    for row in rows:
        strict = float(row["good_called_bad_at_0.5_%_bad_called_good"])
        assert strict >= float(row["good_called_bad_at_1_%_bad_called_good"])


def test_the_rates_are_of_the_familys_own_frames(part: Part, many_answers) -> None:
    row = next(
        r for r in rows_of(part, "families") if r["family"] == "rod" and r["frames"] == "all"
    )
    rods = many_answers.family == "rod"
    good = rods & many_answers.is_good
    assert int(row["good"]) == good.sum()
    lost = (~many_answers.called_good[good]).mean()
    assert float(row["good_called_bad"]) == pytest.approx(lost, abs=1e-6)
    several = rods & (many_answers.frame_class == 1)
    let_in = many_answers.called_good[several].mean()
    assert float(row["several_called_good"]) == pytest.approx(let_in, abs=1e-6)


def test_families_not_learned_from_have_their_mean_and_worst(part: Part) -> None:
    (row,) = rows_of(part, "families_not_learned")
    assert row["families"] == "soccer, torus"
    column = "good_called_bad_at_0.5_%_bad_called_good"
    rates = {
        r["family"]: float(r[column])
        for r in rows_of(part, "families")
        if r["learned_from"] == "no" and r["frames"] != "all"
    }
    assert float(row[f"mean_of_{column}"]) == pytest.approx(np.mean([*rates.values()]), abs=1e-5)
    assert rates[row["worst_family"]] == max(rates.values())


def test_stars_mark_them_for_the_reader(part: Part) -> None:
    lines = part.tables[0].markdown().splitlines()
    marked = {line.split("|")[1].strip() for line in lines if line.endswith("* |")}
    assert marked == {"soccer", "torus"}


def test_a_card_that_says_nothing_marks_nothing(toy_model, many_answers) -> None:
    part = families_part([toy_model("toy")], [many_answers], Palette(["toy"]))
    assert "* |" not in part.tables[0].markdown()
    assert [table.name for table in part.tables] == ["families"]


def test_the_posters_tables_have_its_figures_and_ours(toy_model, many_answers) -> None:
    model = toy_model("toy", data="simulated", families=["sphere"])
    part = poster_part([model], [many_answers], {"r0173.cxi": [many_answers]}, SPEEDS)
    accuracy = rows_of(part, "poster_accuracy")
    assert {(r["training_set"], r["test_set"], r["accuracy"]) for r in accuracy[:4]} == {
        ("Sim", "Sim", "0.998"),
        ("Exp", "Exp", "0.946"),
        ("Exp", "Exp", "0.986"),
        ("Sim", "Exp", "0.62"),
    }
    ours = [(r["training_set"], r["test_set"], r["frames"]) for r in accuracy[4:]]
    assert ours[1:] == [("Sim", "Sim", "all"), ("Sim", "Exp", "r0173.cxi")]
    robust = rows_of(part, "poster_robustness")
    assert [r["soccer"] for r in robust[:2]] == ["0.587", "0"]
    assert robust[2]["icosahedron"] == ""  # there are none in the set
    assert float(robust[2]["torus_low"]) <= float(robust[2]["torus"])
    speed = rows_of(part, "poster_speed")
    assert [float(r["frames/s"]) for r in speed] == pytest.approx([48.09, 233.3, 100], rel=1e-3)


def test_without_labelled_runs_the_poster_part_says_so(toy_model, many_answers) -> None:
    part = poster_part([toy_model("toy")], [many_answers], {}, SPEEDS)
    assert "--data" in part.text


def test_families_held_out_on_purpose_have_their_mean_and_worst(toy_model, many_answers) -> None:
    models = [
        toy_model(f"without-{name}", families=["sphere"], held_out_families=[name, "cube"])
        for name in ("rod", "torus")
    ]
    part = families_part(models, [many_answers] * 2, Palette(["a", "b"]))
    *each, mean, worst = rows_of(part, "leave_one_family_out")
    assert [row["held_out"] for row in each] == ["rod", "torus"]
    lost = [float(row["good_called_bad"]) for row in each]
    bright = many_answers.select(many_answers.is_bright)
    rods = bright.select((bright.family == "rod") & bright.is_good)
    assert lost[0] == pytest.approx((~rods.called_good).mean(), abs=1e-6)
    assert float(mean["good_called_bad"]) == pytest.approx(np.mean(lost), abs=1e-6)
    assert float(worst["good_called_bad"]) == max(lost)
    others = bright.frame_class >= 2
    bad = (bright.family == "rod") & ~bright.is_good | others
    let_in = bright.called_good[bad].mean()
    assert float(each[0]["bad_called_good"]) == pytest.approx(let_in, abs=1e-6)
