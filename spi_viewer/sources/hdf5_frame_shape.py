"""Whether a dataset can be a run of frames, and if not, why not."""

from __future__ import annotations

import h5py
import numpy as np

MAX_SIDE_PX = 16_384
MAX_CHUNK_BYTES = 1 << 30
_MIN_SEARCHED_SIDE_PX = 16
_MAX_SEARCHED_ASPECT = 8


def frame_problem(dataset: h5py.Dataset) -> str | None:
    """Why a dataset cannot be read as frames, as the end of a sentence; None if it can."""
    return _type_problem(dataset) or _shape_problem(dataset) or _filter_problem(dataset)


def _type_problem(dataset: h5py.Dataset) -> str | None:
    dtype = dataset.dtype
    if dtype.names is not None:
        return "holds compound records, not pixels"
    if dtype.kind == "c":
        return "holds complex numbers, not intensities"
    if dtype.kind not in "iuf" or dtype.subdtype is not None:
        return f"holds {_kind_name(dtype)}, not pixels"
    return None


def _kind_name(dtype: np.dtype) -> str:
    if dtype.kind in "SUOT":
        return "text or objects"
    return "true/false values" if dtype.kind == "b" else f"values of type {dtype}"


def _shape_problem(dataset: h5py.Dataset) -> str | None:
    shape = dataset.shape
    if shape is None:
        return "is empty"
    if len(shape) in (4, 5):
        return (
            f"is {len(shape)}-D {shape}: detector modules that are not assembled; it needs the "
            "detector's geometry, so assemble it first (Cheetah, EXtra-geom)"
        )
    if len(shape) not in (2, 3):
        return f"is {len(shape)}-D; frames are 3-D (frame, y, x) or one 2-D image"
    height, width = shape[-2:]
    if min(height, width) < 2:
        return f"has frames of {height} x {width} pixels, which hold no pattern"
    if max(height, width) > MAX_SIDE_PX:
        return f"has frames of {height} x {width} pixels; at most {MAX_SIDE_PX} a side are read"
    if dataset.chunks and int(np.prod(dataset.chunks)) * dataset.dtype.itemsize > MAX_CHUNK_BYTES:
        return f"has chunks of {dataset.chunks}, too large to read a frame; rechunk it (h5repack)"
    return None


def _filter_problem(dataset: h5py.Dataset) -> str | None:
    properties = dataset.id.get_create_plist()
    for position in range(properties.get_nfilters()):
        code, _, _, name = properties.get_filter(position)
        if not h5py.h5z.filter_avail(code):
            label = name.decode("utf-8", "replace") or "unnamed"
            return (
                f"is compressed with filter {code} ({label}), which is not installed; "
                "see https://portal.hdfgroup.org for the plugin of that number"
            )
    return None


def looks_like_frames(dataset: h5py.Dataset) -> bool:
    """True for numbers in the shape of images, where no path says that they are frames."""
    if dataset.dtype.kind not in "iuf" or dataset.dtype.names or dataset.shape is None:
        return False
    if dataset.ndim not in (2, 3, 4, 5):
        return False
    low, high = sorted(dataset.shape[-2:])
    return low >= _MIN_SEARCHED_SIDE_PX and high <= _MAX_SEARCHED_ASPECT * low
