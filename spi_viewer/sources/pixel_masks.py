"""Which pixels of a frame count: mask bits by each facility's convention, and gap values."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class MaskConvention(enum.Enum):
    """What the bits of a mask mean."""

    CXI = "cxi"  # Cheetah, psocake, Condor: some bits only inform
    ANY_BIT = "any bit"  # European XFEL BadPixels
    NEXUS = "nexus"  # NXdetector pixel_mask
    ONES_ARE_GOOD = "ones are good"  # Hummingbird, psana
    POLARITY_BY_MAJORITY = "majority"  # 0/1 masks of unknown sense: most pixels are good


# Bits that inform and exclude nothing: 2048 artifact corrected, 8192 peak for hit finder,
# 16384 photon background corrected (antonbarty/cheetah-2017, detectorObject.h).
CXI_INFORMATION_BITS = 2048 | 8192 | 16384
# Gap, dead, under-, over-responding, noisy, cluster, user: the pixel is to be ignored when
# mask & 0xFF (NXdetector pixel_mask as first proposed, nexus list 2013-07-10).
NEXUS_BAD_BITS = 0xFF

# Negative pixels up to this share of a frame can be dead pixels wherever they stand.
_SCATTERED_SHARE = 0.01
# Gaps and beam stops are blocks: their pixels have neighbours of their kind; noise has not.
_BLOCK_SHARE = 0.8


def valid_from_bits(mask: NDArray[Any], convention: MaskConvention) -> NDArray[np.bool_]:
    """True where a pixel counts; `mask` of any integer, float or bool type, same shape."""
    if convention is MaskConvention.POLARITY_BY_MAJORITY:
        convention = resolve_convention(mask)
    if convention is MaskConvention.ONES_ARE_GOOD:
        return np.asarray(mask != 0)
    if mask.dtype.kind == "f":
        mask = np.where(np.isfinite(mask) & (mask >= 0), mask, 1).astype(np.uint64)
    elif mask.dtype.kind == "b":
        mask = mask.astype(np.uint8)
    if convention is MaskConvention.ANY_BIT:
        return np.asarray(mask == 0)
    # All ones is the fill value of frames whose mask is missing, in any width and sign.
    bits = mask.astype(np.int64, copy=False).view(np.uint64) if mask.dtype.kind == "i" else mask
    bits = bits.astype(np.uint64)
    if convention is MaskConvention.NEXUS:
        return np.asarray((bits & np.uint64(NEXUS_BAD_BITS)) == 0)
    return np.asarray((bits & ~np.uint64(CXI_INFORMATION_BITS)) == 0)


def resolve_convention(mask: NDArray[Any]) -> MaskConvention:
    """Convention of a mask of unknown sense: a 0/1 mask with mostly ones marks the good."""
    is_flag = mask.dtype.kind == "b" or bool(np.isin(mask, (0, 1)).all())
    if is_flag and np.count_nonzero(mask) * 2 > mask.size:
        return MaskConvention.ONES_ARE_GOOD
    return MaskConvention.CXI


def sentinel_mask(pixels: NDArray[Any]) -> NDArray[np.bool_]:
    """True where a pixel holds a measurement, False where it holds a mark for 'no value'.

    - Floats: NaN and infinities.
    - Unsigned of 16 bits and more: the type's largest value (Eiger gap or overflow).
      In 8 bits 255 is an ordinary clipped value.
    - Signed: the type's smallest value. -1 and -2 (Pilatus, Lambda: gap, dead pixel) only in
      frames of counts: pedestal-corrected frames have negative noise, so -1 and -2 are
      measurements as soon as one pixel is below -2, or when many (> 1 %) stand scattered
      instead of in blocks as gaps and beam stops do.
    """
    kind = pixels.dtype.kind
    if kind == "f":
        return np.isfinite(pixels)
    if kind == "u" and pixels.dtype.itemsize >= 2:
        return np.asarray(pixels != np.iinfo(pixels.dtype).max)
    if kind == "i":
        return _signed_sentinels(pixels)
    return np.ones(pixels.shape, dtype=np.bool_)


def _signed_sentinels(pixels: NDArray[Any]) -> NDArray[np.bool_]:
    if pixels.min(initial=0) >= 0:  # the usual case, at less than half of the cost
        return np.ones(pixels.shape, dtype=np.bool_)
    valid = np.asarray(pixels != np.iinfo(pixels.dtype).min)
    negative = (pixels < 0) & valid
    if not negative.any() or (pixels[negative] < -2).any():
        return valid
    if negative.mean() > _SCATTERED_SHARE and _block_share(negative) < _BLOCK_SHARE:
        return valid
    return valid & ~negative


def _block_share(marked: NDArray[np.bool_]) -> float:
    """Share of the marked pixels with at least two marked neighbours along an axis line."""
    padded = np.pad(marked, 1).astype(np.uint8)
    neighbours = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    return float((neighbours[marked] >= 2).mean())
