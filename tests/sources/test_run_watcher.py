"""The feed of a watched directory, against writers of every kind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from spi_viewer.errors import NotReadyError, ReadTimeoutError, RunFileError
from spi_viewer.frames import Crop, DetectorGeometry, FrameBatch, FrameFlag, FrameId, RunInfo
from spi_viewer.preprocessing.cropping import default_crop
from spi_viewer.sources.directory_listing import FileStat, ListingChanges
from spi_viewer.sources.frame_batches import empty_batch
from spi_viewer.sources.local_reader import LocalReader
from spi_viewer.sources.reader import Position, ReadOn
from spi_viewer.sources.run_cursor import RunCursor
from spi_viewer.sources.run_watcher import WatchFeed

DATASET = "/entry_1/data_1/data"
SIDE = 64

WRITER = """
import sys, h5py, numpy as np
path, mode = sys.argv[1:]
latest = {"libver": "latest"} if mode == "swmr" else {}
file = h5py.File(path, "w", **latest)
count = 50 if mode in ("numEvents", "allocated") else 0
data = file.create_dataset(
    "entry_1/data_1/data", (count, 64, 64), np.uint16, chunks=(1, 64, 64),
    maxshape=(None, 64, 64), compression="gzip" if mode == "swmr" else None,
)
if mode == "numEvents":
    data.attrs["numEvents"] = 0
file.flush()
if mode == "swmr":
    file.swmr_mode = True
written = 0
print("ready", flush=True)
for line in sys.stdin:
    for _ in range(int(line)):
        if written >= len(data):
            data.resize(written + 1, axis=0)
        data[written] = written + 1
        written += 1
        if mode == "numEvents":
            data.attrs["numEvents"] = written
    file.flush()
    print("ok", flush=True)
file.close()
print("closed", flush=True)
"""


class Watched:
    """A feed with a clock of its own, and everything that came out of it."""

    def __init__(self, reader: object, directory: Path) -> None:
        self.now = 1000.0
        self.frames: list[tuple[str, int]] = []
        self.values: list[float] = []
        self.flags: list[FrameFlag] = []
        self.feed = WatchFeed(
            reader,  # type: ignore[arg-type]
            str(directory),
            clock=lambda: self.now,
            wall_clock=lambda: time.time() + self.now - 1000.0,
        )

    def pull(self, seconds: float = 0.3, max_frames: int = 16) -> int:
        """Let time pass and take everything there is; the number of new frames."""
        self.now += seconds
        before = len(self.frames)
        while True:
            batch = self.feed.next_batch(max_frames)
            if batch is None:
                return len(self.frames) - before
            assert 0 < len(batch) <= max_frames
            self.frames += [(Path(one.path).name, one.index) for one in batch.ids]
            self.values += (batch.photons / SIDE**2).tolist()
            self.flags += [FrameFlag(int(flag)) for flag in batch.flags]

    def indices(self, name: str) -> list[int]:
        return [index for file, index in self.frames if file == name]


@pytest.fixture
def reader() -> Iterator[LocalReader]:
    local = LocalReader()
    yield local
    local.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "live").mkdir()
    return tmp_path / "live"


def write_run(path: Path, count: int, first: int = 0) -> Path:
    values = np.arange(first + 1, first + count + 1, dtype=np.uint16)
    with h5py.File(path, "w") as file:
        file.create_dataset(
            DATASET,
            data=np.broadcast_to(values[:, None, None], (count, SIDE, SIDE)),
            chunks=(1, SIDE, SIDE),
            maxshape=(None, SIDE, SIDE),
            compression="gzip",
        )
    return path


def set_age(path: Path, age_s: float) -> None:
    os.utime(path, (time.time() - age_s,) * 2)


# -- complete files ----------------------------------------------------------------------------


def test_files_already_there_are_read_oldest_first(reader: LocalReader, folder: Path) -> None:
    for age_s, name in ((10, "c.cxi"), (30, "b.cxi"), (20, "a.cxi")):
        set_age(write_run(folder / name, 2), age_s)
    watched = Watched(reader, folder)
    watched.pull(0)
    assert [name for name, _ in watched.frames] == ["b.cxi"] * 2 + ["a.cxi"] * 2 + ["c.cxi"] * 2
    assert not watched.feed.finished


def test_new_files_are_read_once(reader: LocalReader, folder: Path) -> None:
    watched = Watched(reader, folder)
    assert watched.pull() == 0
    write_run(folder / "a.cxi", 3)
    assert watched.pull() == 3
    write_run(folder / "b.cxi", 2)
    assert watched.pull() == 2
    for _ in range(40):
        assert watched.pull() == 0
    assert watched.feed.frames_behind == 0
    assert watched.feed.newest_written_at_s == pytest.approx(time.time(), abs=60)


def test_an_export_into_the_directory_is_not_measured_again(
    reader: LocalReader, folder: Path
) -> None:
    watched = Watched(reader, folder)
    write_run(folder / "a.cxi", 3)
    assert watched.pull() == 3
    with h5py.File(write_run(folder / "good_frames.cxi", 2), "r+") as file:
        file["spi_viewer/label"] = np.ones(2, np.int8)
    assert sum(watched.pull(2.0) for _ in range(5)) == 0
    ((path, reason),) = watched.feed.refused
    assert path == str(folder / "good_frames.cxi")
    assert "open it by its name" in reason
    assert watched.feed.waiting == []


def test_nothing_is_listed_before_a_poll_is_due(reader: LocalReader, folder: Path) -> None:
    watched = Watched(reader, folder)
    watched.pull()
    write_run(folder / "a.cxi", 3)
    assert watched.pull(0.1) == 0
    assert watched.pull(0.2) == 3


def test_a_temporary_name_is_ignored_until_the_file_is_renamed(
    reader: LocalReader, folder: Path
) -> None:
    watched = Watched(reader, folder)
    part = write_run(folder / "a.cxi.part", 3)
    assert watched.pull() == 0
    part.rename(folder / "a.cxi")
    assert watched.pull() == 3


def test_a_file_that_gets_its_final_name_is_not_read_again(
    reader: LocalReader, folder: Path
) -> None:
    watched = Watched(reader, folder)
    early = write_run(folder / "unfinished_a.cxi", 3)
    assert watched.pull() == 3
    early.rename(folder / "a.cxi")
    assert watched.pull() == 0
    assert watched.pull(30) == 0
    append(reader, folder / "a.cxi", 2)
    assert watched.pull() == 2
    assert watched.indices("a.cxi") == [3, 4]
    assert watched.feed.refused == []


def test_a_file_that_grows_and_is_renamed_at_once_goes_on_where_it_was(
    reader: LocalReader, folder: Path
) -> None:
    watched = Watched(reader, folder)
    early = write_run(folder / "unfinished_a.cxi", 3)
    assert watched.pull() == 3
    append(reader, early, 2)
    early.rename(folder / "a.cxi")
    watched.pull()
    assert watched.values == [1, 2, 3, 4, 5]
    assert watched.indices("a.cxi") == [3, 4]
    assert watched.feed.refused == []


def test_a_new_file_with_the_inode_of_a_deleted_one_is_read(
    reader: LocalReader, folder: Path
) -> None:
    watched = Watched(reader, folder)
    write_run(folder / "a.cxi", 3)
    assert watched.pull() == 3
    reader.close()
    with h5py.File(folder / "a.cxi", "r+") as file:  # as if deleted, and its inode given on
        file[DATASET][:] = 100
    (folder / "a.cxi").rename(folder / "b.cxi")
    watched.pull()
    assert watched.indices("b.cxi") == [0, 1, 2]
    assert watched.values[3:] == [100, 100, 100]


def test_a_second_name_of_a_file_is_not_read_again(reader: LocalReader, folder: Path) -> None:
    write_run(folder / "a.cxi", 3)
    os.link(folder / "a.cxi", folder / "b.cxi")
    watched = Watched(reader, folder)
    watched.pull()
    watched.pull(30)
    assert len(watched.frames) == 3


def test_a_replaced_file_is_not_counted_twice_and_that_is_said(
    reader: LocalReader, folder: Path
) -> None:
    watched = Watched(reader, folder)
    write_run(folder / "a.cxi", 3)
    watched.pull()
    write_run(folder / "new.part", 5).replace(folder / "a.cxi")
    watched.pull()
    watched.pull(30)
    assert watched.indices("a.cxi") == [0, 1, 2, 3, 4]
    ((path, reason),) = watched.feed.refused
    assert path == str(folder / "a.cxi")
    assert "3" in reason


def test_small_files_come_in_common_batches(reader: LocalReader, folder: Path) -> None:
    for n in range(10):
        write_run(folder / f"{n}.cxi", 1)
    watched = Watched(reader, folder)
    batch = watched.feed.next_batch(64)
    assert batch is not None
    assert len(batch) == 10


# -- growing files -----------------------------------------------------------------------------


def append(reader: LocalReader, path: Path, count: int) -> None:
    reader.close()  # in one process HDF5 does not let a file be open in two modes
    with h5py.File(path, "r+") as file:
        data = file[DATASET]
        before = len(data)
        data.resize(before + count, axis=0)
        data[before:] = np.arange(before + 1, before + count + 1)[:, None, None]


@pytest.mark.parametrize("mode", ["swmr", "appended", "numEvents", "allocated"])
def test_a_file_written_by_another_process_is_read_to_its_last_complete_frame(
    reader: LocalReader, folder: Path, mode: str
) -> None:
    watched = Watched(reader, folder)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder / "run.cxi"), mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        watched.pull()
        written = 0
        for count in (1, 2, 1, 7, 20):
            print(count, file=writer.stdin, flush=True)
            assert writer.stdout.readline() == "ok\n"
            written += count
            watched.pull()
            watched.pull(2.5)  # a retry after a look in the middle of a flush
            assert watched.indices("run.cxi") == list(range(written))
        writer.stdin.close()
        assert writer.stdout.readline() == "closed\n"
    for _ in range(30):
        watched.pull(2.5)
    assert watched.indices("run.cxi") == list(range(written))
    assert watched.values == [n + 1 for n in range(written)]
    assert not any(watched.flags)
    assert watched.feed.waiting == []


def test_a_file_copied_slowly_waits_quietly_then_is_read(
    reader: LocalReader, folder: Path, tmp_path: Path
) -> None:
    source = write_run(tmp_path / "source.cxi", 40).read_bytes()
    watched = Watched(reader, folder)
    step = len(source) // 8 + 1
    with (folder / "a.cxi").open("wb") as copy:
        for start in range(0, len(source), step):
            copy.write(source[start : start + step])
            copy.flush()
            watched.pull(1.0)
            if start + step < len(source):
                assert [path for path, _ in watched.feed.waiting] == [str(folder / "a.cxi")]
    watched.pull(2.5)
    assert watched.values == [n + 1 for n in range(40)]
    assert watched.feed.waiting == []
    assert watched.feed.refused == []


def test_a_truncated_file_is_refused_when_nothing_has_changed_for_long(
    reader: LocalReader, folder: Path, tmp_path: Path
) -> None:
    whole = write_run(tmp_path / "source.cxi", 10).read_bytes()
    (folder / "a.cxi").write_bytes(whole[: len(whole) // 2])
    watched = Watched(reader, folder)
    for _ in range(10):
        watched.pull(2.5)
        assert watched.feed.refused == []
    for _ in range(4):
        watched.pull(2.5)
    ((path, reason),) = watched.feed.refused
    assert path == str(folder / "a.cxi")
    assert "truncated" in reason
    assert watched.feed.waiting == []
    (folder / "a.cxi").write_bytes(whole)  # it was not dead after all
    watched.pull()
    assert watched.indices("a.cxi") == list(range(10))


def test_an_old_truncated_file_is_refused_at_once(
    reader: LocalReader, folder: Path, tmp_path: Path
) -> None:
    whole = write_run(tmp_path / "source.cxi", 10).read_bytes()
    (folder / "a.cxi").write_bytes(whole[: len(whole) // 2])
    set_age(folder / "a.cxi", 3600)
    watched = Watched(reader, folder)
    watched.pull()
    assert len(watched.feed.refused) == 1


def test_a_file_that_is_no_run_is_refused_after_a_moment(reader: LocalReader, folder: Path) -> None:
    (folder / "notes.h5").write_text("words " * 100)
    watched = Watched(reader, folder)
    watched.pull()
    assert watched.feed.refused == []
    for _ in range(5):
        watched.pull(1.0)
    assert [path for path, _ in watched.feed.refused] == [str(folder / "notes.h5")]


# -- torn frames -------------------------------------------------------------------------------


def chunk_of(path: Path, index: int) -> tuple[int, int]:
    with h5py.File(path, "r") as file:
        info = file[DATASET].id.get_chunk_info(index)
    return info.byte_offset, info.size


def overwrite(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as raw:
        raw.seek(offset)
        raw.write(content)


def test_a_torn_frame_at_the_end_is_waited_for(reader: LocalReader, folder: Path) -> None:
    path = write_run(folder / "a.cxi", 5)
    offset, size = chunk_of(path, 4)
    whole = path.read_bytes()[offset : offset + size]
    overwrite(path, offset, b"\xff" * size)
    watched = Watched(reader, folder)
    for _ in range(5):
        watched.pull(2.0)
        assert watched.indices("a.cxi") == [0, 1, 2, 3]
        assert [name for name, _ in watched.feed.waiting] == [str(path)]
    overwrite(path, offset, whole)
    watched.pull()
    assert watched.values == [1, 2, 3, 4, 5]
    assert not any(watched.flags)
    assert watched.feed.waiting == []


def test_a_frame_that_stays_torn_is_handed_out_as_unreadable(
    reader: LocalReader, folder: Path
) -> None:
    path = write_run(folder / "a.cxi", 5)
    offset, size = chunk_of(path, 4)
    overwrite(path, offset, b"\xff" * size)
    watched = Watched(reader, folder)
    for _ in range(20):
        watched.pull(2.5)
    assert watched.indices("a.cxi") == [0, 1, 2, 3, 4]
    assert watched.flags == [FrameFlag.NONE] * 4 + [FrameFlag.UNREADABLE]
    assert watched.feed.waiting == []
    append(reader, path, 1)
    watched.pull()
    assert watched.indices("a.cxi") == [0, 1, 2, 3, 4, 5]


def test_damage_in_the_middle_holds_a_live_run_up_for_a_moment_only(
    reader: LocalReader, folder: Path
) -> None:
    path = write_run(folder / "a.cxi", 8)
    for index in (2, 4):
        offset, size = chunk_of(path, index)
        overwrite(path, offset, b"\xff" * size)
    watched = Watched(reader, folder)
    watched.pull()
    assert watched.indices("a.cxi") == [0, 1]
    watched.pull(1.0)
    watched.pull(2.0)
    assert watched.indices("a.cxi") == list(range(8))
    bad = [index for index, flag in enumerate(watched.flags) if flag & FrameFlag.UNREADABLE]
    assert bad == [2, 4]


# -- the directory -----------------------------------------------------------------------------


def test_a_directory_that_is_not_there_yet_is_waited_for(
    reader: LocalReader, tmp_path: Path
) -> None:
    folder = tmp_path / "later"
    watched = Watched(reader, folder)
    assert watched.pull() == 0
    ((path, reason),) = watched.feed.waiting
    assert path == str(folder)
    assert "no such" in reason
    folder.mkdir()
    write_run(folder / "a.cxi", 2)
    assert watched.pull(3.0) == 2
    assert watched.feed.waiting == []


def test_a_directory_that_goes_away_and_comes_back_is_not_read_again(
    reader: LocalReader, folder: Path, tmp_path: Path
) -> None:
    watched = Watched(reader, folder)
    write_run(folder / "a.cxi", 2)
    watched.pull()
    folder.rename(tmp_path / "away")
    watched.pull()
    assert len(watched.feed.waiting) == 1
    (tmp_path / "away").rename(folder)
    write_run(folder / "b.cxi", 1)
    assert watched.pull(3.0) == 1
    assert watched.indices("a.cxi") == [0, 1]


def test_a_file_that_disappears_before_it_was_read_is_named(
    reader: LocalReader, folder: Path, tmp_path: Path
) -> None:
    whole = write_run(tmp_path / "source.cxi", 10).read_bytes()
    (folder / "a.cxi").write_bytes(whole[:-500])
    watched = Watched(reader, folder)
    watched.pull()
    (folder / "a.cxi").unlink()
    watched.pull()
    assert [path for path, _ in watched.feed.refused] == [str(folder / "a.cxi")]
    assert watched.feed.waiting == []
    shutil.copy(tmp_path / "source.cxi", folder / "a.cxi")
    watched.pull()
    assert watched.indices("a.cxi") == list(range(10))


def test_a_file_that_was_read_may_disappear_silently(reader: LocalReader, folder: Path) -> None:
    watched = Watched(reader, folder)
    write_run(folder / "a.cxi", 2)
    watched.pull()
    watched.pull(10)
    (folder / "a.cxi").unlink()
    watched.pull(10)
    assert watched.feed.refused == []


# -- against a reader that is only numbers -----------------------------------------------------


class FakeReader:
    """Files as numbers of frames, without a disk."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[int, float]] = {}  # path -> frames, time of change
        self.described: list[str] = []
        self.hanging: set[str] = set()
        self.listing_hangs = False
        self.together: list[list[str]] = []

    def list_files(self, path: str) -> list[FileStat]:
        if self.listing_hangs:
            raise ReadTimeoutError(path, "did not come back")
        return [
            FileStat(name, 100 + frames, changed, hash(name))
            for name, (frames, changed) in self.files.items()
        ]

    def list_changes(self, directory: str, since: int) -> ListingChanges:
        return ListingChanges(self.list_files(directory), [], True, 1)

    def describe(self, path: str, dataset: str | None = None) -> RunInfo:
        self.described.append(path)
        if path in self.hanging:
            raise ReadTimeoutError(path, "did not come back")
        frames = self.files[path][0]
        if frames == 0:
            raise NotReadyError(path, "no frame yet")
        return RunInfo(path, "/d", frames, (SIDE, SIDE), "<u2")

    def find_crop(self, paths: object, dataset: str | None) -> Crop:
        return default_crop((SIDE, SIDE))

    def read_batch(
        self, path: str, dataset: str | None, start: int, stop: int, crop: Crop, written: float
    ) -> FrameBatch:
        if path in self.hanging:
            raise ReadTimeoutError(path, "did not come back")
        ids = [FrameId(path, "/d", index) for index in range(start, stop)]
        return empty_batch(ids, crop, written, DetectorGeometry())

    _read_on = LocalReader._read_on

    def read_on(self, positions: list[Position], *limits: object) -> list[ReadOn]:
        """As the real one; a hang ends the whole call."""
        self.together.append([position.path for position in positions])
        if any(position.path in self.hanging for position in positions):
            raise ReadTimeoutError(positions[0].path, "did not come back")
        return LocalReader.read_on(self, positions, *limits)  # type: ignore[arg-type]

    def close(self) -> None:
        pass


def test_finished_files_are_not_opened_again(tmp_path: Path) -> None:
    reader = FakeReader()
    watched = Watched(reader, tmp_path)
    for n in range(500):
        reader.files[f"/r/{n:04}.h5"] = (2, time.time() - 100)
    watched.pull()
    watched.pull(10)  # the last look
    reader.described.clear()
    reader.files["/r/new.h5"] = (1, time.time() - 5)
    for _ in range(20):
        watched.pull(1.0)
    assert set(reader.described) == {"/r/new.h5"}
    assert len(reader.described) <= 2


def test_a_change_without_a_new_time_stamp_is_found_by_the_last_look(tmp_path: Path) -> None:
    reader = FakeReader()
    watched = Watched(reader, tmp_path)
    stamp = time.time()
    reader.files["/r/a.h5"] = (2, stamp)
    watched.pull()

    def same_stat(path: str) -> list[FileStat]:
        return [FileStat("/r/a.h5", 102, stamp, hash("/r/a.h5"))]

    reader.list_files = same_stat  # type: ignore[method-assign]
    reader.files["/r/a.h5"] = (5, stamp)
    assert watched.pull() == 0
    for _ in range(4):
        watched.pull(2.5)
    assert watched.indices("a.h5") == [0, 1, 2, 3, 4]


def test_a_listing_that_hangs_is_shown_and_tried_less_and_less_often(tmp_path: Path) -> None:
    reader = FakeReader()
    watched = Watched(reader, tmp_path)
    reader.listing_hangs = True
    watched.pull()
    assert watched.feed.waiting == [(str(tmp_path), "did not come back")]
    reader.listing_hangs = False
    reader.files["/r/a.h5"] = (1, time.time())
    watched.pull(3.0)
    assert watched.frames == [("a.h5", 0)]
    assert watched.feed.waiting == []


def test_a_file_that_hangs_is_given_up_after_two_tries_for_good(tmp_path: Path) -> None:
    reader = FakeReader()
    watched = Watched(reader, tmp_path)
    reader.files = {"/r/bad.h5": (3, time.time()), "/r/good.h5": (3, time.time())}
    reader.hanging = {"/r/bad.h5"}
    for n in range(30):
        reader.files["/r/bad.h5"] = (3 + n, time.time() + n)  # it goes on changing
        watched.pull(2.5)
    assert reader.described.count("/r/bad.h5") == 2
    assert watched.indices("good.h5") == [0, 1, 2]
    assert [path for path, _ in watched.feed.refused] == ["/r/bad.h5"]


def test_frames_behind_counts_what_is_known_and_not_handed_out(tmp_path: Path) -> None:
    reader = FakeReader()
    watched = Watched(reader, tmp_path)
    reader.files = {"/r/a.h5": (100, time.time()), "/r/b.h5": (5, time.time())}
    watched.feed.next_batch(10)
    assert watched.feed.frames_behind == 90 + 1
    watched.pull()
    assert watched.feed.frames_behind == 0


def test_a_long_queue_is_not_gone_through_to_tell_its_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = FakeReader()
    watched = Watched(reader, tmp_path)
    reader.files = {f"/r/{n:04d}.h5": (1, time.time() + n) for n in range(3000)}
    watched.feed.next_batch(1)
    asked: list[RunCursor] = []
    remaining = RunCursor.remaining.fget
    assert remaining is not None
    monkeypatch.setattr(
        RunCursor,
        "remaining",
        property(lambda cursor: (asked.append(cursor), remaining(cursor))[1]),
    )
    assert watched.feed.frames_behind == 2999
    assert len(asked) == 1


def test_a_refusal_is_told_once_however_often_it_happens(tmp_path: Path) -> None:
    class Refusing(FakeReader):
        def describe(self, path: str, dataset: str | None = None) -> RunInfo:
            raise RunFileError(path, "no frames in it")

    reader = Refusing()
    watched = Watched(reader, tmp_path)
    for n in range(10):
        reader.files["/r/a.h5"] = (1, time.time() + n)
        for _ in range(5):
            watched.pull(1.0)
    assert watched.feed.refused == [("/r/a.h5", "no frames in it")]


def test_the_operators_crop_holds_from_the_next_frame_on(tmp_path: Path) -> None:
    reader = FakeReader()
    reader.files["/r/a.h5"] = (20, time.time())
    watched = Watched(reader, tmp_path)
    assert watched.feed.crop is None
    watched.feed.next_batch(5)
    assert watched.feed.crop == default_crop((SIDE, SIDE))
    watched.feed.set_crop(Crop(3.0, 4.0, 0.5))
    batch = watched.feed.next_batch(5)
    assert batch is not None
    assert batch.crop == watched.feed.crop == Crop(3.0, 4.0, 0.5)


# -- what is newest ----------------------------------------------------------------------------


def test_the_newest_file_is_news_for_some_seconds_and_gives_way_to_the_next(
    reader: LocalReader, folder: Path
) -> None:
    set_age(write_run(folder / "ahead.cxi", 2), -3600)  # written where clocks run ahead
    watched = Watched(reader, folder)
    watched.pull()
    assert watched.feed.newest is not None
    assert (Path(watched.feed.newest.path).name, watched.feed.newest.start) == ("ahead.cxi", 2)
    watched.pull(10)
    assert watched.feed.newest is None
    write_run(folder / "next.cxi", 3)
    watched.now += 0.3
    watched.feed.next_batch(1)
    watched.now += 0.2
    assert watched.feed.newest is not None
    assert (Path(watched.feed.newest.path).name, watched.feed.newest.start) == ("next.cxi", 1)
    assert watched.feed.waited_s == pytest.approx(0.2)
    watched.pull()
    assert watched.feed.waited_s == 0


def test_files_of_an_old_run_are_no_news(reader: LocalReader, folder: Path) -> None:
    set_age(write_run(folder / "old.cxi", 2), 7200)
    watched = Watched(reader, folder)
    watched.feed.next_batch(1)
    assert watched.feed.newest is None
