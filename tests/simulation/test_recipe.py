import pytest
import torch

from spi_viewer.errors import SpiViewerError
from spi_viewer.frames import FrameClass
from spi_viewer.simulation.block import block_size
from spi_viewer.simulation.dataset import simulate_frames
from spi_viewer.simulation.detector import DETECTORS
from spi_viewer.simulation.particles import FAMILIES
from spi_viewer.simulation.recipe import Recipe


def test_pieces_are_the_frames_of_the_set_in_order():
    recipe = Recipe(("torus",), 300, seed=4, detectors=("agipd", "cspad"), side_px=64)
    pieces = list(recipe.pieces())
    presets = [DETECTORS["agipd"], DETECTORS["cspad"]]
    whole = simulate_frames(["torus"], 300, 4, presets, side_px=64)
    assert [len(piece) for piece in pieces] == [256, 44]
    assert torch.equal(torch.cat([piece.counts for piece in pieces]), whole.counts)
    assert [name for piece in pieces for name in piece.detector] == whole.detector
    assert set(whole.detector) == {"agipd", "cspad"}


def test_all_means_all_real_detectors():
    names = Recipe(detectors=("all", "ideal")).detector_names()
    assert sorted(names) == sorted(DETECTORS)
    assert "ideal" not in Recipe(detectors=("all",)).detector_names()


def test_an_unknown_detector_is_named():
    with pytest.raises(SpiViewerError, match="unknown detector eye"):
        Recipe(detectors=("eye",)).detector_names()


def test_only_classes_with_a_weight_are_drawn():
    recipe = Recipe(
        ("disc",), 20, weights={FrameClass.MULTI: 3.0, FrameClass.BLANK: 1.0}, side_px=64
    )
    classes = torch.cat([piece.frame_class for piece in recipe.pieces()])
    assert (classes == FrameClass.MULTI).sum() == pytest.approx(15, abs=1)
    assert set(classes.tolist()) == {FrameClass.MULTI, FrameClass.BLANK}
    assert recipe.as_attributes()["class_weights"] == {"multi": 0.75, "blank": 0.25}
    assert recipe.as_attributes()["good_fraction"] == 0.0


@pytest.mark.parametrize("side", [64, 128, 256, 1024, 2048, 4096])
def test_a_block_of_any_size_of_frames_fits_in_memory(side):
    assert block_size(side) >= 1
    assert block_size(side) * side**2 <= max(8 * 1024**2, side**2)


def test_a_title_names_few_and_counts_many():
    few = Recipe(("rod",), detectors=("agipd",), seed=7, side_px=128).title()
    assert few == "Simulated frames: rod; agipd; 128 × 128 px; seed 7"
    assert f"{len(FAMILIES)} families; 5 detectors" in Recipe(detectors=("all",)).title()
