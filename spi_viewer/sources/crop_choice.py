"""Which crop the next frames get: the operator's, or the automatic one found once a frame shape."""

from __future__ import annotations

from dataclasses import dataclass, field

from spi_viewer.errors import ReadCrashError, ReadTimeoutError, RunFileError
from spi_viewer.frames import Crop, RunInfo
from spi_viewer.preprocessing.cropping import default_crop
from spi_viewer.sources.reader import CENTERING_FRAMES, Reader


@dataclass(slots=True)
class _Found:
    crop: Crop
    is_final: bool
    frames: dict[str, int] = field(default_factory=dict)  # path -> frames seen in it


class CropChoice:
    """The crop of a feed.

    A live run starts with few frames, so its first automatic crop is provisional: it is looked
    for once more when enough frames have come, in one file or in many.

    Attributes:
        operator_crop: overrides the automatic crop while it is set.
        in_use: what the latest frames got; None before the first.
    """

    def __init__(self, reader: Reader, operator_crop: Crop | None = None) -> None:
        self._reader = reader
        self._found: dict[tuple[int, int], _Found] = {}
        self.operator_crop = operator_crop
        self.in_use: Crop | None = operator_crop
        self._latest_shape: tuple[int, int] | None = None

    @property
    def expected(self) -> tuple[tuple[int, int], Crop] | None:
        """Shape of the latest frames, and the crop that more of it would get; None before them."""
        shape, operator_crop = self._latest_shape, self.operator_crop
        if shape is None:
            return None
        if operator_crop is not None:
            return shape, operator_crop
        found = self._found.get(shape)
        return None if found is None else (shape, found.crop)

    def crop_for(self, info: RunInfo) -> Crop:
        """Crop for frames of a run; never raises: without a centre it is the frame's middle."""
        self._latest_shape = info.frame_shape
        operator_crop = self.operator_crop
        self.in_use = operator_crop if operator_crop is not None else self._automatic(info)
        return self.in_use

    def _automatic(self, info: RunInfo) -> Crop:
        found = self._found.get(info.frame_shape)
        if found is None:
            middle = default_crop(info.frame_shape)
            found = self._found[info.frame_shape] = self._find([info.path], info, middle)
        if not found.is_final:
            found.frames.pop(info.path, None)  # the file at hand stands last
            found.frames[info.path] = info.frame_count
            if sum(found.frames.values()) >= CENTERING_FRAMES:
                found.crop = self._find([*found.frames], info, found.crop).crop
                found.is_final = True
        return found.crop

    def _find(self, paths: list[str], info: RunInfo, without: Crop) -> _Found:
        """The crop of some files, the last of which is at hand; `without` if they show none."""
        enough = info.frame_count >= CENTERING_FRAMES
        try:
            return _Found(self._reader.find_crop(paths, info.dataset), enough)
        except (ReadTimeoutError, ReadCrashError):
            return _Found(without, is_final=True)  # once is enough
        except RunFileError:
            return _Found(without, enough)
