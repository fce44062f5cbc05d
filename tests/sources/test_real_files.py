"""Every real file that this project did not make is opened, or refused for the right reason."""

import os
from pathlib import Path

import numpy as np
import pytest

from spi_viewer.errors import RunFileError
from spi_viewer.frames import FrameFlag
from spi_viewer.sources.pixel_masks import sentinel_mask
from spi_viewer.sources.run_file import open_run

_FOLDER = os.environ.get("SPI_REAL_DATA", "")
pytestmark = pytest.mark.skipif(not _FOLDER, reason="SPI_REAL_DATA does not name the real files")
REAL = Path(_FOLDER)

OPENED = {
    "amo06516_dev.h5": ("/entry_1/data_1/data", 43, (65, 65), "|u1"),
    "lambda_stack.nxs": ("/entry/instrument/detector/data", 10, (516, 1554), "<i2"),
    "mask_pnccd.h5": ("/data/data", 1, (1024, 1024), "<i2"),
    "minimal.cxi": ("/entry_1/data_1/data", 1, (50, 100), "<f8"),
    "powder_pilatus1m.tif": ("", 1, (1043, 981), "<i4"),
}
REFUSED = {
    "README.md": "text file, not a run file",
    "amo06516.label.csv": "not a run file but a table or label file",
    "bitshuffle_lz4_zstd.h5": "holds no frames",
    "vds_sources_missing.h5": r"virtual.*source files are missing: scan0001/marana_0000\.h5",
}


@pytest.mark.parametrize("name", OPENED)
def test_opened(name):
    dataset, frame_count, frame_shape, dtype = OPENED[name]
    with open_run(REAL / name) as run:
        assert (run.info.dataset, run.info.frame_count) == (dataset, frame_count)
        assert (run.info.frame_shape, run.info.dtype) == (frame_shape, dtype)
        for index in range(frame_count):
            pixels = run.read_frame(index)
            assert pixels.shape == run.valid_pixels(index).shape == frame_shape
            assert run.frame_flags(index) == FrameFlag.NONE


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    with pytest.raises(RunFileError, match=REFUSED[name]) as caught:
        open_run(REAL / name)
    assert name in str(caught.value)


def test_no_real_file_is_forgotten():
    assert {path.name for path in REAL.iterdir()} == OPENED.keys() | REFUSED.keys()


def test_patterns_of_a_virus_carry_their_events_and_labels():
    with open_run(REAL / "amo06516_dev.h5") as run:
        assert run.frame_name(0) == "amo06516:96:61027"
        assert set(run.per_frame_datasets()) == {
            "/entry_1/experiment_identifier",
            "/labels/class",
        }
        assert run.metadata(0)["class"] == 2


def test_the_lambdas_mask_covers_its_negative_pixels():
    with open_run(REAL / "lambda_stack.nxs") as run:
        pixels, valid = run.read_frame(3), run.valid_pixels(3)
        assert (pixels == -1).any()
        assert not valid[pixels == -1].any()
        assert not sentinel_mask(pixels)[pixels == -1].any()
        assert valid.mean() > 0.9  # bits 31 and up do not exclude
        assert run.info.geometry.photon_energy_ev == pytest.approx(12000)
        assert run.info.geometry.pixel_size_m == pytest.approx(55e-6)
        assert run.info.geometry.distance_m is None  # the file gives it in pixels


def test_the_gaps_of_a_pilatus_are_no_measurements():
    with open_run(REAL / "powder_pilatus1m.tif") as run:
        pixels = run.read_frame(0)
    valid = sentinel_mask(pixels)
    np.testing.assert_array_equal(valid, pixels >= 0)
    assert 0.9 < valid.mean() < 1
