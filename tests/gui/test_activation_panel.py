"""Why the network thinks so: bars, activation maps, feature maps, label buttons."""

from types import SimpleNamespace

import numpy as np
import pytest
from PyQt5.QtCore import QPoint, Qt
from PyQt5.QtWidgets import QToolButton

from spi_viewer.frames import Crop, FrameClass, FrameFlag, FrameId, OperatorLabel, Verdict
from spi_viewer.gui.activation_panel import ActivationPanel
from spi_viewer.inspection import Inspection


def make_inspection(probabilities=(0.03, 0.9, 0.05, 0.02), layers=((16, 64), (64, 16))):
    random = np.random.default_rng(0)
    counts = random.poisson(3, (128, 128)).astype(np.float32)
    maps = [
        SimpleNamespace(name=f"layer {n}", maps=random.random((c, side, side), np.float32))
        for n, (c, side) in enumerate(layers, start=1)
    ]
    explanation = SimpleNamespace(
        probabilities=np.array(probabilities, np.float32),
        network_input=np.stack([counts] * 3),
        class_maps=random.normal(size=(4, 128, 128)).astype(np.float32),
        layers=maps,
    )
    return Inspection(
        row=5,
        id=FrameId("/data/r0173.cxi", "/data", 5),
        crop=Crop(64, 64, 1),
        verdict=Verdict.GOOD if probabilities[0] >= 0.5 else Verdict.BAD,
        threshold=0.5,
        frame=None,
        counts=counts,
        valid=np.ones((128, 128), bool),
        explanation=explanation,
    )


@pytest.fixture
def panel(qtbot):
    panel = ActivationPanel()
    qtbot.addWidget(panel)
    panel.resize(330, 470)
    panel.show()
    return panel


def click_class(qtbot, panel, frame_class):
    height = panel.bars.height() // len(FrameClass)
    point = QPoint(20, frame_class * height + height // 2)
    qtbot.mouseClick(panel.bars, Qt.LeftButton, pos=point)


def test_the_headline_is_the_verdict_with_p_good(panel):
    panel.show_inspection(make_inspection())
    assert panel._headline.text() == "bad · P(single) 0.03"
    panel.show_inspection(make_inspection((0.97, 0.01, 0.01, 0.01)))
    assert panel._headline.text() == "good · P(single) 0.97"


def test_a_longer_headline_is_never_cut_off(panel, qtbot):
    """Not even for the moment until it is laid out: 0.9 would be read for 0.97."""
    panel.resize(540, 470)
    panel.show_inspection(make_inspection())
    qtbot.wait(50)
    panel.show_inspection(make_inspection((0.97, 0.01, 0.01, 0.01)))
    assert panel._headline.width() >= panel._headline.sizeHint().width()


def test_the_activation_map_follows_the_likeliest_class(panel):
    panel.show_inspection(make_inspection())
    assert panel.shown_class == FrameClass.MULTI
    panel.show_inspection(make_inspection((0.97, 0.01, 0.01, 0.01)))
    assert panel.shown_class == FrameClass.SINGLE


def test_a_clicked_class_stays_until_it_is_clicked_again(panel, qtbot):
    panel.show_inspection(make_inspection())
    with qtbot.waitSignal(panel.activation_class_changed) as signal:
        click_class(qtbot, panel, FrameClass.BLANK)
    assert signal.args == [FrameClass.BLANK]
    panel.show_inspection(make_inspection((0.97, 0.01, 0.01, 0.01)))
    assert panel.shown_class == FrameClass.BLANK
    with qtbot.waitSignal(panel.activation_class_changed) as signal:
        click_class(qtbot, panel, FrameClass.BLANK)
    assert signal.args == [-1]
    assert panel.shown_class == FrameClass.SINGLE


def test_the_last_layer_is_shown_first_and_a_chosen_one_stays(panel, qtbot):
    panel.show_inspection(make_inspection())
    assert panel.tiles.map_count == 64
    panel._layers.activated.emit(0)
    assert panel.tiles.map_count == 16
    panel.show_inspection(make_inspection())
    assert panel.tiles.map_count == 16


def test_another_network_with_fewer_layers_is_no_problem(panel):
    panel.show_inspection(make_inspection(layers=((8, 32), (8, 32), (8, 16), (32, 8))))
    panel._layers.activated.emit(3)
    panel.show_inspection(make_inspection(layers=((16, 64),)))
    assert panel.tiles.map_count == 16


def test_tiles_fill_the_width_or_the_height(panel, qtbot):
    panel.show_inspection(make_inspection())
    tiles = panel.tiles
    places = tiles.places()
    right = max(place.right() for place in places)
    bottom = max(place.bottom() for place in places)
    assert right <= tiles.width() + 1
    assert bottom <= tiles.height() + 1
    assert right > 0.85 * tiles.width() or bottom > 0.85 * tiles.height()
    assert tiles.map_at(places[10].center().toPoint()) == 10


@pytest.mark.parametrize("size", [(330, 470), (420, 395), (620, 380), (460, 900)])
def test_pictures_use_the_room_of_any_panel(panel, qtbot, size):
    panel.show_inspection(make_inspection())
    panel.resize(*size)
    qtbot.waitUntil(lambda: panel.pair.places()[0].width() >= 85)
    places = panel.pair.places()
    assert not places[0].intersects(places[1])
    assert all(panel.pair.rect().contains(place.toAlignedRect()) for place in places)


def test_the_buttons_ask_for_labels(panel, qtbot):
    for button, label in zip(
        panel.findChildren(QToolButton), (OperatorLabel.GOOD, OperatorLabel.BAD), strict=True
    ):
        with qtbot.waitSignal(panel.label_requested) as signal:
            qtbot.mouseClick(button, Qt.LeftButton)
        assert signal.args == [label]
        assert not panel.hasFocus()
        assert not button.hasFocus()


def test_a_frame_without_explanation_is_shown_empty(panel):
    panel.show_inspection(make_inspection())
    inspection = make_inspection()
    inspection.explanation, inspection.verdict = None, Verdict.INVALID
    panel.show_inspection(inspection)
    assert panel._headline.text() == "invalid"
    assert panel.tiles.map_count == 0
    panel.show_inspection(None)
    assert not panel.grab().isNull()


def test_nan_scores_and_maps_are_drawn(panel):
    inspection = make_inspection((np.nan,) * 4)
    inspection.explanation.class_maps[:] = np.nan
    inspection.explanation.layers[1].maps[:] = np.nan
    panel.show_inspection(inspection)
    assert not panel.grab().isNull()


def test_a_model_without_maps_says_so_and_shows_its_probabilities(panel):
    inspection = make_inspection()
    panel.show_inspection(inspection)
    inspection = make_inspection((0.97, 0.01, 0.01, 0.01), layers=())
    inspection.explanation.class_maps = None
    panel.show_inspection(inspection)
    assert panel._headline.text() == "good · P(single) 0.97"
    assert panel.pair._captions == ("model input", "this model has no map")
    assert panel.pair._pictures[0] is not None
    assert panel.pair._pictures[1] is None
    assert panel.tiles.map_count == 0
    assert not panel._layers.isEnabled()
    panel.show_inspection(make_inspection())
    assert panel.pair._captions == ("network input", "why multi")


def test_a_model_without_layers_says_so_calmly(panel):
    inspection = make_inspection()
    inspection.explanation.class_maps = None
    inspection.explanation.layers = []
    panel.show_inspection(inspection)
    assert panel._no_layers.isVisible()
    assert not panel._layers.isVisible()
    assert not panel.grab().isNull()
    panel.show_inspection(make_inspection())
    assert panel._layers.isVisible()
    assert not panel._no_layers.isVisible()


def test_an_input_on_a_grid_of_its_own_is_shown_as_it_is(panel):
    inspection = make_inspection()
    inspection.explanation.network_input = np.ones((3, 224, 224), np.float32)
    panel.show_inspection(inspection)
    assert panel.pair._pictures[0].width() == 224


def test_what_the_network_has_never_seen_is_named_in_the_headline(panel):
    inspection = make_inspection((0.97, 0.01, 0.01, 0.01))
    inspection.flags = FrameFlag.OUT_OF_DISTRIBUTION
    inspection.is_unsure, inspection.judged_by = True, "resnet10"
    panel.show_inspection(inspection)
    assert panel._headline.text() == "good? · P(single) 0.97"
    assert panel._headline.property("tone") == "unsure"
    assert panel._note.text().startswith("≠ unlike anything that resnet10 was trained on")


def test_the_headline_is_of_the_model_that_judged_and_the_note_names_the_other(panel):
    inspection = make_inspection((0.97, 0.01, 0.01, 0.01))
    inspection.judged = np.array([0.2, 0.8, 0, 0], np.float32)
    inspection.verdict = Verdict.BAD
    inspection.judged_by, inspection.explained_by = "resnet10", "best"
    panel.show_inspection(inspection)
    assert panel._headline.text() == "bad · P(single) 0.20"
    assert panel._note.text() == "judged by resnet10; bars and maps are of best"
    inspection.explained_by = "resnet10"
    panel.show_inspection(inspection)
    assert panel._note.text() == "as it is cut now: P(single) 0.97"
