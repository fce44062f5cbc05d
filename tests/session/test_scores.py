import numpy as np

from spi_viewer.session.scores import score_histogram


def test_the_histogram_takes_both_ends_and_no_nan():
    edges, counts = score_histogram(np.array([0, 0.24, 0.5, 1.0, np.nan], np.float32), 4)
    assert edges.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert counts.tolist() == [2, 0, 1, 1]
