"""The feed of complete files: order, bad frames, hanging reads, refusals."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from spi_viewer.errors import (
    AmbiguousDatasetError,
    NotReadyError,
    ReadCrashError,
    ReadTimeoutError,
    RunFileError,
)
from spi_viewer.frames import Crop, DetectorGeometry, FrameBatch, FrameFlag, FrameId, RunInfo
from spi_viewer.preprocessing.cropping import default_crop
from spi_viewer.sources import hdf5_run
from spi_viewer.sources.directory_listing import FileStat
from spi_viewer.sources.frame_batches import empty_batch
from spi_viewer.sources.local_reader import LocalReader
from spi_viewer.sources.reader import Position, ReadOn
from spi_viewer.sources.run_feed import FileFeed

DATASET = "/entry_1/data_1/data"


class FakeReader:
    """Files as numbers of frames; some reads hang, some crash, some files are refused."""

    def __init__(self, files: dict[str, int]) -> None:
        self.files = files
        self.hanging: set[int] = set()
        self.crashing: set[int] = set()
        self.refusals: dict[str, RunFileError] = {}
        self.calls: list[tuple[str, int, int]] = []
        self.crop_searches: list[list[str]] = []
        self.changed_at = 0.0
        self.together: list[list[str]] = []

    def list_files(self, path: str) -> list[FileStat]:
        return [
            FileStat(name, 1, self.changed_at, 1)
            for name in self.files
            if path == name or path == os.path.dirname(name)
        ]

    def describe(self, path: str, dataset: str | None = None) -> RunInfo:
        if path in self.refusals:
            raise self.refusals[path]
        return RunInfo(path, "/d", self.files[path], (128, 128), "<u2")

    def find_crop(self, paths: str | list[str], dataset: str | None) -> Crop:
        self.crop_searches.append([paths] if isinstance(paths, str) else list(paths))
        return default_crop((128, 128))

    def read_batch(
        self, path: str, dataset: str | None, start: int, stop: int, crop: Crop, written: float
    ) -> FrameBatch:
        self.calls.append((path, start, stop))
        if self.hanging & set(range(start, stop)):
            raise ReadTimeoutError(path, "did not come back")
        if self.crashing & set(range(start, stop)):
            raise ReadCrashError(path, "died")
        ids = [FrameId(path, "/d", index) for index in range(start, stop)]
        return empty_batch(ids, crop, written, DetectorGeometry())

    _read_on = LocalReader._read_on

    def read_on(self, positions: list[Position], *limits: object) -> list[ReadOn]:
        """As the real one; a hang or crash ends the whole call."""
        self.together.append([position.path for position in positions])
        for position in positions:
            frames = set(range(position.start, self.files[position.path]))
            if self.hanging & frames or self.crashing & frames:
                raise ReadTimeoutError(position.path, "did not come back")
        return LocalReader.read_on(self, positions, *limits)  # type: ignore[arg-type]

    def close(self) -> None:
        pass


def pull_all(
    feed: FileFeed, max_frames: int = 10, calls: int = 500
) -> list[tuple[str, int, FrameFlag]]:
    rows = []
    for _ in range(calls):
        if feed.finished:
            return rows
        batch = feed.next_batch(max_frames)
        if batch is not None:
            assert 0 < len(batch) <= max_frames
            rows += [
                (frame_id.path, frame_id.index, FrameFlag(int(flag)))
                for frame_id, flag in zip(batch.ids, batch.flags, strict=True)
            ]
    raise AssertionError("the feed never finished")


def test_every_frame_of_a_file_comes_once_in_order() -> None:
    feed = FileFeed(FakeReader({"/r/a.cxi": 25}), "/r/a.cxi")  # type: ignore[arg-type]
    assert [row[:2] for row in pull_all(feed)] == [("/r/a.cxi", n) for n in range(25)]
    assert feed.finished
    assert feed.next_batch(10) is None
    assert feed.name == "a.cxi"
    assert (feed.waiting, feed.refused, feed.frames_behind) == ([], [], 0)


def test_files_of_a_directory_are_joined_into_full_batches() -> None:
    files = {f"/r/{n:03}.h5": 1 for n in range(64)}
    reader = FakeReader(files)
    feed = FileFeed(reader, "/r", clock=lambda: 0.0)  # type: ignore[arg-type]
    batch = feed.next_batch(40)
    assert batch is not None
    assert len(batch) == 40
    assert [frame_id.path for frame_id in batch.ids] == list(files)[:40]
    assert feed.frames_behind >= 20


def test_what_a_growing_file_got_meanwhile_is_read_too() -> None:
    reader = FakeReader({"/r/a.cxi": 5})
    feed = FileFeed(reader, "/r/a.cxi", clock=lambda: 0.0)  # type: ignore[arg-type]
    feed.next_batch(5)
    reader.files["/r/a.cxi"] = 8
    assert [row[1] for row in pull_all(feed)] == [5, 6, 7]


@pytest.mark.parametrize("trouble", ["hanging", "crashing"])
def test_one_frame_whose_read_hangs_or_crashes_is_given_up_alone(trouble: str) -> None:
    reader = FakeReader({"/r/a.cxi": 30})
    setattr(reader, trouble, {13})
    feed = FileFeed(reader, "/r/a.cxi")  # type: ignore[arg-type]
    rows = pull_all(feed)
    assert [row[1] for row in rows] == list(range(30))
    assert [row[1] for row in rows if row[2] & FrameFlag.UNREADABLE] == [13]
    assert feed.refused == []


def test_one_call_meets_at_most_one_hang() -> None:
    reader = FakeReader({"/r/a.cxi": 30})
    reader.hanging = {0, 5}
    feed = FileFeed(reader, "/r/a.cxi", clock=lambda: 0.0)  # type: ignore[arg-type]
    while not feed.finished:
        before = len(reader.calls)
        feed.next_batch(10)
        new = reader.calls[before:]
        assert sum(bool(reader.hanging & set(range(a, b))) for _, a, b in new) <= 1


def test_a_file_that_hangs_again_and_again_is_refused_and_the_next_is_read() -> None:
    reader = FakeReader({"/r/a.cxi": 30, "/r/b.cxi": 2})
    reader.hanging = set(range(2, 30))
    feed = FileFeed(reader, "/r")  # type: ignore[arg-type]
    rows = pull_all(feed)
    assert [row[:2] for row in rows if row[0] == "/r/b.cxi"] == [("/r/b.cxi", n) for n in (0, 1)]
    assert [path for path, _ in feed.refused] == ["/r/a.cxi"]
    hangs = [call for call in reader.calls if reader.hanging & set(range(*call[1:]))]
    assert len(hangs) <= 3


def test_a_refused_file_is_named_and_the_others_are_read() -> None:
    reader = FakeReader({"/r/a.cxi": 2, "/r/b.cxi": 2})
    reader.refusals["/r/a.cxi"] = RunFileError("/r/a.cxi", "it is a text file")
    feed = FileFeed(reader, "/r")  # type: ignore[arg-type]
    assert [row[0] for row in pull_all(feed)] == ["/r/b.cxi"] * 2
    assert feed.refused == [("/r/a.cxi", "it is a text file")]


def test_a_single_ambiguous_file_asks_and_one_of_many_is_refused() -> None:
    reader = FakeReader({"/r/a.cxi": 2, "/r/b.cxi": 2})
    reader.refusals["/r/a.cxi"] = AmbiguousDatasetError("/r/a.cxi", ("/x", "/y"))
    with pytest.raises(AmbiguousDatasetError) as caught:
        FileFeed(reader, "/r/a.cxi").next_batch(1)  # type: ignore[arg-type]
    assert caught.value.candidates == ("/x", "/y")
    feed = FileFeed(reader, "/r")  # type: ignore[arg-type]
    pull_all(feed)
    assert feed.refused[0][0] == "/r/a.cxi"
    assert "/x" in feed.refused[0][1]


def test_a_half_written_file_is_waited_for_then_read() -> None:
    reader = FakeReader({"/r/a.cxi": 3})
    now = [100.0]
    reader.changed_at = 99.0
    reader.refusals["/r/a.cxi"] = NotReadyError("/r/a.cxi", "it is truncated")
    feed = FileFeed(reader, "/r/a.cxi", clock=lambda: now[0])  # type: ignore[arg-type]
    assert feed.next_batch(10) is None
    assert feed.waiting == [("/r/a.cxi", "it is truncated")]
    assert not feed.finished
    reader.refusals.clear()
    now[0] = 101.0
    assert [row[1] for row in pull_all(feed)] == [0, 1, 2]
    assert feed.waiting == []


@pytest.mark.parametrize("changed_at", [99.0, 5000.0], ids=["just now", "clock ahead"])
def test_a_half_written_file_that_stays_as_it_is_is_refused(changed_at: float) -> None:
    reader = FakeReader({"/r/a.cxi": 3})
    reader.refusals["/r/a.cxi"] = NotReadyError("/r/a.cxi", "it is truncated")
    now = [100.0]
    reader.changed_at = changed_at
    feed = FileFeed(reader, "/r/a.cxi", clock=lambda: now[0])  # type: ignore[arg-type]
    feed.next_batch(10)
    now[0] = 110.0
    feed.next_batch(10)
    assert feed.finished
    assert feed.refused == [("/r/a.cxi", "it is truncated")]
    assert feed.waiting == []


def test_the_crop_is_looked_for_once_and_the_operators_comes_first() -> None:
    reader = FakeReader({f"/r/{n}.h5": 40 for n in range(3)})
    feed = FileFeed(reader, "/r", clock=lambda: 0.0)  # type: ignore[arg-type]
    assert feed.crop is None
    automatic = feed.next_batch(10)
    feed.set_crop(Crop(1.0, 2.0, 1.0))
    operators = feed.next_batch(10)
    feed.set_crop(None)
    again = feed.next_batch(10)
    assert automatic is not None
    assert operators is not None
    assert again is not None
    assert operators.crop == Crop(1.0, 2.0, 1.0)
    assert automatic.crop == again.crop == feed.crop == default_crop((128, 128))
    pull_all(feed)
    assert len(reader.crop_searches) == 1


def test_with_one_frame_a_file_the_crop_is_looked_for_again_in_many_files() -> None:
    reader = FakeReader({f"/r/{n:02}.h5": 1 for n in range(50)})
    pull_all(FileFeed(reader, "/r"))  # type: ignore[arg-type]
    assert [len(paths) for paths in reader.crop_searches] == [1, 32]


def test_a_crop_once_found_is_kept_where_more_files_show_none() -> None:
    """As where an archiver takes files away while they are looked at."""

    class FailingLater(FakeReader):
        def find_crop(self, paths: str | list[str], dataset: str | None) -> Crop:
            super().find_crop(paths, dataset)
            if len(self.crop_searches) > 1:
                raise RunFileError("/r", "it is away")
            return Crop(50.0, 75.0, 1.0)

    feed = FileFeed(FailingLater({f"/r/{n:02}.h5": 1 for n in range(50)}), "/r")  # type: ignore[arg-type]
    pull_all(feed)
    assert feed.crop == Crop(50.0, 75.0, 1.0)


def test_the_centre_is_found_in_files_that_are_left(tmp_path: Path) -> None:
    reader = LocalReader()
    paths = [str(write_run(tmp_path / f"{n}.cxi", 2)) for n in range(3)]
    expected = reader.find_crop(paths[1:], None)
    os.rename(paths[0], tmp_path / "archived")
    assert reader.find_crop(paths, None) == expected


def test_a_crop_search_that_hangs_falls_back_to_the_middle_for_good() -> None:
    class HangingSearch(FakeReader):
        def find_crop(self, paths: str | list[str], dataset: str | None) -> Crop:
            super().find_crop(paths, dataset)
            raise ReadTimeoutError("/r", "did not come back")

    reader = HangingSearch({f"/r/{n:02}.h5": 1 for n in range(50)})
    feed = FileFeed(reader, "/r")  # type: ignore[arg-type]
    assert len(pull_all(feed)) == 50
    assert len(reader.crop_searches) == 1
    assert feed.crop == default_crop((128, 128))


# -- with real files ---------------------------------------------------------------------------


def write_run(path: Path, count: int) -> Path:
    with h5py.File(path, "w") as file:
        data = file.create_dataset(
            DATASET, (count, 128, 128), np.uint16, chunks=(1, 128, 128), compression="gzip"
        )
        for index in range(count):
            data[index] = index + 1
    return path


def damage_frame(path: Path, index: int) -> None:
    with h5py.File(path, "r") as file:
        chunk = file[DATASET].id.get_chunk_info(index)
    with path.open("r+b") as raw:
        raw.seek(chunk.byte_offset)
        raw.write(b"\xff" * chunk.size)


def pull_files(feed: FileFeed, pause: Callable[[], None] = lambda: None) -> list[FrameBatch]:
    batches = []
    while not feed.finished:
        batch = feed.next_batch(8)
        if batch is not None:
            batches.append(batch)
        else:
            pause()
    return batches


def test_a_damaged_frame_in_a_real_file_is_one_flagged_row(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run.cxi", 10)
    damage_frame(path, 4)
    reader = LocalReader()
    batches = pull_files(FileFeed(reader, str(path)))
    flags = np.concatenate([batch.flags for batch in batches])
    photons = np.concatenate([batch.photons for batch in batches]) / 128**2
    assert flags.tolist() == [0] * 4 + [FrameFlag.UNREADABLE] + [0] * 5
    assert photons.tolist() == [1, 2, 3, 4, 0, 6, 7, 8, 9, 10]
    reader.close()


@pytest.mark.parametrize("late", ["frame", "masks"])
def test_frames_behind_one_that_is_late_are_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    """A file just written: a hole in it may still be filled, and masks may follow."""
    monkeypatch.setattr(hdf5_run, "_GROWING_S", 0.5)
    path = tmp_path / "run.cxi"
    with h5py.File(path, "w") as file:
        data = file.create_dataset(DATASET, (10, 64, 64), np.uint16, chunks=(1, 64, 64))
        for index in range(10):
            if late == "masks" or index != 5:
                data[index] = index + 1
        if late == "masks":
            file["/entry_1/data_1/mask"] = np.zeros((6, 64, 64), np.uint16)
    feed = FileFeed(LocalReader(), str(path))
    assert sum(map(len, pull_files(feed))) == 10
    assert feed.refused == []


@pytest.mark.parametrize("content", [b"", b"some text\n" * 20, b"\x89HDF\r\n\x1a\n" + bytes(90)])
def test_a_file_that_is_no_run_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "run.cxi"
    path.write_bytes(content)
    os.utime(path, (time.time() - 60,) * 2)
    feed = FileFeed(LocalReader(), str(path))
    assert pull_files(feed) == []
    ((refused, reason),) = feed.refused
    assert refused == str(path)
    assert reason


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    feed = FileFeed(LocalReader(), str(tmp_path / "away.cxi"))
    assert pull_files(feed) == []
    assert feed.refused[0][0] == str(tmp_path / "away.cxi")


def test_an_empty_directory_is_refused_by_name(tmp_path: Path) -> None:
    feed = FileFeed(LocalReader(), str(tmp_path))
    assert pull_files(feed) == []
    assert feed.refused == [(str(tmp_path), "there are no run files in this directory")]
