"""Simulated frames as a CXI file that any SPI program opens, with labels and all parameters."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from spi_viewer.errors import SpiViewerError
from spi_viewer.frames import CLASS_CODES, FrameClass
from spi_viewer.simulation.block import block_size
from spi_viewer.simulation.dataset import simulate_frames
from spi_viewer.simulation.detector import find_detector
from spi_viewer.simulation.scattering import EV_NM
from spi_viewer.simulation.simulated_frames import SimulatedFrames

_JOULE_PER_EV = 1.602176634e-19
_MASK_INVALID = 1  # CXI mask bit: pixel is invalid
_CXI_VERSION = 160
_CODES = np.array([CLASS_CODES[FrameClass(value)] for value in range(len(FrameClass))], np.uint8)


def write_simulated_run(
    path: Path,
    families: Sequence[str],
    count: int,
    seed: int,
    detector: str = "pnccd-far",
    good_fraction: float = 0.5,
    side_px: int = 256,
    overwrite: bool = False,
    progress: Callable[[int], object] | None = None,
) -> None:
    """Simulate `count` frames piece by piece, so that a set of any size fits in memory, and write.

    progress is called with the number of frames written since the last call.

    Raises:
        SpiViewerError: the file exists, an unknown detector or family, impossible numbers.
    """
    preset = find_detector(detector)
    if count < 1:
        raise SpiViewerError("the number of frames must be at least 1")
    piece = block_size(side_px)

    def pieces() -> Iterable[SimulatedFrames]:
        for first in range(0, count, piece):
            yield simulate_frames(
                families,
                min(piece, count - first),
                seed,
                preset,
                good_fraction=good_fraction,
                side_px=side_px,
                first=first,
            )

    parameters = {
        "seed": seed,
        "families": list(families),
        "detector": detector,
        "good_fraction": good_fraction,
        "side_px": side_px,
        "frame_count": count,
    }
    write_cxi(path, pieces(), count, parameters, overwrite, progress)


def write_cxi(
    path: Path,
    pieces: Iterable[SimulatedFrames],
    count: int,
    parameters: dict[str, Any],
    overwrite: bool = False,
    progress: Callable[[int], object] | None = None,
) -> None:
    """Write frames aside, then rename; nothing half-written ever stands under the final name.

    Frames of one file must agree in size. `parameters` become attributes of /simulation.

    Raises:
        SpiViewerError: the file exists and overwrite is False, or it cannot be written.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise SpiViewerError(f"{path}: exists already; choose another name or ask to overwrite")
    try:
        with _aside(path) as draft, h5py.File(draft, "w") as file:
            written = 0
            for frames in pieces:
                if not written:
                    _lay_out(file, count, frames.counts.shape[-1], parameters)
                _append(file, written, frames)
                written += len(frames)
                if progress is not None:
                    progress(len(frames))
            if written != count:
                raise SpiViewerError(f"{path}: {written} frames came instead of {count}")
    except OSError as error:
        raise SpiViewerError(f"{path}: cannot be written: {error}") from error


@contextmanager
def _aside(path: Path) -> Iterator[str]:
    """A temporary name beside path that replaces it at the end, and goes away on any error."""
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    try:
        yield draft
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    finally:
        Path(draft).unlink(missing_ok=True)


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
    # Counts of analogue detectors carry noise; files of photon counts hold whole photons.
    detector["data"][rows] = _array(frames.counts).round().astype(np.int32)
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
