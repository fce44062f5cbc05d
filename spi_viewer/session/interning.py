"""Values that many rows share are kept once; a row holds their number."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

Value = TypeVar("Value", bound=Hashable)


class Interner(Generic[Value]):
    """Numbers values from 0 in the order they are first seen."""

    def __init__(self, values: Iterable[Value] = ()) -> None:
        self._values: list[Value] = []
        self._numbers: dict[Value, int] = {}
        for value in values:
            self.number(value)

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, number: int) -> Value:
        return self._values[number]

    def number(self, value: Value) -> int:
        """The value's number; a new value gets the next one."""
        number = self._numbers.setdefault(value, len(self._values))
        if number == len(self._values):
            self._values.append(value)
        return number

    def since(self, first: int) -> list[tuple[int, Value]]:
        """(number, value) from number first on."""
        return list(enumerate(self._values[first:], first))


class Names:
    """A short text a row in one growing byte string: 20 bytes instead of a Python object each."""

    def __init__(self) -> None:
        self._text = bytearray()

    def append(self, names: Iterable[str]) -> list[int]:
        """Add the names and return where each ends."""
        ends = []
        for name in names:
            self._text += name.encode("utf-8", "surrogateescape")
            ends.append(len(self._text))
        return ends

    def between(self, start: int, end: int) -> str:
        """The name that stands in [start, end)."""
        return self._text[start:end].decode("utf-8", "surrogateescape")
