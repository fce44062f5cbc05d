"""Photon energy, distance and pixel size, with the units that each facility writes."""

from __future__ import annotations

import math
from collections.abc import Iterable

import h5py
import numpy as np

from spi_viewer.frames import DetectorGeometry
from spi_viewer.sources.hdf5_file import H5_ERRORS
from spi_viewer.sources.hdf5_places import Places
from spi_viewer.sources.hdf5_tree import Hdf5Tree

_JOULE_PER_EV = 1.602176634e-19
_HC_EV_M = 1.239841984e-6
_TO_METRE = {
    "m": 1.0,
    "cm": 1e-2,
    "mm": 1e-3,
    "um": 1e-6,
    "nm": 1e-9,
    "a": 1e-10,
    "pm": 1e-12,
}
_TO_EV = {"ev": 1.0, "kev": 1e3, "mev": None, "j": 1 / _JOULE_PER_EV}
_UNIT_NAMES = {
    "meter": "m",
    "metre": "m",
    "meters": "m",
    "metres": "m",
    "millimeter": "mm",
    "millimetre": "mm",
    "millimeters": "mm",
    "micrometer": "um",
    "micrometre": "um",
    "micron": "um",
    "microns": "um",
    "µm": "um",
    "μm": "um",
    "nanometer": "nm",
    "nanometre": "nm",
    "angstrom": "a",
    "angstroms": "a",
    "ångström": "a",
    "å": "a",
    "joule": "j",
    "joules": "j",
}

# (path, unit where the dataset itself names none); None: not used without a unit.
_ENERGIES = (
    ("{entry}/instrument_1/source_1/energy", "j"),  # CXI
    ("{entry}/instrument_1/source_1/wavelength", "m"),
    ("/LCLS/photon_energy_eV", "ev"),
    ("/LCLS/photon_wavelength_A", "a"),
    ("/instrument/photon_energy_eV", "ev"),  # Cheetah 2017
    ("{entry}/FEL/wavelength_nm", "nm"),  # Hummingbird at FLASH
    ("/source/wavelength", "m"),  # Condor
    ("/entry/instrument/beam/incident_wavelength", "a"),  # NeXus
    ("/entry/instrument/beam/incident_energy", "ev"),
    ("/entry/sample/beam/incident_wavelength", "a"),
    ("/entry/instrument/detector/detectorSpecific/photon_energy", "ev"),  # Eiger
    ("/entry/instrument/detector/collection/beam_energy", "ev"),  # Lambda
    ("{run}/event_info/bl_3/oh_2/photon_energy_in_eV", "ev"),  # SACLA
    ("/photon_source/FEL01/wavelength", None),  # FERMI
)
_DISTANCES = (
    ("{detector}/distance", "m"),
    ("{detector}/detector_distance", "m"),
    ("/detector/distance", "m"),  # Condor
    ("/metadata/distance_in_mm", "mm"),
)
_PIXEL_SIZES = (
    ("{detector}/x_pixel_size", "m"),
    ("{detector}/y_pixel_size", "m"),
    ("/detector/pixel_size", "m"),  # Condor
    ("{frames}/detector_info/pixel_size_in_micro_meter", "um"),  # SACLA
)

# Beyond these a value is a unit mistake or a dummy: no ring is better than a wrong one.
_PLAUSIBLE_EV = (10.0, 200e3)
_PLAUSIBLE_DISTANCE_M = (5e-3, 100.0)
_PLAUSIBLE_PIXEL_M = (1e-6, 5e-3)
_MAX_CONTRADICTION = 1.05
_SAMPLED_FRAMES = 64


def read_geometry(tree: Hdf5Tree, places: Places) -> DetectorGeometry:
    """What the file says; None for what it does not say, contradicts, or cannot mean."""
    return DetectorGeometry(
        photon_energy_ev=_agreed(_values(tree, places, _ENERGIES, _energy_ev), _PLAUSIBLE_EV),
        distance_m=_agreed(_values(tree, places, _DISTANCES, _length_m), _PLAUSIBLE_DISTANCE_M),
        pixel_size_m=_agreed(_values(tree, places, _PIXEL_SIZES, _length_m), _PLAUSIBLE_PIXEL_M),
    )


def _agreed(values: Iterable[float], plausible: tuple[float, float]) -> float | None:
    """The first value, if all that are plausible agree."""
    low, high = plausible
    kept = [value for value in values if low <= value <= high]
    if not kept or max(kept) > _MAX_CONTRADICTION * min(kept):
        return None
    return kept[0]


def _values(tree: Hdf5Tree, places: Places, table, convert) -> list[float]:
    values = []
    for pattern, default_unit in table:
        for path in places.expand(pattern):
            dataset = tree.dataset(path)
            number = None if dataset is None else _typical_number(dataset)
            if dataset is None or number is None:
                continue
            unit = _unit(dataset, default_unit)
            value = None if unit is None else convert(number, unit)
            if value is not None and math.isfinite(value):
                values.append(value)
                break  # the same quantity of another detector is no contradiction
    return values


def _energy_ev(number: float, unit: str) -> float | None:
    factor = _TO_EV.get(unit)
    if factor is not None:
        return number * factor
    wavelength_m = _length_m(number, unit)
    return _HC_EV_M / wavelength_m if wavelength_m else None


def _length_m(number: float, unit: str) -> float | None:
    factor = _TO_METRE.get(unit)
    return None if factor is None else number * factor


def _unit(dataset: h5py.Dataset, default: str | None) -> str | None:
    """The dataset's own unit in short form, the default if it names none."""
    try:
        written = dataset.attrs.get("units", dataset.attrs.get("unit"))
    except H5_ERRORS:
        return default
    if isinstance(written, np.ndarray):
        written = written.ravel()[0] if written.size else None
    if isinstance(written, bytes):
        written = written.decode("utf-8", "replace")
    if not isinstance(written, str) or not written.strip():
        return default
    name = written.strip().lower()
    return _UNIT_NAMES.get(name, name)


def _typical_number(dataset: h5py.Dataset) -> float | None:
    """Median of the first entries that are positive: writers leave zeros for 'not known'."""
    try:
        if dataset.dtype.kind not in "iuf" or dataset.ndim > 2 or dataset.size == 0:
            return None
        if dataset.ndim == 2 and dataset.shape[1] != 1:
            return None
        values = dataset[()] if dataset.ndim == 0 else dataset[:_SAMPLED_FRAMES]
    except H5_ERRORS:
        return None
    numbers = np.ravel(np.asarray(values, dtype=np.float64))
    numbers = numbers[np.isfinite(numbers) & (numbers > 0)]
    return float(np.median(numbers)) if numbers.size else None
