"""What a run is to the session: where it comes from, how it is going, what it held."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Literal

RunKind = Literal["file", "watch", "demo"]


class RunState(enum.StrEnum):
    """How a run is going."""

    WAITING = "waiting"  # nothing to read yet
    READING = "reading"
    LIVE = "live"  # read to its present end; more may come
    DONE = "done"
    FAILED = "failed"  # the message says why


@dataclass(frozen=True, slots=True)
class Counts:
    """How many frames there are of each kind.

    good + multi + non_sample + blank + invalid = frames, and bad = multi + non_sample + blank.

    Attributes:
        good, bad, multi, non_sample, blank: by the network's verdict.
        unsure: of these, what is worth a person's look.
        unfamiliar: of these, what is unlike anything the network was trained on.
        invalid: frames without a pattern; not in the hit rate.
        labelled: frames that the operator decided.
        hit_rate: good / (frames - invalid), 0 where there is none.
        hit_rate_low, hit_rate_high: its 95 % interval.
    """

    frames: int = 0
    good: int = 0
    bad: int = 0
    multi: int = 0
    non_sample: int = 0
    blank: int = 0
    unsure: int = 0
    unfamiliar: int = 0
    invalid: int = 0
    labelled: int = 0
    hit_rate: float = 0.0
    hit_rate_low: float = 0.0
    hit_rate_high: float = 1.0


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line of the source list."""

    run: int
    name: str
    path: str
    kind: RunKind
    state: RunState
    message: str
    counts: Counts
