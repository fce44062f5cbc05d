from __future__ import annotations

import csv
import io
import math

from spi_viewer.evaluation.table import Table, percent
from spi_viewer.networks.intervals import UNKNOWN, Estimate, rate


def rows_of(table: Table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.csv())))


def test_an_estimate_takes_three_columns_in_csv() -> None:
    table = Table("t", "T", ["model", "bad called good"], [["a", rate(1, 10)], ["b", UNKNOWN]])
    first, second = rows_of(table)
    assert first["bad_called_good"] == "0.1"
    assert float(first["bad_called_good_low"]) < 0.1 < float(first["bad_called_good_high"])
    assert second == dict.fromkeys(first, "") | {"model": "b"}


def test_markdown_shows_per_cent_with_the_interval() -> None:
    assert percent(Estimate(0.0192, 0.0159, 0.0232)) == "1.92 % (1.59–2.32)"
    assert percent(Estimate(0.62, math.nan, math.nan)) == "62.0 %"
    assert percent(UNKNOWN) == "–"


def test_columns_that_are_no_shares_are_not_shown_in_per_cent() -> None:
    table = Table("t", "T", ["area"], [[Estimate(0.9712, 0.96, 0.98)]], plain=frozenset({"area"}))
    assert "0.971 (0.960–0.980)" in table.markdown()


def test_every_line_has_as_many_cells_whatever_a_name_holds() -> None:
    table = Table("t", "T", ["model", "frames/s"], [["a|b", 1234.6], ["c", None]])
    lines = table.markdown().splitlines()[2:]
    assert lines[-2:] == ["| a\\|b | 1,235 |", "| c | – |"]
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


def test_markdown_may_be_arranged_otherwise_than_the_csv() -> None:
    table = Table("t", "T", ["a", "b"], [["x", 1]], shown=Table("t", "brief", ["a"], [["x"]]))
    assert "brief" in table.markdown()
    assert rows_of(table) == [{"a": "x", "b": "1"}]
