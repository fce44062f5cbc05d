"""The vocabulary that every part of the program shares: ids, batches, classes, verdicts, flags."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

NETWORK_SIDE_PX = 128
THUMBNAIL_SIDE_PX = 64


class FrameClass(enum.IntEnum):
    """What the beam hit; the value is the index of the network's output."""

    SINGLE = 0
    MULTI = 1
    NON_SAMPLE = 2
    BLANK = 3

    @property
    def label(self) -> str:
        """Name as users read it."""
        return self.name.lower().replace("_", "-")


# Numbers that label files of people use (LCLS amo06516), also in /labels/class of our own files.
CLASS_CODES: dict[FrameClass, int] = {
    FrameClass.NON_SAMPLE: 0,
    FrameClass.SINGLE: 1,
    FrameClass.MULTI: 2,
    FrameClass.BLANK: 9,
}
CLASS_OF_CODE = {code: frame_class for frame_class, code in CLASS_CODES.items()}


class FrameFlag(enum.IntFlag):
    """What an operator must know about a frame's data; several may hold at once."""

    NONE = 0
    UNREADABLE = 1  # the read failed or timed out
    NO_VALID_PIXELS = 2  # all NaN, all sentinel, or all masked
    SOURCE_MISSING = 4  # a virtual dataset's source is not there
    NOT_WRITTEN = 8  # allocated, but the writer never filled it
    NON_FINITE = 16  # some NaN or infinite pixels, taken as masked
    SATURATED = 32  # some pixels at the type's or the detector's limit
    OUT_OF_DISTRIBUTION = 64  # unlike anything the network was trained on

    @property
    def names(self) -> str:
        """Flag names joined by '|', empty for NONE, as in the scores CSV."""
        return "|".join(flag.name.lower() for flag in FrameFlag if flag and flag in self)  # type: ignore[union-attr]


# Frames with any of these hold no pattern: they are shown and counted apart, never as bad.
INVALID_FLAGS = (
    FrameFlag.UNREADABLE
    | FrameFlag.NO_VALID_PIXELS
    | FrameFlag.SOURCE_MISSING
    | FrameFlag.NOT_WRITTEN
)


class Verdict(enum.IntEnum):
    """The network's answer at the current threshold."""

    BAD = 0
    GOOD = 1
    INVALID = 2  # no pattern to judge; see FrameFlag


class OperatorLabel(enum.IntEnum):
    """What a person decided about a frame; NONE is 'not looked at'."""

    NONE = -1
    BAD = 0
    GOOD = 1


@dataclass(frozen=True, slots=True)
class FrameId:
    """Where a frame stands on disk.

    Attributes:
        path: absolute path of the file.
        dataset: path of the dataset inside it; '' for plain image files.
        index: position in the stack, from 0.
        name: the facility's own id ('train:pulse', event name), '' if the file has none.
    """

    path: str
    dataset: str
    index: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class DetectorGeometry:
    """What resolution rings need; None where the file does not say."""

    photon_energy_ev: float | None = None
    distance_m: float | None = None
    pixel_size_m: float | None = None

    @property
    def is_complete(self) -> bool:
        """True when q can be computed."""
        return None not in (self.photon_energy_ev, self.distance_m, self.pixel_size_m)


@dataclass(frozen=True, slots=True)
class Crop:
    """The square of the detector that the network sees.

    Attributes:
        center_y_px, center_x_px: beam centre in detector pixels; (0, 0) is the middle of the
            first pixel.
        scale: detector pixels per network pixel. Whole numbers sum pixels (bin); below 1 the
            frame is smaller than the network's input and is interpolated.
    """

    center_y_px: float
    center_x_px: float
    scale: float

    @property
    def side_px(self) -> float:
        """Side of the square in detector pixels."""
        return NETWORK_SIDE_PX * self.scale

    @property
    def text(self) -> str:
        """'x,y,scale', as the commands take it; exact, so that their scores are the window's."""
        return ",".join(repr(float(v)) for v in (self.center_x_px, self.center_y_px, self.scale))


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What is known of a run file before a frame is read.

    Attributes:
        frame_count: frames that are complete now (a growing file may have more later).
        frame_shape: (height, width) in pixels.
        dtype: numpy dtype string of the stored pixels.
        candidates: all dataset paths that could hold frames, the likeliest first.
        is_export: this program wrote the file: its frames were measured elsewhere.
    """

    path: str
    dataset: str
    frame_count: int
    frame_shape: tuple[int, int]
    dtype: str
    geometry: DetectorGeometry = DetectorGeometry()
    candidates: tuple[str, ...] = ()
    is_export: bool = False


@dataclass(slots=True)
class FrameBatch:
    """Frames on their way to the network, B of them, from one run.

    Attributes:
        ids: B ids in file order.
        counts: (B, 128, 128) float32, binned and cropped raw counts, 0 where not valid.
        valid: (B, 128, 128) bool.
        thumbnails: (B, 64, 64) uint8 for the grid; 0 = not valid, 1..255 = dark..bright.
        flags: (B,) uint32 of FrameFlag.
        photons: (B,) float64, sum of all valid pixels of the full frame.
        written_at_s: (B,) float64, Unix time at which the frame was first seen on disk.
        crop: the square that was cut.
        geometry: for resolution rings.
    """

    ids: list[FrameId]
    counts: NDArray[np.float32]
    valid: NDArray[np.bool_]
    thumbnails: NDArray[np.uint8]
    flags: NDArray[np.uint32]
    photons: NDArray[np.float64]
    written_at_s: NDArray[np.float64]
    crop: Crop
    geometry: DetectorGeometry = DetectorGeometry()

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(slots=True)
class FullFrame:
    """One frame as it stands on disk, for somebody who looks at it.

    Attributes:
        pixels: (height, width), the file's own dtype.
        valid: (height, width) bool; False where masked, sentinel or not finite.
        metadata: per-frame and per-run values worth showing, name -> value with unit in the name.
    """

    id: FrameId
    pixels: NDArray[Any]
    valid: NDArray[np.bool_]
    flags: FrameFlag
    crop: Crop
    geometry: DetectorGeometry = DetectorGeometry()
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DecisionRule:
    """How P(single) becomes a verdict.

    Attributes:
        threshold: good from here on.
        unsure_low, unsure_high: P(single) in [low, high) is worth a person's look.
    """

    threshold: float = 0.5
    unsure_low: float = 0.2
    unsure_high: float = 0.8

    def moved_to(self, threshold: float) -> DecisionRule:
        """Another threshold, the unsure band widened to contain it; ValueError outside [0, 1]."""
        if not 0 <= threshold <= 1:
            raise ValueError(f"a threshold lies between 0 and 1, not at {threshold}")
        low, high = min(self.unsure_low, threshold), max(self.unsure_high, threshold)
        return DecisionRule(threshold, low, high)

    def verdicts(self, p_good: NDArray[np.float32], flags: NDArray[np.uint32]) -> NDArray[np.int8]:
        """Verdict of each frame: p_good (B,), flags (B,) -> (B,) int8 of Verdict."""
        verdicts = np.where(p_good >= self.threshold, Verdict.GOOD, Verdict.BAD).astype(np.int8)
        verdicts[(flags & int(INVALID_FLAGS)) != 0] = Verdict.INVALID
        return verdicts
