"""The thread that reads ahead: order, holding back, ends, faults."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from spi_viewer.errors import RunFileError
from spi_viewer.frames import Crop, DetectorGeometry, FrameBatch, FrameId
from spi_viewer.sources.feed_reader import FeedReader, Reading
from spi_viewer.sources.frame_batches import empty_batch

CROP = Crop(63.5, 63.5, 1.0)


class CountingFeed:
    """So many batches of one frame; then the end, or an error."""

    waited_s = 0.0

    def __init__(self, name: str, batches: int, error: Exception | None = None) -> None:
        self.name = name
        self.left = batches
        self.error = error
        self.handed_out = 0
        self.is_live = False
        self.asked = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    @property
    def finished(self) -> bool:
        return not self.is_live and self.left == 0

    def next_batch(self, max_frames: int) -> FrameBatch | None:
        self.asked.set()
        assert self.gate.wait(20)
        if self.left == 0:
            if self.error is not None:
                raise self.error
            return None
        self.left -= 1
        self.handed_out += 1
        frame = FrameId(self.name, "/d", self.handed_out - 1)
        return empty_batch([frame], CROP, 0.0, DetectorGeometry())


@pytest.fixture
def reader() -> Iterator[FeedReader]:
    made = FeedReader(64)
    made.start()
    yield made
    assert made.stop(20)


def wait_until(condition: Callable[[], bool], limit_s: float = 20.0) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "the condition never came true"
        time.sleep(0.005)


def take(reader: FeedReader) -> Reading:
    reading = reader.take(20)
    assert reading is not None
    return reading


def indices(readings: list[Reading], feed: CountingFeed) -> list[int]:
    return [
        reading.batch.ids[0].index
        for reading in readings
        if reading.feed is feed and reading.batch is not None
    ]


def test_every_feed_gets_its_turn_and_keeps_its_order(reader: FeedReader) -> None:
    feeds = [CountingFeed(name, 10) for name in "ab"]
    for feed in feeds:
        reader.add(feed)  # type: ignore[arg-type]
    readings = [take(reader) for _ in range(22)]
    for feed in feeds:
        assert indices(readings, feed) == list(range(10))
        (end,) = (one for one in readings if one.feed is feed and one.batch is None)
        assert end.error is None
        assert readings.index(end) >= 11  # not before the other feed had its turns too
    assert reader.take(0.05) is None
    assert reader.frames_ahead == 0


def test_what_is_not_taken_holds_the_reading_back(reader: FeedReader) -> None:
    feed = CountingFeed("a", 100)
    reader.add(feed)  # type: ignore[arg-type]
    wait_until(lambda: feed.handed_out == 2)
    assert reader.take(20) is not None
    wait_until(lambda: feed.handed_out == 3)
    time.sleep(0.1)
    assert feed.handed_out == 3
    assert reader.frames_ahead == 2


def test_a_live_feed_is_asked_again_and_again(reader: FeedReader) -> None:
    feed = CountingFeed("a", 1)
    feed.is_live = True
    reader.add(feed)  # type: ignore[arg-type]
    assert indices([take(reader)], feed) == [0]
    assert reader.take(0.1) is None
    feed.left = 1
    assert indices([take(reader)], feed) == [1]


def test_a_fault_comes_after_the_frames_before_it_and_ends_its_feed_only(
    reader: FeedReader,
) -> None:
    error = RunFileError("/r/a.h5", "torn")
    bad, good = CountingFeed("a", 2, error), CountingFeed("b", 5)
    reader.add(bad)  # type: ignore[arg-type]
    reader.add(good)  # type: ignore[arg-type]
    readings = [take(reader) for _ in range(9)]
    of_bad = [reading for reading in readings if reading.feed is bad]
    assert [reading.error for reading in of_bad] == [None, None, error]
    assert indices(readings, good) == list(range(5))
    assert reader.take(0.05) is None


def test_a_removed_feed_is_not_asked_any_more(reader: FeedReader) -> None:
    feed = CountingFeed("a", 100)
    reader.add(feed)  # type: ignore[arg-type]
    take(reader)
    reader.remove(feed)  # type: ignore[arg-type]
    rest = []
    while (reading := reader.take(0.1)) is not None:
        rest.append(reading)
    assert len(rest) <= 2
    assert feed.left > 90


def test_stopping_says_whether_a_read_hangs() -> None:
    feed = CountingFeed("a", 5)
    feed.gate.clear()
    reader = FeedReader(64)
    reader.start()
    reader.add(feed)  # type: ignore[arg-type]
    assert feed.asked.wait(20)
    assert not reader.stop(0.05)
    feed.gate.set()
    assert reader.stop(20)
    assert reader.take(0.0) is None
