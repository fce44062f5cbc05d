import json
import math
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from spi_viewer.errors import SpiViewerError
from spi_viewer.frames import CLASS_CODES, FrameClass
from spi_viewer.simulation.cxi_file import write_cxi, write_simulated_run
from spi_viewer.simulation.dataset import simulate_frames
from spi_viewer.simulation.detector import DETECTORS
from spi_viewer.simulation.recipe import Recipe

FAMILIES = ["sphere", "torus"]


def recipe(count, **wishes):
    return Recipe(**{"families": FAMILIES, "count": count, "seed": 5, "side_px": 64} | wishes)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A file of more frames than one piece holds."""
    path = tmp_path_factory.mktemp("simulated") / "run.cxi"
    steps = []
    write_simulated_run(path, recipe(300), progress=lambda frames: steps.append(len(frames)))
    assert sum(steps) == 300
    return path


@pytest.fixture
def written(made, tmp_path):
    """A copy that a test may spoil."""
    return Path(shutil.copy(made, tmp_path / "run.cxi"))


def test_frames_and_labels_come_back_as_they_were(written):
    frames = simulate_frames(FAMILIES, 300, 5, DETECTORS["pnccd-far"], side_px=64)
    with h5py.File(written) as file:
        data = file["/entry_1/data_1/data"]
        assert data.shape == (300, 64, 64)
        assert data.chunks == (1, 64, 64)
        assert np.array_equal(data[()], frames.counts.round().clip(0).numpy().astype(np.int32))
        mask = file["/entry_1/data_1/mask"][()]
        assert np.array_equal(mask == 0, frames.valid.numpy())
        codes = [CLASS_CODES[FrameClass(c)] for c in frames.frame_class.tolist()]
        assert file["/labels/class"][()].tolist() == codes
        assert file["/labels/family"].asstr()[()].tolist() == frames.family
        assert np.allclose(file["/labels/photons"][()], frames.photons.numpy())
        assert np.allclose(file["/labels/diameter_nm"][()], frames.diameter_nm.numpy())


def test_units_are_those_of_the_cxi_standard(written):
    with h5py.File(written) as file:
        energy = file["/entry_1/instrument_1/source_1/energy"][0]
        assert 900 * 1.6e-19 < energy < 2000 * 1.61e-19
        assert 0.4 < file["/entry_1/instrument_1/detector_1/distance"][0] < 0.8
        assert file["/entry_1/data_1/x_pixel_size"][0] < 1.3e-3


def test_everything_that_made_the_file_stands_in_it(written):
    with h5py.File(written) as file:
        attributes = file["/simulation"].attrs
        assert attributes["seed"] == 5
        assert json.loads(attributes["families"]) == FAMILIES
        assert json.loads(attributes["detectors"]) == ["pnccd-far"]
        assert json.loads(attributes["class_weights"])["multi"] == 0.25
        assert attributes["program"].startswith("spi-viewer")
        assert json.loads(file["/labels/class"].attrs["names"])["9"] == "blank"
        assert file["/entry_1/experiment_identifier"].asstr()[299] == "simulated:299"


def test_an_existing_file_is_kept_unless_asked_otherwise(written):
    before = written.read_bytes()
    with pytest.raises(SpiViewerError, match="exists already"):
        write_simulated_run(written, recipe(8))
    assert written.read_bytes() == before
    write_simulated_run(written, recipe(8), overwrite=True)
    with h5py.File(written) as file:
        assert len(file["/labels/class"]) == 8


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    def broken():
        yield simulate_frames(FAMILIES, 4, 1, side_px=64)
        raise SpiViewerError("stopped half way")

    with pytest.raises(SpiViewerError, match="half way"):
        write_cxi(tmp_path / "run.cxi", broken(), 8, {})
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_appears_meanwhile_is_kept(tmp_path):
    path = tmp_path / "run.cxi"
    with pytest.raises(SpiViewerError, match="exists already"):
        write_simulated_run(path, recipe(8), progress=lambda _: path.write_text("precious"))
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_nothing_behind(tmp_path):
    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_simulated_run(tmp_path / "run.cxi", recipe(300), progress=interrupt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"detectors": ["eye"]},
        {"detectors": []},
        {"count": 0},
        {"families": ["teapot"]},
        {"side_px": 8},
        {"weights": {FrameClass.SINGLE: math.nan}},
    ],
)
def test_wrong_wishes_are_refused_and_write_nothing(tmp_path, wrong):
    wishes = {"count": 4} | wrong
    with pytest.raises(SpiViewerError):
        write_simulated_run(tmp_path / "run.cxi", recipe(**wishes))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(SpiViewerError, match="nowhere"):
        write_simulated_run(tmp_path / "nowhere" / "run.cxi", recipe(4))


def test_a_folder_is_not_replaced(tmp_path):
    with pytest.raises(SpiViewerError, match="is a folder"):
        write_simulated_run(tmp_path, recipe(4), overwrite=True)
