"""Simulated frames as a CXI file that any SPI program opens, with labels and all parameters."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from spi_viewer.errors import SpiViewerError
from spi_viewer.frames import CLASS_CODES, FrameClass
from spi_viewer.simulation.recipe import Recipe
from spi_viewer.simulation.scattering import EV_NM
from spi_viewer.simulation.simulated_frames import SimulatedFrames

_JOULE_PER_EV = 1.602176634e-19
_MASK_INVALID = 1  # CXI mask bit: pixel is invalid
_CXI_VERSION = 160
_CODES = np.array([CLASS_CODES[FrameClass(value)] for value in range(len(FrameClass))], np.uint8)


def write_simulated_run(
    path: Path,
    recipe: Recipe,
    overwrite: bool = False,
    progress: Callable[[SimulatedFrames], object] | None = None,
) -> None:
    """Simulate the frames of a recipe and write them as they come.

    progress is called with the frames that have just been written.

    Raises:
        SpiViewerError: the file exists or cannot be written; an impossible recipe.
    """
    write_cxi(path, recipe.pieces(), recipe.count, recipe.as_attributes(), overwrite, progress)


def write_cxi(
    path: Path,
    pieces: Iterable[SimulatedFrames],
    count: int,
    parameters: dict[str, Any],
    overwrite: bool = False,
    progress: Callable[[SimulatedFrames], object] | None = None,
) -> None:
    """Write frames aside, then rename; nothing half-written ever stands under the final name.

    Frames of one file must agree in size. `parameters` become attributes of /simulation.

    Raises:
        SpiViewerError: the file exists and overwrite is False, or it cannot be written.
    """
    path = Path(path)
    try:
        with _aside(path, overwrite) as draft, h5py.File(draft, "w") as file:
            written = 0
            for frames in pieces:
                if not written:
                    _lay_out(file, count, frames.counts.shape[-1], parameters)
                _append(file, written, frames)
                written += len(frames)
                if progress is not None:
                    progress(frames)
            if written != count:
                raise SpiViewerError(f"{path}: {written} frames came instead of {count}")
    except OSError as error:
        raise SpiViewerError(f"{path}: cannot be written: {error}") from error


@contextmanager
def _aside(path: Path, overwrite: bool) -> Iterator[str]:
    """A temporary name beside path that replaces it at the end, and goes away on any error.

    Whether the name is free is asked twice: much may happen while frames are made.
    """
    _check_free(path, overwrite)
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    try:
        yield draft
        os.chmod(draft, 0o644)
        _check_free(path, overwrite)
        os.replace(draft, path)
    finally:
        Path(draft).unlink(missing_ok=True)


def _check_free(path: Path, overwrite: bool) -> None:
    if path.is_dir():
        raise SpiViewerError(f"{path}: is a folder; name a file in it")
    if not overwrite and os.path.lexists(path):
        raise SpiViewerError(f"{path}: exists already; choose another name or ask to overwrite")


def _lay_out(file: h5py.File, count: int, side: int, parameters: dict[str, Any]) -> None:
    """All datasets at full length; chunks of one frame, as readers want them."""
    file["cxi_version"] = _CXI_VERSION
    detector = file.create_group("entry_1/instrument_1/detector_1")
    source = file.create_group("entry_1/instrument_1/source_1")
    images = {"shape": (count, side, side), "chunks": (1, side, side), "shuffle": True}
    data = detector.create_dataset(
        "data", dtype=np.int32, compression="gzip", compression_opts=1, **images
    )
    data.attrs["axes"] = "experiment_identifier:y:x"
    detector.create_dataset(
        "mask", dtype=np.uint16, compression="gzip", compression_opts=1, **images
    )
    for name in ("distance", "x_pixel_size", "y_pixel_size"):
        detector.create_dataset(name, (count,), np.float64).attrs["units"] = "m"
    detector.create_dataset("center_px", (count, 2), np.float32).attrs["axes"] = "y, x"
    source.create_dataset("energy", (count,), np.float64).attrs["units"] = "J"
    file["entry_1/data_1"] = h5py.SoftLink("/entry_1/instrument_1/detector_1")
    text = h5py.string_dtype()
    file.create_dataset("entry_1/experiment_identifier", (count,), text)
    labels = file.create_group("labels")
    classes = labels.create_dataset("class", (count,), np.uint8)
    classes.attrs["names"] = json.dumps({str(CLASS_CODES[c]): c.label for c in FrameClass})
    labels.create_dataset("family", (count,), text)
    labels.create_dataset("detector", (count,), text)
    for name in ("photons", "diameter_nm", "fluence_per_um2"):
        labels.create_dataset(name, (count,), np.float32)
    labels.create_dataset("particle_count", (count,), np.uint8)
    attributes = file.create_group("simulation").attrs
    attributes["program"] = f"spi-viewer {metadata.version('spi-viewer')}"
    for name, value in parameters.items():
        attributes[name] = value if isinstance(value, (str, int, float)) else json.dumps(value)


def _append(file: h5py.File, start: int, frames: SimulatedFrames) -> None:
    rows = slice(start, start + len(frames))
    detector, labels = file["entry_1/instrument_1/detector_1"], file["labels"]
    geometry = frames.geometry
    # Counts of analogue detectors carry noise; files of photon counts hold whole photons, and
    # what lies below 0 in them marks pixels that are dead.
    detector["data"][rows] = _array(frames.counts).round().clip(0).astype(np.int32)
    detector["mask"][rows] = np.where(_array(frames.valid), 0, _MASK_INVALID).astype(np.uint16)
    detector["distance"][rows] = _array(geometry.distance_m)
    detector["x_pixel_size"][rows] = _array(geometry.pixel_size_m)
    detector["y_pixel_size"][rows] = _array(geometry.pixel_size_m)
    detector["center_px"][rows] = _array(geometry.center_px)
    energy = EV_NM / _array(geometry.wavelength_nm).astype(np.float64) * _JOULE_PER_EV
    file["entry_1/instrument_1/source_1/energy"][rows] = energy
    names = [f"simulated:{index}" for index in range(rows.start, rows.stop)]
    file["entry_1/experiment_identifier"][rows] = names
    labels["class"][rows] = _CODES[_array(frames.frame_class)]
    labels["family"][rows] = frames.family
    labels["detector"][rows] = frames.detector
    for name in ("photons", "diameter_nm", "fluence_per_um2", "particle_count"):
        labels[name][rows] = _array(getattr(frames, name))


def _array(tensor: Any) -> NDArray[Any]:
    array: NDArray[Any] = tensor.cpu().numpy()
    return array
