import numpy as np
import pytest

from spi_viewer.session.columns import Columns


@pytest.fixture
def columns():
    return Columns({"number": (np.int64, ()), "pair": (np.float32, (2,))})


def test_a_view_stays_true_when_the_columns_grow(columns):
    columns.extend(3, {"number": [1, 2, 3], "pair": np.zeros((3, 2))})
    view = columns["number"]
    columns.extend(5000, {"number": 7, "pair": np.ones((5000, 2))})
    assert view.tolist() == [1, 2, 3]
    assert columns["number"][:4].tolist() == [1, 2, 3, 7]
    assert columns["pair"].shape == (5003, 2)


def test_a_replaced_column_leaves_older_views_alone(columns):
    columns.extend(2, {"number": [1, 2], "pair": 0})
    view = columns["number"]
    columns.replace("number", np.array([8, 9]))
    assert view.tolist() == [1, 2]
    columns.extend(1, {"number": 10, "pair": 0})
    assert columns["number"].tolist() == [8, 9, 10]


def test_a_forgotten_column_is_an_error_and_adds_nothing(columns):
    with pytest.raises(KeyError, match="pair"):
        columns.extend(1, {"number": 1})
    assert len(columns) == 0
