from __future__ import annotations

import numpy as np
import pytest
from PyQt5.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt5.QtGui import QMouseEvent
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from spi_viewer.frames import DecisionRule
from spi_viewer.gui.expectation import expected_at, expected_singles
from spi_viewer.gui.score_panel import ScorePanel

EDGES = np.linspace(0, 1, 101)


@pytest.fixture
def panel(qtbot: QtBot) -> ScorePanel:
    made = ScorePanel(DecisionRule(threshold=0.5))
    qtbot.addWidget(made)
    made.resize(500, 500)
    made.show()
    qtbot.waitExposed(made)
    made.show_histogram(EDGES, np.full(100, 10))
    return made


def test_expected_figures_of_even_scores() -> None:
    expected = expected_at(0.5, EDGES, np.full(100, 10))
    assert expected.accepted == pytest.approx(500)
    assert expected.precision == pytest.approx(0.75)  # mean of [0.5, 1]
    assert expected.recall == pytest.approx(0.75)  # 375 of 500 expected singles


@pytest.mark.parametrize("threshold", [0.0, 0.313, 0.777, 0.985])
def test_expected_figures_agree_with_the_frames_themselves(threshold: float) -> None:
    scores = np.random.default_rng(3).beta(0.3, 0.9, 200_000)
    counts, _ = np.histogram(scores, EDGES)
    above = scores[scores >= threshold]
    expected = expected_at(threshold, EDGES, counts)
    assert expected.accepted == pytest.approx(above.size, rel=0.03)
    assert expected.precision == pytest.approx(above.mean(), abs=0.005)
    assert expected.recall == pytest.approx(above.sum() / scores.sum(), abs=0.01)


def test_what_is_expected_comes_true_when_the_scores_are_calibrated() -> None:
    random = np.random.default_rng(0)
    scores = random.random(200_000)
    is_good = random.random(200_000) < scores
    counts, _ = np.histogram(scores, EDGES)
    expected = expected_at(0.6, EDGES, counts)
    assert expected.precision == pytest.approx(is_good[scores >= 0.6].mean(), abs=0.01)
    assert expected.recall == pytest.approx(
        (is_good & (scores >= 0.6)).sum() / is_good.sum(), abs=0.01
    )


def test_nothing_is_expected_of_nothing() -> None:
    expected = expected_at(0.5, EDGES, np.zeros(100, int))
    assert np.isnan(expected.precision)
    assert np.isnan(expected.recall)


def test_dragging_the_line_changes_the_rule_when_it_is_let_go(
    qtbot: QtBot, panel: ScorePanel
) -> None:
    plot = panel.plot

    def at(x: float) -> QPoint:
        middle = plot.getViewBox().viewRect().center().y()
        return plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(x, middle)))

    qtbot.mouseMove(plot.viewport(), at(0.5))
    qtbot.mousePress(plot.viewport(), Qt.LeftButton, pos=at(0.5))
    for x in (0.55, 0.65, 0.75):
        _drag(plot, at(x))
    with qtbot.waitSignal(panel.rule_changed) as announced:
        qtbot.mouseRelease(plot.viewport(), Qt.LeftButton, pos=at(0.75))
    assert announced.args[0].threshold == pytest.approx(0.75, abs=0.02)
    assert panel.number.value() == pytest.approx(0.75, abs=0.02)


def _drag(plot, position: QPoint) -> None:
    """A move with the button held; QTest moves without buttons."""
    move = QMouseEvent(
        QEvent.MouseMove, QPointF(position), Qt.NoButton, Qt.LeftButton, Qt.NoModifier
    )
    QApplication.sendEvent(plot.viewport(), move)


def test_the_band_of_unsure_scores_always_holds_the_threshold(
    qtbot: QtBot, panel: ScorePanel
) -> None:
    with qtbot.waitSignal(panel.rule_changed) as announced:
        panel.number.setValue(0.9)
    rule = announced.args[0]
    assert rule.unsure_low <= rule.threshold <= rule.unsure_high


def test_the_band_comes_back_with_the_threshold(panel: ScorePanel) -> None:
    given = DecisionRule(threshold=0.5, unsure_low=0.2, unsure_high=0.8)
    panel.show_rule(given)
    rules: list[DecisionRule] = []
    panel.rule_changed.connect(rules.append)
    panel.rule_changed.connect(panel.show_rule)  # as the session's, which comes back
    for threshold in (0.1, 0.95, 0.5):
        panel.number.setValue(threshold)
    assert [rule.unsure_low for rule in rules] == [0.1, 0.2, 0.2]
    assert [rule.unsure_high for rule in rules] == [0.8, 0.95, 0.8]
    assert rules[-1] == given


def test_showing_a_rule_announces_nothing(qtbot: QtBot, panel: ScorePanel) -> None:
    with qtbot.assertNotEmitted(panel.rule_changed):
        panel.show_rule(DecisionRule(threshold=0.83))
    assert panel.line.value() == pytest.approx(0.83)


def test_labels_check_the_threshold(panel: ScorePanel) -> None:
    panel.show_labelled(np.array([0.9, 0.8, 0.2, 0.7], "f4"), np.array([True, True, True, False]))
    assert "66.7" in panel.checked.text()
    assert "4 labels" in panel.checked.text()


def test_the_number_of_singles_is_expected_with_its_spread(panel: ScorePanel) -> None:
    random = np.random.default_rng(5)
    scores = random.beta(0.3, 0.9, 5000)
    counts, _ = np.histogram(scores, EDGES)
    drawn = (random.random((400, 5000)) < scores).sum(axis=1)
    singles, spread = expected_singles(EDGES, counts)
    assert singles == pytest.approx(drawn.mean(), rel=0.02)
    assert spread == pytest.approx(drawn.std(), rel=0.12)
    assert panel.singles.text() == "500 ± 13"
