"""Single-image files through fabio: TIFF, CBF and EDF, with one frame or several."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
from fabio.cbfimage import CbfImage
from fabio.edfimage import EdfImage
from fabio.fabioimage import FabioImage
from fabio.tifimage import TifImage
from numpy.typing import NDArray

from spi_viewer.errors import NotReadyError, RunFileError
from spi_viewer.frames import FrameFlag, RunInfo
from spi_viewer.sources.hdf5_file import shorten
from spi_viewer.sources.hdf5_frame_shape import MAX_SIDE_PX

_MAGIC: tuple[tuple[bytes, type[FabioImage]], ...] = (
    (b"II*\0", TifImage),
    (b"MM\0*", TifImage),
    (b"###CBF:", CbfImage),
)
_MAX_METADATA_LENGTH = 200


def is_image_file(path: Path, head: bytes) -> bool:
    """True for the formats read here, by their first bytes."""
    return _image_class(path, head) is not None


def _image_class(path: Path, head: bytes) -> type[FabioImage] | None:
    for magic, image_class in _MAGIC:
        if head.startswith(magic):
            return image_class
    is_edf = head.lstrip().startswith(b"{") and b"Dim_1" in head
    return EdfImage if is_edf else None


class ImageFileRun:
    """A file of one or several images as a run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            image_class = _image_class(path, file.read(4096))
        if image_class is None:
            raise RunFileError(path, "it is not a TIFF, CBF or EDF image")
        self._image: FabioImage | None = None
        with self._reading(NotReadyError):
            self._image = image_class().read(str(path))
            first = self._pixels(0)
            frame_count = int(self._image.nframes)
        problem = _pixel_problem(first)
        if problem:
            self.close()
            raise RunFileError(path, problem)
        self.info = RunInfo(str(path), "", frame_count, first.shape, first.dtype.str)

    @contextmanager
    def _reading(self, error_type: type[RunFileError] = RunFileError) -> Iterator[None]:
        """Whatever fabio raises over a broken file becomes an error of the given type."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except RunFileError:
            raise
        except Exception as error:
            reason = f"the image is damaged or still being written ({shorten(error)})"
            raise error_type(self._path, reason) from error

    def _pixels(self, index: int) -> NDArray[Any]:
        if self._image is None:
            raise RunFileError(self._path, "the run has been closed")
        frame = self._image if index == 0 else self._image.get_frame(index)
        pixels = np.asarray(frame.data)
        return pixels if pixels.dtype.isnative else pixels.astype(pixels.dtype.newbyteorder("="))

    def refresh(self) -> int:
        """Images do not grow."""
        return self.info.frame_count

    def read_frame(self, index: int) -> NDArray[Any]:
        """Pixels (h, w)."""
        if not 0 <= index < self.info.frame_count:
            reason = f"it has no frame {index}: it holds {self.info.frame_count}"
            raise RunFileError(self._path, reason)
        with self._reading():
            pixels = self._pixels(index)
        if pixels.shape != self.info.frame_shape:
            raise RunFileError(self._path, f"frame {index} has shape {pixels.shape}")
        return pixels

    def valid_pixels(self, index: int) -> NDArray[np.bool_]:
        """All True: images carry no mask of their own."""
        return np.ones(self.info.frame_shape, dtype=np.bool_)

    def frame_name(self, index: int) -> str:
        """None in these formats."""
        return ""

    def frame_flags(self, index: int) -> FrameFlag:
        """None in these formats."""
        return FrameFlag.NONE

    def metadata(self, index: int) -> dict[str, Any]:
        """The image's header, long entries left out."""
        if self._image is None:
            return {}
        header = self._image.header or {}
        texts = {str(name): str(value) for name, value in header.items()}
        return {name: text for name, text in texts.items() if len(text) <= _MAX_METADATA_LENGTH}

    def per_frame_datasets(self) -> tuple[str, ...]:
        """None in these formats."""
        return ()

    def close(self) -> None:
        """Let go of the file."""
        image, self._image = getattr(self, "_image", None), None
        if image is not None:
            image.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _pixel_problem(pixels: NDArray[Any]) -> str | None:
    if pixels.ndim != 2:
        return f"the image is {pixels.ndim}-D; colour images are no diffraction patterns"
    if pixels.dtype.kind not in "iuf":
        return f"the image holds values of type {pixels.dtype}"
    if min(pixels.shape) < 2 or max(pixels.shape) > MAX_SIDE_PX:
        return f"the image has {pixels.shape[0]} x {pixels.shape[1]} pixels"
    return None
