"""The parts of an export beside the pixels: geometry, scores, labels, provenance."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import h5py
import numpy as np

from spi_viewer import __version__
from spi_viewer.exporting.frame_selection import ExportProvenance, FrameToExport
from spi_viewer.frames import DetectorGeometry, FrameClass, FrameFlag, OperatorLabel, Verdict

PROGRAM = "SPI Viewer"
OWN_GROUP = "/spi_viewer"
_CXI_VERSION = 140
_JOULE_PER_EV = 1.602176634e-19  # exact, SI 2019
_NAMES_PATH = "/entry_1/experiment_identifier"
_TEXT = h5py.string_dtype()


def write_names(file: h5py.File, names: Sequence[str]) -> None:
    """The facility's frame ids, where the sources had no such dataset to copy."""
    if any(names) and _NAMES_PATH not in file:
        file.create_dataset(_NAMES_PATH, data=np.array(names, object), dtype=_TEXT)


def write_geometry(file: h5py.File, geometries: Sequence[DetectorGeometry]) -> None:
    """Energy in J, distance and pixel size in m: one value if all frames agree, else one each."""
    detector = "/entry_1/instrument_1/detector_1"
    joules = [_scaled(one.photon_energy_ev, _JOULE_PER_EV) for one in geometries]
    pixel_m = [_scaled(one.pixel_size_m) for one in geometries]
    _write_value(file, "/entry_1/instrument_1/source_1/energy", joules, "J")
    _write_value(file, f"{detector}/distance", [_scaled(one.distance_m) for one in geometries], "m")
    _write_value(file, f"{detector}/x_pixel_size", pixel_m, "m")
    _write_value(file, f"{detector}/y_pixel_size", pixel_m, "m")


def write_scores(file: h5py.File, frames: Sequence[FrameToExport]) -> None:
    """/spi_viewer/{p_*, verdict, label, flags}, a row a frame; p NaN where there is none."""
    group = file.require_group(OWN_GROUP)
    missing = (np.nan,) * len(FrameClass)
    table = np.array([frame.probabilities or missing for frame in frames], np.float32)
    for frame_class in FrameClass:
        group[f"p_{frame_class.name.lower()}"] = table[:, frame_class]
    group["p_good"] = table[:, FrameClass.SINGLE]
    for name, meaning in (("verdict", Verdict), ("label", OperatorLabel)):
        group[name] = np.array([getattr(frame, name) for frame in frames], np.int8)
        group[name].attrs["meaning"] = _meaning(meaning)
    group["flags"] = np.array([frame.flags for frame in frames], np.uint32)
    group["flags"].attrs["meaning"] = _meaning(FrameFlag)


def write_provenance(
    file: h5py.File, frames: Sequence[FrameToExport], provenance: ExportProvenance
) -> None:
    """Where each frame comes from, and who exported what by which judgement."""
    file["/cxi_version"] = _CXI_VERSION
    group = file.require_group(OWN_GROUP)
    for name, texts in (
        ("source_file", [frame.id.path for frame in frames]),
        ("source_dataset", [frame.id.dataset for frame in frames]),
        ("model_name", [frame.model_name for frame in frames]),
        ("model_hash", [frame.model_hash for frame in frames]),
    ):
        group.create_dataset(name, data=np.array(texts, object), dtype=_TEXT)
    group["source_frame"] = np.array([frame.id.index for frame in frames], np.int64)
    group.attrs.update(
        {
            "program": PROGRAM,
            "version": __version__,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "operator": _operator_name(),
            "selection": provenance.selection,
            "threshold": np.nan if provenance.threshold is None else provenance.threshold,
        }
    )


def is_own_export(file: h5py.File) -> bool:
    """True if this program wrote the file."""
    group = file.get(OWN_GROUP)
    return group is not None and group.attrs.get("program") == PROGRAM


def _scaled(value: float | None, factor: float = 1.0) -> float:
    return np.nan if value is None else value * factor


def _write_value(file: h5py.File, path: str, values: list[float], unit: str) -> None:
    known = np.array(values, np.float64)
    if path in file or np.isnan(known).all():
        return
    file[path] = known[0] if (known == known[0]).all() else known
    file[path].attrs["units"] = unit


def _meaning(members: Any) -> str:
    return ", ".join(f"{int(member)} {member.name.lower()}" for member in members)


def _operator_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no name for this user id, as in some containers
        return "unknown"
