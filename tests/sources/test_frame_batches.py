"""Cutting and joining batches."""

from __future__ import annotations

from spi_viewer.frames import Crop, DetectorGeometry, FrameBatch, FrameFlag, FrameId, RunInfo
from spi_viewer.sources.frame_batches import (
    BatchGatherer,
    empty_batch,
    first_rows,
    joined,
    unreadable_batch,
)

CROP = Crop(10.0, 10.0, 1.0)


def rows(path: str, count: int, crop: Crop = CROP) -> FrameBatch:
    ids = [FrameId(path, "/d", index) for index in range(count)]
    return empty_batch(ids, crop, 5.0, DetectorGeometry())


def test_joined_batches_keep_the_order_of_their_rows() -> None:
    first, second = rows("/a", 2), rows("/b", 3)
    first.photons[:] = [1, 2]
    second.photons[:] = [3, 4, 5]
    both = joined([first, second])
    assert both.photons.tolist() == [1, 2, 3, 4, 5]
    assert [frame_id.path for frame_id in both.ids] == ["/a", "/a", "/b", "/b", "/b"]
    assert both.counts.shape == (5, 128, 128)


def test_first_rows_cuts_every_column() -> None:
    cut = first_rows(rows("/a", 4), 1)
    assert len(cut) == 1
    assert {len(column) for column in (cut.counts, cut.valid, cut.thumbnails, cut.flags)} == {1}
    assert len(cut.photons) == len(cut.written_at_s) == 1


def test_unreadable_rows_name_their_frames() -> None:
    info = RunInfo("/a", "/d", 10, (64, 64), "<u2")
    batch = unreadable_batch(info, 3, 5, CROP, 7.0)
    assert [frame_id.index for frame_id in batch.ids] == [3, 4]
    assert batch.flags.tolist() == [FrameFlag.UNREADABLE] * 2


def test_a_gatherer_stops_at_its_number_of_frames() -> None:
    gathered = BatchGatherer(3, 1.0, clock=lambda: 0.0)
    gathered.add(rows("/a", 1))
    assert gathered.has_room()
    assert gathered.room == 2
    gathered.add(rows("/b", 2))
    assert not gathered.has_room(is_at_hand=True)
    batch = gathered.batch()
    assert batch is not None
    assert len(batch) == 3


def test_a_gatherer_stops_when_its_time_is_over() -> None:
    now = [0.0]
    gathered = BatchGatherer(100, 1.0, clock=lambda: now[0])
    assert gathered.has_room()
    assert gathered.seconds_left == 1.0
    now[0] = 1.5
    assert not gathered.has_room()
    assert gathered.has_room(is_at_hand=True)
    assert gathered.seconds_left == 0.0
    assert gathered.batch() is None


def test_frames_of_another_crop_or_distance_do_not_fit() -> None:
    near = DetectorGeometry(1000.0, 0.1, 75e-6)
    gathered = BatchGatherer(100, 1.0, clock=lambda: 0.0)
    batch = rows("/a", 1)
    batch.geometry = near
    gathered.add(batch)
    assert not gathered.accepts(Crop(11.0, 10.0, 1.0), near)
    assert not gathered.accepts(CROP, DetectorGeometry(1000.0, 0.2, 75e-6))
    assert not gathered.accepts(CROP, DetectorGeometry(1000.0, None, 75e-6))
    assert gathered.accepts(CROP, DetectorGeometry(1003.0, 0.1, 75e-6))  # energy jitter
