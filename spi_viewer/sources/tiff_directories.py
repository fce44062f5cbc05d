"""The list of images in a TIFF file, followed once before fabio follows it.

fabio follows a list that leads back to itself for ever.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

_MAX_IMAGES = 100_000


def check_tiff_directories(path: Path) -> None:
    """Raise ValueError unless every image directory lies in the file and none comes twice."""
    with path.open("rb") as file:
        order = "<" if file.read(4)[:2] == b"II" else ">"
        offset = _number(file, 4, order + "I")
        seen: set[int] = set()
        while offset:
            if offset in seen or len(seen) >= _MAX_IMAGES:
                raise ValueError("its list of images leads back to itself")
            seen.add(offset)
            entries = _number(file, offset, order + "H")
            offset = _number(file, offset + 2 + 12 * entries, order + "I")
    if not seen:
        raise ValueError("it holds no image")


def _number(file: BinaryIO, offset: int, form: str) -> int:
    file.seek(offset)
    content = file.read(struct.calcsize(form))
    if len(content) < struct.calcsize(form):
        raise ValueError("it is truncated")
    return int(struct.unpack(form, content)[0])
