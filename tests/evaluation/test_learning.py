from __future__ import annotations

import dataclasses

import pytest

from spi_viewer.evaluation.depth import DepthPoint
from spi_viewer.evaluation.drawing import Palette
from spi_viewer.evaluation.learning import depth_part, depths_of, histories_part
from spi_viewer.networks.intervals import rate

HISTORY = [
    {"epoch": 1, "accuracy": 0.7, "kept": True},
    {"epoch": 2, "accuracy": 0.9, "kept": True},
    {"epoch": 3, "accuracy": 0.8, "kept": False},
]


@pytest.fixture
def trained(toy_model):
    """trained(n, m, **training)."""

    def make(n: object, m: object, **training: object):
        stored = {"history": HISTORY, "validation_frames": 100} | training
        model = toy_model(f"r{n}{m}", **stored)
        return dataclasses.replace(model, config={"n": n, "m": m})

    return make


def test_sizes_come_from_the_cards_in_order_with_the_kept_epoch(trained) -> None:
    points = depths_of([trained(5, 5), trained(1, 1), trained(2, 2)])
    assert [(point.n, point.m) for point in points] == [(1, 1), (2, 2), (5, 5)]
    assert points[0].validation == rate(90, 100)
    assert points[0].training is None


@pytest.mark.parametrize(
    "odd",
    [
        {"history": []},
        {"history": [{"accuracy": "high", "kept": True}]},
        {"history": [{"accuracy": float("nan"), "kept": True}]},
        {"validation_frames": None},
        {"validation_frames": 0},
    ],
)
def test_cards_that_do_not_say_are_left_out(trained, odd: dict) -> None:
    assert depths_of([trained(1, 1, **odd)]) == []
    assert depths_of([trained("many", 2)]) == []


def test_histories_are_drawn_for_the_models_that_have_one(trained, toy_model) -> None:
    part = histories_part([trained(1, 1), toy_model("none")], Palette(["r11", "none"]))
    assert part is not None
    assert "r11,2,0.9" in part.tables[0].csv()
    assert "none" not in part.tables[0].csv()
    assert histories_part([toy_model("none")], Palette([])) is None


def test_figure_6_has_a_row_a_network() -> None:
    points = [
        DepthPoint(1, 1, rate(90, 100), rate(80, 100)),
        DepthPoint(2, 2, None, rate(85, 100), "mine"),
    ]
    part = depth_part(points, "conditions")
    first, second = part.tables[0].markdown().splitlines()[-2:]
    assert first.startswith("| trained here | 1 | 1 | 5 | 90.0 % (82.6–94.5)")
    assert second.startswith("| mine | 2 | 2 | 9 | – | 85.0 %")
    assert part.figures[0].name == "figure_6"
