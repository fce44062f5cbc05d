"""What labels mean: numbers and words of people -> classes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from spi_viewer.errors import LabelError
from spi_viewer.frames import CLASS_CODES, FrameClass

# 'bad' of an operator does not say whether it is multi, non-sample or blank.
BAD_OF_SOME_KIND = -1
# A label that leaves its frame out, such as 'maybe'.
LEFT_OUT = -2

# Label as written -> FrameClass, BAD_OF_SOME_KIND or LEFT_OUT.
LabelNames = Mapping[str, int]

WORDS: LabelNames = {
    **{one.label: int(one) for one in FrameClass},
    "good": int(FrameClass.SINGLE),
    "single-hit": int(FrameClass.SINGLE),
    "multi-hit": int(FrameClass.MULTI),
    "background": int(FrameClass.BLANK),
    "bad": BAD_OF_SOME_KIND,
    "none": LEFT_OUT,
    "unknown": LEFT_OUT,
}
# The numbers of LCLS amo06516; 3 and 4 occur in its label file and are not documented.
LCLS_CODES: LabelNames = {str(code): int(one) for one, code in CLASS_CODES.items()}


def label_code(text: str, names: LabelNames) -> int:
    """The class of a label as written; LEFT_OUT for what neither `names` nor words know."""
    text = normalised(text)
    return names.get(text, WORDS.get(text, LEFT_OUT))


def normalised(text: str) -> str:
    """Labels are compared in lower case, with hyphens, and numbers as whole numbers."""
    text = re.sub(r"[\s_-]+", "-", text.strip().lower()) if text.strip() != "-1" else "-1"
    return text.removesuffix(".0")


def parse_label_names(text: str, source: str = "--label-names") -> LabelNames:
    """Meanings of labels from `0=non-sample,1=single`, `0 non-sample, 1 single`, or JSON.

    Args:
        text: a label and its meaning each; a meaning is a class (single, multi, non-sample,
            blank), good, bad, or none for labels whose frames are to be left out.
        source: where the text stands, for the message.

    Raises:
        LabelError: something else; the text names the known words.
    """
    pairs = _json_pairs(text) or [
        (one[0], one[-1])
        for part in text.split(",")
        if (one := re.split(r"\s*[=:]\s*|\s+", part.strip(), maxsplit=1))
    ]
    names = {}
    for label, meaning in pairs:
        word = normalised(meaning)
        if word not in WORDS or not normalised(label):
            raise LabelError(
                f"{source}: {meaning!r} says no class; write for instance "
                f"0=non-sample,1=single with the words {', '.join(WORDS)}"
            )
        names[normalised(label)] = WORDS[word]
    return names


def _json_pairs(text: str) -> list[tuple[str, str]]:
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(stored, dict):
        return []
    return [(str(label), str(meaning)) for label, meaning in stored.items()]
