"""CBF images (Pilatus): the binary section, found and measured before it is decompressed.

fabio's own CBF reader never returns from files that end inside the header, so only its
decompressor is used.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from fabio.compression import decByteOffset
from numpy.typing import NDArray

from spi_viewer.frames import DetectorGeometry
from spi_viewer.sources.hdf5_frame_shape import MAX_SIDE_PX

_BINARY_START = b"\x0c\x1a\x04\xd5"
_MAX_HEADER_BYTES = 1 << 20
_HC_EV_ANGSTROM = 12398.41984
_TYPES = {
    "signed 8-bit integer": np.int8,
    "signed 16-bit integer": np.int16,
    "signed 32-bit integer": np.int32,
    "unsigned 8-bit integer": np.uint8,
    "unsigned 16-bit integer": np.uint16,
    "unsigned 32-bit integer": np.uint32,
}


def read_cbf(path: Path) -> tuple[NDArray[Any], dict[str, str], DetectorGeometry]:
    """Pixels (h, w), header and geometry of a CBF file; ValueError if it is torn or unusual."""
    data = path.read_bytes()
    start = data.find(_BINARY_START, 0, _MAX_HEADER_BYTES)
    if start < 0:
        raise ValueError("it ends before its binary section")
    text = data[:start].decode("latin-1")
    header = _section_header(text)
    if header.get("conversions", "").upper() != "X-CBF_BYTE_OFFSET":
        raise ValueError(f"its compression {header.get('conversions', '(none)')} is not supported")
    size = int(header["X-Binary-Size"])
    packed = data[start + len(_BINARY_START) :][:size]
    if len(packed) < size or size < 0:
        raise ValueError(f"it is truncated: {len(packed)} of {size} bytes of pixels are there")
    width = int(header["X-Binary-Size-Fastest-Dimension"])
    height = int(header["X-Binary-Size-Second-Dimension"])
    # Every pixel takes a byte at least, so the file's own size bounds the image's.
    if not (0 < width <= MAX_SIDE_PX and 0 < height <= MAX_SIDE_PX and width * height <= size):
        raise ValueError(f"its size of {height} x {width} pixels does not fit its {size} bytes")
    dtype = _TYPES[header.get("X-Binary-Element-Type", "signed 32-bit integer").lower()]
    # The decompressor looks ahead of an escape byte; zeros keep it inside the buffer.
    pixels = np.asarray(decByteOffset(packed + bytes(16), size=width * height, dtype=np.int64))
    return pixels.reshape(height, width).astype(dtype), header, _pilatus_geometry(text)


def _section_header(text: str) -> dict[str, str]:
    """'Key: value' and 'key="value"' lines of the binary section."""
    section = text.split("--CIF-BINARY-FORMAT-SECTION--")[-1]
    pairs = re.findall(r'^[ \t]*([\w-]+)[ \t]*[:=][ \t]*"?([^"\r\n;]*)', section, re.MULTILINE)
    return {key: value.strip() for key, value in pairs}


def _pilatus_geometry(text: str) -> DetectorGeometry:
    """Geometry from the comments that Pilatus writes: '# Detector_distance 0.2 m'."""
    wavelength_a = _comment_number(text, "Wavelength", "A")
    return DetectorGeometry(
        photon_energy_ev=_HC_EV_ANGSTROM / wavelength_a if wavelength_a else None,
        distance_m=_comment_number(text, "Detector_distance", "m"),
        pixel_size_m=_comment_number(text, "Pixel_size", "m"),
    )


def _comment_number(text: str, name: str, unit: str) -> float | None:
    found = re.search(rf"#\s*{name}[\s:=]+([0-9.eE+-]+)\s*{unit}\b", text)
    try:
        value = float(found.group(1)) if found else 0.0
    except ValueError:
        return None
    return value if value > 0 else None
