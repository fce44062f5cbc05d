"""Growing columns: a row a frame, plain numpy arrays that double when they are full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

_FIRST_CAPACITY = 1024


class Columns:
    """Named arrays of equal length, appended to together.

    Rows, once appended, keep their place: a view taken before an append stays true for its rows,
    also when the arrays have moved. Not thread safe; the session holds its lock.
    """

    def __init__(self, layout: Mapping[str, tuple[DTypeLike, tuple[int, ...]]]) -> None:
        self._arrays = {
            name: np.zeros((_FIRST_CAPACITY, *shape), dtype)
            for name, (dtype, shape) in layout.items()
        }
        self._count = 0
        self._capacity = _FIRST_CAPACITY

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, name: str) -> NDArray[Any]:
        """The rows of one column so far, as a view."""
        return self._arrays[name][: self._count]

    def extend(self, count: int, values: Mapping[str, ArrayLike]) -> None:
        """Append count rows; every column must be named, scalars fill."""
        if values.keys() != self._arrays.keys():
            raise KeyError(f"columns are {sorted(self._arrays)}, got {sorted(values)}")
        end = self._count + count
        if end > self._capacity:
            self._grow(end)
        for name, column in values.items():
            self._arrays[name][self._count : end] = column
        self._count = end

    def replace(self, name: str, values: NDArray[Any]) -> None:
        """Put new values for all rows in a new array; older views keep the old ones."""
        array = np.zeros_like(self._arrays[name])
        array[: self._count] = values
        self._arrays[name] = array

    def _grow(self, needed: int) -> None:
        self._capacity = max(needed, 2 * self._capacity)
        for name, array in self._arrays.items():
            larger = np.zeros((self._capacity, *array.shape[1:]), array.dtype)
            larger[: self._count] = array[: self._count]
            self._arrays[name] = larger
