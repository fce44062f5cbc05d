"""Image files through fabio: TIFF, CBF and EDF, with one frame or several."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from fabio.edfimage import EdfImage
from fabio.tifimage import TifImage
from numpy.typing import NDArray

from spi_viewer.errors import NotReadyError, RunFileError
from spi_viewer.frames import DetectorGeometry, FrameFlag, RunInfo
from spi_viewer.sources.cbf_image import read_cbf
from spi_viewer.sources.hdf5_file import shorten
from spi_viewer.sources.hdf5_frame_shape import MAX_SIDE_PX
from spi_viewer.sources.tiff_directories import tiff_problem

# What fabio says of torn files is said once, by the error that this module raises.
logging.getLogger("fabio").setLevel(logging.CRITICAL)

_MAX_METADATA_LENGTH = 200


def is_image_file(head: bytes) -> bool:
    """True for the formats read here, by a file's first bytes."""
    return _reader_of(head) is not None


class _Images(Protocol):
    """The images of one file."""

    count: int
    header: dict[str, str]
    geometry: DetectorGeometry

    def pixels(self, index: int) -> NDArray[Any]:
        """Image `index`; raises anything over a torn file."""

    def close(self) -> None:
        """Let go of the file."""


class _CbfImages:
    """A CBF file holds one image."""

    count = 1

    def __init__(self, path: Path) -> None:
        self._pixels, self.header, self.geometry = read_cbf(path)

    def pixels(self, index: int) -> NDArray[Any]:
        return self._pixels

    def close(self) -> None:
        pass


class _FabioImages:
    """TIFF or EDF, as fabio reads it."""

    geometry = DetectorGeometry()

    def __init__(self, path: Path, image_class: type[TifImage] | type[EdfImage]) -> None:
        self._image = image_class().read(str(path))
        self.count = int(self._image.nframes)
        self.header = {str(key): str(value) for key, value in (self._image.header or {}).items()}

    def pixels(self, index: int) -> NDArray[Any]:
        image = self._image
        if max(image.shape, default=0) > MAX_SIDE_PX:
            raise ValueError(f"its size of {image.shape} pixels is beyond {MAX_SIDE_PX} a side")
        frame = image.get_frame(index) if image.nframes > 1 else image
        data = frame.data
        # fabio fills what is missing of a torn EDF with zeros, and gives no data for a TIFF.
        parts = [image, frame, *getattr(image, "_frames", ())[index : index + 1]]
        torn = any(
            getattr(part, mark, False)
            for part in parts
            for mark in ("incomplete_file", "incomplete_data")
        )
        if data is None or torn:
            raise ValueError("it is truncated")
        return np.asarray(data)

    def close(self) -> None:
        self._image.close()


def _read_tif(path: Path) -> _Images:
    if problem := tiff_problem(path):
        raise RunFileError(path, problem)
    return _FabioImages(path, TifImage)


def _read_edf(path: Path) -> _Images:
    return _FabioImages(path, EdfImage)


def _reader_of(head: bytes) -> Callable[[Path], _Images] | None:
    if head.startswith((b"II*\0", b"MM\0*")):
        return _read_tif
    if head.startswith(b"###CBF:"):
        return _CbfImages
    # An EDF that keeps its pixels in another file could name anything.
    is_edf = head.lstrip().startswith(b"{") and b"Dim_1" in head
    return _read_edf if is_edf and b"EDF_BinaryFileName" not in head else None


class ImageFileRun:
    """A file of one or several images as a run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._images: _Images | None = None
        with self._reading(NotReadyError):
            with path.open("rb") as file:
                reader = _reader_of(file.read(4096))
            if reader is None:
                raise RunFileError(path, "it is not a TIFF, CBF or EDF image")
            self._images = reader(path)
            first = _native(self._images.pixels(0))
        problem = _pixel_problem(first)
        if problem:
            self.close()
            raise RunFileError(path, problem)
        self.info = RunInfo(
            path=str(path),
            dataset="",
            frame_count=self._images.count,
            frame_shape=(first.shape[0], first.shape[1]),
            dtype=first.dtype.str,
            geometry=self._images.geometry,
        )

    @contextmanager
    def _reading(self, error_type: type[RunFileError] = RunFileError) -> Iterator[None]:
        """Whatever fabio raises over a broken file becomes an error of the given type."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except RunFileError:
            self.close()
            raise
        except Exception as error:
            reason = f"the image is damaged or still being written ({shorten(error)})"
            raise error_type(self._path, reason) from error

    def refresh(self) -> int:
        """Images do not grow."""
        return self.info.frame_count

    def read_frame(self, index: int) -> NDArray[Any]:
        """Pixels (h, w).

        Raises:
            RunFileError: the image is damaged, or there is no such frame.
        """
        if self._images is None or not 0 <= index < self.info.frame_count:
            reason = f"it has no frame {index}: it holds {self.info.frame_count}"
            raise RunFileError(self._path, reason)
        with self._reading():
            pixels = _native(self._images.pixels(index))
        if pixels.shape != self.info.frame_shape:
            raise RunFileError(self._path, f"frame {index} has another shape, {pixels.shape}")
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
        """The first image's header, long entries left out."""
        header = self._images.header if self._images is not None else {}
        return {name: text for name, text in header.items() if len(text) <= _MAX_METADATA_LENGTH}

    def per_frame_datasets(self) -> tuple[str, ...]:
        """None in these formats."""
        return ()

    def close(self) -> None:
        """Let go of the file."""
        images, self._images = self._images, None
        if images is not None:
            images.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _native(pixels: NDArray[Any]) -> NDArray[Any]:
    """The same values in this machine's byte order."""
    return pixels if pixels.dtype.isnative else pixels.astype(pixels.dtype.newbyteorder("="))


def _pixel_problem(pixels: NDArray[Any]) -> str | None:
    if pixels.ndim != 2:
        return f"the image is {pixels.ndim}-D; colour images are no diffraction patterns"
    if pixels.dtype.kind not in "iuf":
        return f"the image holds values of type {pixels.dtype}"
    if min(pixels.shape) < 2 or max(pixels.shape) > MAX_SIDE_PX:
        return f"the image has {pixels.shape[0]} x {pixels.shape[1]} pixels"
    return None
