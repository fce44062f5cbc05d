import numpy as np
import pytest

from spi_viewer.session.hit_rate import bin_hit_rate, wilson_interval


@pytest.mark.parametrize(
    ("good", "total", "low", "high"),
    [
        # R. G. Newcombe, Stat. Med. 17, 857 (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons(good, total, low, high):
    found_low, found_high = wilson_interval(good, total)
    assert float(found_low) == pytest.approx(low, abs=5e-5)
    assert float(found_high) == pytest.approx(high, abs=5e-5)


def test_nothing_is_known_of_no_frames():
    low, high = wilson_interval([0, 5], [0, 5])
    assert (low[0], high[0]) == (0, 1)
    assert high[1] == 1


def test_bins_may_be_interleaved_and_keep_their_first_row():
    series = bin_hit_rate(
        np.array([7, 9, 7, 9, 9]),
        np.array([True, False, False, True, True]),
        np.array([10, 11, 12, 13, 14]),
        np.array([70.0, 90, 71, 91, 92]),
    )
    assert series.first_row.tolist() == [10, 11]
    assert series.frames.tolist() == [2, 3]
    assert series.hit_rate.tolist() == pytest.approx([1 / 2, 2 / 3])
    assert series.time_s.tolist() == [70, 90]


def test_a_series_of_no_frames_is_empty():
    empty = np.zeros(0, np.int64)
    assert len(bin_hit_rate(empty, empty.astype(bool), empty, empty.astype(float)).time_s) == 0
