"""Whatever order writers and polls come in: each frame once, in order, unharmed."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spi_viewer.sources.local_reader import LocalReader
from spi_viewer.sources.run_watcher import WatchFeed

DATASET = "/entry_1/data_1/data"
SIDE = 32


class World:
    """A directory with writers, a feed that watches it, and a clock for both.

    Every frame ever written has a value of its own, so that it is known again whatever the feed
    says of its file and position.
    """

    def __init__(self, root: Path) -> None:
        self.live = root / "live"
        self.live.mkdir()
        self.aside = root / "aside"
        self.aside.mkdir()
        self.now = 0.0
        self.next_value = 1
        self.expected: dict[int, list[int]] = {}  # file number -> values in order
        self.names: dict[int, Path] = {}
        self.copies: dict[int, tuple[bytes, int]] = {}  # file number -> contents, bytes copied
        self.torn: dict[int, tuple[int, bytes]] = {}  # file number -> offset, bytes that belong
        self.seen: list[int] = []
        self.reader = LocalReader()
        self.feed = WatchFeed(
            self.reader,
            str(self.live),
            clock=lambda: self.now,
            wall_clock=lambda: time.time() + self.now,
        )

    def step(self, kind: str, which: int, count: int) -> None:
        self.reader.close()  # in one process HDF5 does not let a file be open in two modes
        files = sorted(self.names)
        chosen = files[which % len(files)] if files else None
        if kind in ("write", "rename_in", "copy") or chosen is None:
            self._new_file(kind, count)
        elif kind == "append":
            self._append(chosen, count)
        elif kind == "go_on_copying":
            self._go_on_copying(chosen, count / 8)
        elif kind == "rename":
            self._rename(chosen)
        elif kind == "tear":
            self._tear(chosen)
        elif kind == "mend":
            self._mend(chosen)
        elif kind == "poll":
            self.poll(0.3 * count)

    def poll(self, seconds: float) -> None:
        self.now += seconds
        for _ in range(200):
            batch = self.feed.next_batch(3)
            if batch is None:
                return
            self.seen += [round(value) for value in batch.photons / SIDE**2]
        raise AssertionError("the feed never came to an end")

    def finish(self) -> None:
        """All writers end properly, then a minute passes."""
        self.reader.close()
        for file in list(self.copies):
            self._go_on_copying(file, 1.0)
        for file in list(self.torn):
            self._mend(file)
        for _ in range(30):
            self.poll(2.1)
        self.reader.close()

    def _values(self, file: int, count: int) -> np.ndarray:
        values = np.arange(self.next_value, self.next_value + count, dtype=np.uint16)
        self.next_value += count
        self.expected.setdefault(file, []).extend(values.tolist())
        return np.broadcast_to(values[:, None, None], (count, SIDE, SIDE))

    def _new_file(self, kind: str, count: int) -> None:
        number = len(self.names)
        name = f"{number:03}.cxi"
        target = (self.live if kind == "write" else self.aside) / name
        with h5py.File(target, "w") as file:
            file.create_dataset(
                DATASET,
                data=self._values(number, count),
                chunks=(1, SIDE, SIDE),
                maxshape=(None, SIDE, SIDE),
                compression="gzip",
            )
        self.names[number] = self.live / name
        if kind == "copy":
            self.copies[number] = (target.read_bytes(), 0)
            self._go_on_copying(number, 0.3)
        elif target != self.live / name:
            target.rename(self.live / name)

    def _append(self, number: int, count: int) -> None:
        if number in self.copies or number in self.torn:
            return
        with h5py.File(self.names[number], "r+") as file:
            data = file[DATASET]
            before = len(data)
            data.resize(before + count, axis=0)
            data[before:] = self._values(number, count)

    def _go_on_copying(self, number: int, fraction: float) -> None:
        if number not in self.copies:
            return
        contents, done = self.copies[number]
        upto = min(len(contents), done + int(fraction * len(contents)) + 1)
        with self.names[number].open("ab") as file:
            file.write(contents[done:upto])
        self.copies[number] = (contents, upto)
        if upto == len(contents):
            del self.copies[number]

    def _rename(self, number: int) -> None:
        if number in self.copies:
            return
        target = self.live / f"renamed_{self.next_value}_{number}.cxi"
        if not target.exists():
            self.names[number] = self.names[number].rename(target)

    def _tear(self, number: int) -> None:
        """The last frame's bytes are not there yet, though the file says they are."""
        path = self.names[number]
        if number in self.copies or number in self.torn or self.expected[number][-1] in self.seen:
            return
        with h5py.File(path, "r") as file:
            chunk = file[DATASET].id.get_chunk_info(len(file[DATASET]) - 1)
        contents = path.read_bytes()[chunk.byte_offset : chunk.byte_offset + chunk.size]
        self.torn[number] = (chunk.byte_offset, contents)
        self._put(path, chunk.byte_offset, b"\xff" * chunk.size)

    def _mend(self, number: int) -> None:
        if number in self.torn:
            self._put(self.names[number], *self.torn.pop(number))

    @staticmethod
    def _put(path: Path, offset: int, contents: bytes) -> None:
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(contents)


STEPS = st.tuples(
    st.sampled_from(
        ["write", "rename_in", "copy", "append", "go_on_copying", "rename", "tear", "mend"]
        + ["poll"] * 6
    ),
    st.integers(0, 5),
    st.integers(1, 5),
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(STEPS, max_size=25))
def test_each_frame_comes_once_and_in_order(steps: list[tuple[str, int, int]]) -> None:
    root = Path(tempfile.mkdtemp())
    try:
        world = World(root)
        for kind, which, count in steps:
            world.step(kind, which, count)
        world.finish()
        everything = [value for values in world.expected.values() for value in values]
        assert sorted(world.seen) == sorted(everything)
        for values in world.expected.values():
            assert [value for value in world.seen if value in values] == values
        assert world.feed.waiting == []
        assert world.feed.refused == []
    finally:
        shutil.rmtree(root)
