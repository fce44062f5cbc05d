"""Many small files in one call: each is still read for what it is."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from spi_viewer.errors import ReadTimeoutError
from spi_viewer.frames import Crop, FrameBatch, FrameFlag, RunInfo
from spi_viewer.sources.local_reader import LocalReader
from spi_viewer.sources.reader import Position, ReadOn
from spi_viewer.sources.run_feed import FileFeed
from spi_viewer.sources.run_watcher import WatchFeed

DATASET = "/entry_1/data_1/data"
SIDE = 64


class CallsCounted(LocalReader):
    """Notes the calls that cost a round trip; reading some files hangs."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, int]] = []
        self.hanging: set[str] = set()

    def read_on(self, positions: list[Position], *limits: object) -> list[ReadOn]:  # type: ignore[override]
        self.calls.append(("read_on", len(positions)))
        for position in positions:
            self._hang_if_told(position.path)
        before = len(self.calls)
        answers = super().read_on(positions, *limits)  # type: ignore[arg-type]
        del self.calls[before:]  # they cross no border
        return answers

    def describe(self, path: str, dataset: str | None = None) -> RunInfo:
        self.calls.append(("describe", 1))
        self._hang_if_told(path)
        return super().describe(path, dataset)

    def read_batch(self, path: str, *rest: object) -> FrameBatch:  # type: ignore[override]
        self.calls.append(("read_batch", 1))
        return super().read_batch(path, *rest)  # type: ignore[arg-type]

    def _hang_if_told(self, path: str) -> None:
        if Path(path).name in self.hanging:
            raise ReadTimeoutError(path, "did not come back")


@pytest.fixture
def reader() -> Iterator[CallsCounted]:
    made = CallsCounted()
    yield made
    made.close()


def write_shot(path: Path, value: int, dataset: str = DATASET, side: int = SIDE) -> Path:
    with h5py.File(path, "w") as file:
        file[dataset] = np.full((1, side, side), value, np.uint16)
    return path


def write_shots(folder: Path, count: int) -> None:
    for n in range(count):
        write_shot(folder / f"{n:03}.h5", n + 1)


def pull(feed: WatchFeed | FileFeed, calls: int = 60) -> list[FrameBatch]:
    batches = [feed.next_batch(64) for _ in range(calls)]
    return [batch for batch in batches if batch is not None]


def values(batches: list[FrameBatch]) -> list[int]:
    """Value of each frame that all its pixels have."""
    areas = [(64 if one.path.endswith("big.h5") else 1) for batch in batches for one in batch.ids]
    photons = [float(count) for batch in batches for count in batch.photons]
    return [round(p / (a * SIDE**2)) for p, a in zip(photons, areas, strict=True)]


def names(batches: list[FrameBatch]) -> list[str]:
    return [Path(one.path).name for batch in batches for one in batch.ids]


@pytest.mark.parametrize("feed_type", [WatchFeed, FileFeed])
def test_many_files_take_few_calls_and_come_once_and_in_order(
    tmp_path: Path, reader: CallsCounted, feed_type: type[WatchFeed] | type[FileFeed]
) -> None:
    write_shots(tmp_path, 100)
    frozen = {"clock": lambda: 0.0}
    batches = pull(feed_type(reader, str(tmp_path), **frozen))  # type: ignore[arg-type]
    assert values(batches) == list(range(1, 101))
    # 32 files to find the centre are asked about one by one if the crop moves with it
    assert len(reader.calls) < 45


def test_what_was_read_in_the_last_moment_is_not_read_again(
    tmp_path: Path, reader: CallsCounted
) -> None:
    write_shots(tmp_path, 40)
    now = [0.0]
    feed = FileFeed(reader, str(tmp_path), crop=Crop(31.5, 31.5, 0.5), clock=lambda: now[0])
    feed.next_batch(1)
    read_on = reader.read_on

    def slow(*arguments: object) -> list[ReadOn]:
        now[0] += 10.0
        return read_on(*arguments[:-1], 60.0)  # type: ignore[arg-type]

    reader.read_on = slow  # type: ignore[method-assign]
    reader.calls.clear()
    batch = feed.next_batch(64)
    assert batch is not None
    assert values([batch]) == list(range(2, 41))
    assert reader.calls == [("describe", 1), ("read_on", 39)]  # the first file's last look


def test_files_of_every_make_are_read_for_what_they_are(
    tmp_path: Path, reader: CallsCounted
) -> None:
    write_shots(tmp_path, 3)
    with h5py.File(tmp_path / "003.h5", "w") as file:  # masked, and with a geometry of its own
        file["/entry_1/instrument_1/detector_1/data"] = np.full((1, SIDE, SIDE), 4, np.int32)
        file["/entry_1/instrument_1/detector_1/mask"] = np.eye(SIDE, dtype=np.uint16)
        file["/entry_1/instrument_1/detector_1/distance"] = 0.5
    write_shot(tmp_path / "004.h5", 5, "/data/data")
    write_shot(tmp_path / "005_big.h5", 6, side=8 * SIDE)
    with h5py.File(tmp_path / "006.h5", "w") as file:  # two that could be meant
        file["/some/frames"] = np.full((1, SIDE, SIDE), 7, np.uint16)
        file["/other/frames"] = np.full((1, SIDE, SIDE), 8, np.uint16)
    (tmp_path / "007.h5").write_text("no run at all")
    with h5py.File(tmp_path / "008.h5", "w") as file:  # the path of the others, but no frames
        file[DATASET] = np.zeros(5)
    write_shot(tmp_path / "009.h5", 10)
    for n, path in enumerate(sorted(tmp_path.iterdir())):
        stamp = time.time() - 1000 + n
        os.utime(path, (stamp, stamp))
    feed = WatchFeed(reader, str(tmp_path))
    batches = pull(feed)
    rows = dict(
        zip(names(batches), (row for batch in batches for row in _rows(batch)), strict=True)
    )
    assert list(rows) == [f"{n:03}.h5" for n in range(5)] + ["005_big.h5", "009.h5"]
    assert rows["000.h5"].photons == SIDE**2
    assert rows["003.h5"].photons == 4 * (SIDE**2 - SIDE)
    assert rows["003.h5"].distance_m == 0.5
    assert rows["004.h5"].dataset == "/data/data"
    assert rows["004.h5"].distance_m is None
    assert rows["005_big.h5"].photons == 6 * (8 * SIDE) ** 2
    assert rows["005_big.h5"].crop.scale == 4
    assert rows["009.h5"].crop.scale == 0.5
    assert not any(row.flags for row in rows.values())
    refused = {Path(path).name: reason for path, reason in feed.refused}
    assert set(refused) == {"006.h5", "007.h5", "008.h5"}
    assert "/other/frames" in refused["006.h5"]


class _Row:
    def __init__(self, batch: FrameBatch, row: int) -> None:
        self.photons = float(batch.photons[row])
        self.flags = FrameFlag(int(batch.flags[row]))
        self.crop = batch.crop
        self.dataset = batch.ids[row].dataset
        self.distance_m = batch.geometry.distance_m


def _rows(batch: FrameBatch) -> list[_Row]:
    return [_Row(batch, row) for row in range(len(batch))]


def test_a_file_that_hangs_among_others_is_found_and_given_up_alone(
    tmp_path: Path, reader: CallsCounted
) -> None:
    write_shots(tmp_path, 3)
    now = [0.0]
    feed = WatchFeed(reader, str(tmp_path), clock=lambda: now[0])
    batches = pull(feed, 3)
    reader.hanging = {"005.h5"}
    for n in range(3, 12):
        write_shot(tmp_path / f"{n:03}.h5", n + 1)
    hangs = 0
    for _ in range(60):
        now[0] += 0.3
        before = len(reader.calls)
        batches += pull(feed, 1)
        new = reader.calls[before:]
        hangs += sum(1 for call in new if call == ("read_on", 9))
    assert sorted(values(batches)) == [n + 1 for n in range(12) if n != 5]
    assert [Path(path).name for path, _ in feed.refused] == ["005.h5"]
    assert hangs == 1  # never again together with the others


def test_the_operators_crop_counts_from_the_next_frame_on(
    tmp_path: Path, reader: CallsCounted
) -> None:
    write_shots(tmp_path, 2)
    feed = FileFeed(reader, str(tmp_path), clock=lambda: 0.0)
    first = feed.next_batch(1)
    feed.set_crop(Crop(3.0, 4.0, 0.5))
    second = feed.next_batch(1)
    assert first is not None
    assert second is not None
    assert first.crop != second.crop == Crop(3.0, 4.0, 0.5)


def test_what_was_read_ahead_and_not_used_is_forgotten(
    tmp_path: Path, reader: CallsCounted
) -> None:
    """The second file has changed when its turn comes: it is read as it is then."""
    write_shots(tmp_path, 1)
    with h5py.File(tmp_path / "001.h5", "w") as file:
        file[DATASET] = np.full((2, SIDE, SIDE), 2, np.uint16)
        file["/entry_1/instrument_1/detector_1/distance"] = 1.0  # no common batch with the first
    write_shot(tmp_path / "002.h5", 3)
    feed = FileFeed(reader, str(tmp_path), clock=lambda: 0.0)
    first = feed.next_batch(64)
    assert first is not None
    reader.close()
    with h5py.File(tmp_path / "002.h5", "r+") as file:
        file[DATASET][:] = 9
    rest = pull(feed, 8)
    assert values([first, *rest]) == [1, 2, 2, 9]
