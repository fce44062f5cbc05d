"""The reader that works in the calling process."""

from __future__ import annotations

import os
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from spi_viewer.errors import NotReadyError, RunFileError
from spi_viewer.frames import Crop, FrameFlag
from spi_viewer.sources.local_reader import LocalReader
from spi_viewer.sources.run_file import Run, open_run

DATASET = "/entry_1/data_1/data"
CROP = Crop(63.5, 63.5, 1.0)


def write_run(path: Path, count: int, side: int = 128) -> Path:
    frames = np.zeros((count, side, side), np.uint16)
    frames += np.arange(1, count + 1, dtype=np.uint16)[:, None, None]
    with h5py.File(path, "w") as file:
        file.create_dataset(
            DATASET, data=frames, chunks=(1, side, side), maxshape=(None, side, side)
        )
    return path


def append_frames(path: Path, count: int) -> None:
    with h5py.File(path, "r+") as file:
        data = file[DATASET]
        before = len(data)
        data.resize(before + count, axis=0)
        data[before:] = np.arange(before + 1, before + count + 1)[:, None, None]


class CountingReader(LocalReader):
    """Notes which files were opened."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.runs: list[Run] = []
        super().__init__(self._open)

    def _open(self, path: str, dataset: str | None) -> Run:
        self.opened.append(path)
        self.runs.append(open_run(path, dataset))
        return self.runs[-1]


def test_a_listing_has_run_files_only_oldest_first(tmp_path: Path) -> None:
    for age_s, name in ((10, "new.cxi"), (30, "old.h5"), (20, "b.TIF"), (20, "a.nxs")):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (time.time() - age_s,) * 2)
    for name in ("notes.txt", ".hidden.h5", "run.h5.part", "no_suffix"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.h5").mkdir()
    (tmp_path / "dangling.h5").symlink_to(tmp_path / "nowhere.h5")
    os.mkfifo(tmp_path / "pipe.h5")
    listing = LocalReader().list_files(str(tmp_path))
    names = [Path(file.path).name for file in listing]
    by_age = sorted(listing, key=lambda file: (file.mtime_s, file.path))
    assert sorted(names) == ["a.nxs", "b.TIF", "new.cxi", "old.h5"]
    assert names[0] == "old.h5"
    assert names[-1] == "new.cxi"
    assert listing == by_age
    assert all(Path(file.path).is_absolute() for file in listing)


def test_a_named_file_is_listed_whatever_its_suffix(tmp_path: Path) -> None:
    file = tmp_path / "run.dat"
    file.write_bytes(b"abc")
    (stat,) = LocalReader().list_files(str(file))
    assert (stat.path, stat.size_bytes) == (str(file), 3)


def test_a_missing_directory_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RunFileError, match="no such") as caught:
        LocalReader().list_files(str(tmp_path / "away"))
    assert caught.value.path == str(tmp_path / "away")


def test_one_file_is_opened_once_for_description_crop_and_frames(tmp_path: Path) -> None:
    path = str(write_run(tmp_path / "run.cxi", 3))
    reader = CountingReader()
    info = reader.describe(path)
    crop = reader.find_crop(path, info.dataset)
    batch = reader.read_batch(path, info.dataset, 0, 3, crop, 1.0)
    assert batch.photons.tolist() == [n * 128 * 128 for n in (1, 2, 3)]
    assert reader.opened == [path]
    reader.close()


def test_appended_frames_are_seen_by_the_next_description(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run.cxi", 2)
    reader = LocalReader()
    assert reader.describe(str(path)).frame_count == 2
    reader.release_growing()
    append_frames(path, 3)
    assert reader.describe(str(path)).frame_count == 5
    assert reader.read_batch(str(path), DATASET, 4, 5, CROP, 0.0).photons[0] == 5 * 128 * 128
    reader.close()


def test_a_writer_can_reopen_a_file_between_polls(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run.cxi", 2)
    reader = LocalReader()
    reader.describe(str(path))
    reader.list_files(str(tmp_path))  # a poll begins: growing files are closed
    descriptors = [os.readlink(f"/proc/self/fd/{fd}") for fd in _open_descriptors()]
    assert str(path) not in descriptors
    append_frames(path, 1)  # HDF5 refuses this in a process that has it open
    assert reader.describe(str(path)).frame_count == 3
    reader.close()


def _open_descriptors() -> list[str]:
    return [fd for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")]


def test_a_replaced_file_is_opened_anew(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run.cxi", 5)
    reader = LocalReader()
    assert reader.describe(str(path)).frame_count == 5
    write_run(tmp_path / "other.part", 2).replace(path)
    assert reader.describe(str(path)).frame_count == 2
    with pytest.raises(NotReadyError):
        reader.read_batch(str(path), DATASET, 2, 5, CROP, 0.0)
    reader.close()


def test_few_files_stay_open(tmp_path: Path) -> None:
    paths = [write_run(tmp_path / f"{n:02}.cxi", 1) for n in range(12)]
    reader = LocalReader()
    for path in paths:
        reader.describe(str(path))
    held = [os.readlink(f"/proc/self/fd/{fd}") for fd in _open_descriptors()]
    assert sum(name.startswith(str(tmp_path)) for name in held) <= 4
    reader.close()
    held = [os.readlink(f"/proc/self/fd/{fd}") for fd in _open_descriptors()]
    assert not any(name.startswith(str(tmp_path)) for name in held)


def test_a_full_frame_keeps_its_type_and_its_mask(tmp_path: Path) -> None:
    path = tmp_path / "run.cxi"
    frame = np.full((70, 90), 7, np.uint16)
    frame[0, 0] = 65535
    with h5py.File(path, "w") as file:
        file[DATASET] = frame[None]
    full = LocalReader().read_frame(str(path), DATASET, 0, CROP)
    assert full.pixels.dtype == np.uint16
    np.testing.assert_array_equal(full.pixels, frame)
    assert not full.valid[0, 0]
    assert full.valid.sum() == frame.size - 1
    assert full.flags == FrameFlag.NONE
    assert full.id.path == str(path)


def test_a_frame_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run.cxi", 2)
    with pytest.raises(RunFileError, match="no frame 2"):
        LocalReader().read_frame(str(path), DATASET, 2, CROP)


def test_whatever_opening_provokes_becomes_a_refusal_that_names_the_file() -> None:
    def crash(path: str, dataset: str | None) -> Run:
        raise KeyError("surprise")

    with pytest.raises(RunFileError, match="surprise") as caught:
        LocalReader(crash).describe("/some/run.cxi")
    assert caught.value.path == "/some/run.cxi"


def test_the_crop_is_centred_on_the_pattern_over_several_files(tmp_path: Path) -> None:
    y, x = np.mgrid[:256, :256]
    pattern = 200 * np.exp(-((y - 140.0) ** 2 + (x - 120.0) ** 2) / 800)
    rng = np.random.default_rng(1)
    paths = []
    for n in range(4):
        path = tmp_path / f"{n}.h5"
        with h5py.File(path, "w") as file:
            file[DATASET] = rng.poisson(pattern).astype(np.uint16)[None]
        paths.append(str(path))
    crop = LocalReader().find_crop(paths, DATASET)
    assert crop.center_y_px == pytest.approx(140, abs=1.5)
    assert crop.center_x_px == pytest.approx(120, abs=1.5)
    assert crop.scale == 2


def test_a_crop_is_found_even_if_no_frame_has_valid_pixels(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    with h5py.File(path, "w") as file:
        file[DATASET] = np.full((3, 128, 128), np.nan, np.float32)
    assert LocalReader().find_crop(str(path), DATASET) == Crop(63.5, 63.5, 1.0)
