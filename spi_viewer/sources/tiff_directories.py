"""The images in a TIFF file, looked through once before fabio reads them.

fabio follows a list of images that leads back to itself for ever, and hands what is compressed to
Pillow, in a way that gives wrong pixels for some of what TIFF allows.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

_MAX_IMAGES = 100_000
_MAX_TAGS = 4096
_BITS, _COMPRESSION, _PHOTOMETRIC = 258, 259, 262  # tags
_SAMPLES, _TILE_WIDTH, _SAMPLE_FORMAT = 277, 322, 339
_SHORT, _LONG = 3, 4  # types of values
_UNCOMPRESSED, _PACK_BITS = 1, 32773
_FLOATING_POINT = 3


class _Image(NamedTuple):
    """What an image's tags say of how its pixels are stored."""

    bits: int
    is_compressed: bool
    is_packed: bool
    is_colour: bool
    is_tiled: bool
    is_float: bool


def tiff_problem(path: Path) -> str:
    """Why a TIFF cannot be read as it should be, '' if it can.

    Raises ValueError unless every image directory lies in the file and none comes twice.
    """
    with path.open("rb") as file:
        order = "<" if file.read(4)[:2] == b"II" else ">"
        offset = _number(file, 4, order + "I")
        seen: set[int] = set()
        problem = ""
        while offset:
            if offset in seen or len(seen) >= _MAX_IMAGES:
                raise ValueError("its list of images leads back to itself")
            seen.add(offset)
            entries = _number(file, offset, order + "H")
            if not problem:
                image = _image(file, order, min(entries, _MAX_TAGS))
                problem = _problem(image, order, len(seen))
            offset = _number(file, offset + 2 + 12 * entries, order + "I")
    if not seen:
        raise ValueError("it holds no image")
    return problem


def _problem(image: _Image, order: str, number: int) -> str:
    if image.is_colour:
        return "the image is in colour; colour images are no diffraction patterns"
    in_parts = image.is_compressed or image.is_tiled
    odd = (
        (number > 1 and in_parts)
        or image.is_packed
        or (image.is_compressed and order == ">" and image.bits > 8)
        or (image.is_float and (image.bits < 32 or (image.bits > 32 and in_parts)))
    )
    return "a TIFF compressed or tiled in this way is not read; save it uncompressed" if odd else ""


def _image(file: BinaryIO, order: str, entries: int) -> _Image:
    """The tags that stand at the file's position."""
    values: dict[int, int] = {}
    content = file.read(12 * entries)
    for entry in range(len(content) // 12):
        tag, kind, count = struct.unpack_from(order + "HHI", content, 12 * entry)
        if kind == _SHORT and count <= 2:
            (values[tag],) = struct.unpack_from(order + "H", content, 12 * entry + 8)
        elif kind == _LONG and count == 1:
            (values[tag],) = struct.unpack_from(order + "I", content, 12 * entry + 8)
    compression = values.get(_COMPRESSION, _UNCOMPRESSED)
    return _Image(
        bits=values.get(_BITS, 1),
        is_compressed=compression != _UNCOMPRESSED,
        is_packed=compression == _PACK_BITS,
        is_colour=values.get(_SAMPLES, 1) != 1 or values.get(_PHOTOMETRIC, 1) > 1,
        is_tiled=_TILE_WIDTH in values,
        is_float=values.get(_SAMPLE_FORMAT) == _FLOATING_POINT,
    )


def _number(file: BinaryIO, offset: int, form: str) -> int:
    file.seek(offset)
    content = file.read(struct.calcsize(form))
    if len(content) < struct.calcsize(form):
        raise ValueError("it is truncated")
    return int(struct.unpack(form, content)[0])
