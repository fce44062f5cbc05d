"""What a frame counts as under the present rule: one small code a row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spi_viewer.frames import INVALID_FLAGS, DecisionRule, FrameClass, FrameFlag, Verdict

# Categories are FrameClass values (SINGLE = good) and INVALID; the others are bits on top.
INVALID = 4
UNSURE_BIT = 8
UNFAMILIAR_BIT = 16
CODE_COUNT = 32
_CATEGORY_MASK = 7

_VERDICT_OF_CATEGORY = np.full(_CATEGORY_MASK + 1, Verdict.BAD, np.int8)
_VERDICT_OF_CATEGORY[FrameClass.SINGLE] = Verdict.GOOD
_VERDICT_OF_CATEGORY[INVALID] = Verdict.INVALID


def reasons(probabilities: NDArray[np.float32], flags: NDArray[np.uint32]) -> NDArray[np.int8]:
    """What a frame is if it is not good: probabilities (B, 4), flags (B,) -> (B,) category.

    The likeliest class other than single. Frames without a finite probability are INVALID
    whatever their flags say: nothing is known about them.
    """
    finite = np.asarray(np.isfinite(probabilities).all(axis=1))
    others = np.where(finite[:, None], probabilities[:, 1:], 0)
    categories = (1 + others.argmax(axis=1)).astype(np.int8)
    categories[~finite | ((flags & int(INVALID_FLAGS)) != 0)] = INVALID
    return categories


def judge(
    reason: NDArray[np.int8],
    p_good: NDArray[np.float32],
    flags: NDArray[np.uint32],
    rule: DecisionRule,
) -> NDArray[np.int8]:
    """Code of each frame under a rule; all arrays (B,).

    Unsure is what lies in the rule's band, and what is called good although the network has never
    seen the like: an unknown kind of frame is not silently good.
    """
    judged = reason != INVALID
    good = judged & (rule.verdicts(p_good, flags) == Verdict.GOOD)
    unfamiliar = judged & ((flags & int(FrameFlag.OUT_OF_DISTRIBUTION)) != 0)
    in_band = judged & (p_good >= rule.unsure_low) & (p_good < rule.unsure_high)
    codes = reason.copy()
    codes[good] = FrameClass.SINGLE
    codes[in_band | (good & unfamiliar)] |= UNSURE_BIT
    codes[unfamiliar] |= UNFAMILIAR_BIT
    return codes


def without_invalid(
    probabilities: NDArray[np.float32], flags: NDArray[np.uint32]
) -> NDArray[np.float32]:
    """A copy in which frames without a pattern have NaN for all classes."""
    probabilities = np.array(probabilities, np.float32)
    probabilities[(flags & int(INVALID_FLAGS)) != 0] = np.nan
    return probabilities


def categories(codes: NDArray[np.int8]) -> NDArray[np.int8]:
    """FrameClass value of each code, or INVALID."""
    return codes & _CATEGORY_MASK


def verdicts(codes: NDArray[np.int8]) -> NDArray[np.int8]:
    """Verdict of each code."""
    return _VERDICT_OF_CATEGORY[categories(codes)]


def unsure(codes: NDArray[np.int8]) -> NDArray[np.bool_]:
    """True where a person should look."""
    return (codes & UNSURE_BIT) != 0


def unfamiliar(codes: NDArray[np.int8]) -> NDArray[np.bool_]:
    """True where the frame is unlike anything the network was trained on."""
    return (codes & UNFAMILIAR_BIT) != 0
