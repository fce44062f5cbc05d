"""From raw frames to batches: masks, flags, types, damaged frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spi_viewer.errors import RunFileError
from spi_viewer.frames import Crop, FrameFlag, RunInfo
from spi_viewer.sources.frame_preparation import frame_with_mask, prepare_batch

SIDE = 128
CROP = Crop(63.5, 63.5, 1.0)


class FakeRun:
    """A run of given frames; an exception stands for a frame that cannot be read."""

    def __init__(
        self,
        frames: list[Any],
        valid: np.ndarray | None = None,
        flags: dict[int, FrameFlag] | None = None,
    ) -> None:
        first = next(frame for frame in frames if isinstance(frame, np.ndarray))
        self.frames = frames
        self.valid = np.ones(first.shape, bool) if valid is None else valid
        self.flags = flags or {}
        self.info = RunInfo("/run.cxi", "/data", len(frames), first.shape, first.dtype.str)
        self.reads: list[int] = []

    def read_frame(self, index: int) -> np.ndarray:
        self.reads.append(index)
        frame = self.frames[index]
        if isinstance(frame, BaseException):
            raise frame
        return frame

    def valid_pixels(self, index: int) -> np.ndarray:
        return self.valid

    def frame_name(self, index: int) -> str:
        return f"event {index}"

    def frame_flags(self, index: int) -> FrameFlag:
        return self.flags.get(index, FrameFlag.NONE)


def test_rows_follow_the_file_and_carry_ids_sums_and_times() -> None:
    frames = [np.full((SIDE, SIDE), n, np.uint16) for n in range(5)]
    batch = prepare_batch(FakeRun(frames), 1, 4, CROP, 123.0)  # type: ignore[arg-type]
    assert [frame_id.index for frame_id in batch.ids] == [1, 2, 3]
    assert [frame_id.name for frame_id in batch.ids] == ["event 1", "event 2", "event 3"]
    assert batch.photons.tolist() == [n * SIDE**2 for n in (1, 2, 3)]
    assert batch.written_at_s.tolist() == [123.0] * 3
    assert batch.valid.all()
    assert batch.counts[1].min() == batch.counts[1].max() == 2


@pytest.mark.parametrize(
    "dtype",
    ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", "?", ">u2", ">i4", ">f8"],
)
def test_every_numeric_type_gives_the_same_counts(dtype: str) -> None:
    pattern = (np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % 2).astype(dtype)
    batch = prepare_batch(FakeRun([pattern]), 0, 1, CROP, 0.0)  # type: ignore[arg-type]
    assert batch.flags[0] == 0
    assert batch.photons[0] == SIDE * SIDE / 2
    np.testing.assert_array_equal(batch.counts[0], pattern.astype(np.float32))


def test_half_floats_do_not_overflow_when_they_are_summed() -> None:
    bright = np.full((512, 512), 30000, np.float16)
    batch = prepare_batch(FakeRun([bright]), 0, 1, Crop(255.5, 255.5, 4.0), 0.0)  # type: ignore[arg-type]
    assert np.isfinite(batch.photons[0])
    assert batch.counts[0].max() == pytest.approx(16 * 30000, rel=1e-3)


def test_masked_pixels_count_nowhere() -> None:
    frame = np.ones((SIDE, SIDE), np.int32)
    frame[:10] = 1000
    valid = np.ones((SIDE, SIDE), bool)
    valid[:10] = False
    batch = prepare_batch(FakeRun([frame], valid), 0, 1, CROP, 0.0)  # type: ignore[arg-type]
    assert batch.photons[0] == (SIDE - 10) * SIDE
    assert not batch.valid[0, :10].any()
    assert batch.counts[0].max() == 1


def test_a_damaged_frame_is_flagged_and_the_others_are_read() -> None:
    good = np.ones((SIDE, SIDE), np.uint8)
    run = FakeRun([good, RunFileError("/run.cxi", "inflate failed"), OSError("eof"), good])
    batch = prepare_batch(run, 0, 4, CROP, 0.0)  # type: ignore[arg-type]
    assert batch.flags.tolist() == [0, FrameFlag.UNREADABLE, FrameFlag.UNREADABLE, 0]
    assert not batch.counts[1:3].any()
    assert not batch.valid[1:3].any()


def test_frames_known_to_be_missing_are_not_read() -> None:
    good = np.ones((SIDE, SIDE), np.uint8)
    run = FakeRun([good, good], flags={1: FrameFlag.SOURCE_MISSING})
    batch = prepare_batch(run, 0, 2, CROP, 0.0)  # type: ignore[arg-type]
    assert run.reads == [0]
    assert batch.flags.tolist() == [0, FrameFlag.SOURCE_MISSING]


@pytest.mark.parametrize(
    "frame",
    [
        np.full((SIDE, SIDE), np.nan, np.float32),
        np.full((SIDE, SIDE), 65535, np.uint16),
        np.full((SIDE, SIDE), 4294967295, np.uint32),
        np.full((SIDE, SIDE), -1, np.int32),
    ],
)
def test_a_frame_of_nothing_but_gap_values_has_no_valid_pixels(frame: np.ndarray) -> None:
    batch = prepare_batch(FakeRun([frame]), 0, 1, CROP, 0.0)  # type: ignore[arg-type]
    assert batch.flags[0] & FrameFlag.NO_VALID_PIXELS
    assert not batch.flags[0] & FrameFlag.UNREADABLE
    assert np.isfinite(batch.counts).all()


def test_non_finite_pixels_are_flagged_unless_the_mask_covers_them() -> None:
    frame = np.ones((SIDE, SIDE), np.float32)
    frame[3, 4], frame[5, 6] = np.nan, np.inf
    _, valid, flags = frame_with_mask(FakeRun([frame]), 0)  # type: ignore[arg-type]
    assert flags == FrameFlag.NON_FINITE
    assert valid.sum() == SIDE**2 - 2
    _, _, flags = frame_with_mask(FakeRun([frame], np.isfinite(frame)), 0)  # type: ignore[arg-type]
    assert flags == FrameFlag.NONE


def test_a_valid_pixel_at_the_limit_of_its_type_is_saturated() -> None:
    frame = np.ones((SIDE, SIDE), np.int16)
    frame[7, 7] = 32767
    _, valid, flags = frame_with_mask(FakeRun([frame]), 0)  # type: ignore[arg-type]
    assert flags == FrameFlag.SATURATED
    assert valid.all()
