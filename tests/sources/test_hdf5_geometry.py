"""Energy, distance and pixel size: every facility's unit, and nothing rather than a wrong ring."""

import h5py
import numpy as np
import pytest

from spi_viewer.frames import DetectorGeometry
from spi_viewer.sources.run_file import open_run

DETECTOR = "/entry_1/instrument_1/detector_1"
SOURCE = "/entry_1/instrument_1/source_1"


def geometry(path, datasets, frames=f"{DETECTOR}/data"):
    with h5py.File(path, "w") as file:
        file[frames] = np.zeros((3, 24, 32), np.uint16)
        for where, values in datasets.items():
            values, unit = values if isinstance(values, tuple) else (values, None)
            file[where] = values
            if unit:
                file[where].attrs["units"] = unit
    with open_run(path) as run:
        return run.info.geometry


def test_cxi_is_in_si_units(tmp_path):
    datasets = {
        f"{SOURCE}/energy": np.full(3, 1.602176634e-19 * 1600),
        f"{DETECTOR}/distance": np.full(3, 0.586),
        f"{DETECTOR}/x_pixel_size": 75e-6,
        f"{DETECTOR}/y_pixel_size": 75e-6,
    }
    found = geometry(tmp_path / "run.cxi", datasets)
    assert found.photon_energy_ev == pytest.approx(1600)
    assert found.distance_m == pytest.approx(0.586)
    assert found.pixel_size_m == pytest.approx(75e-6)
    assert found.is_complete


@pytest.mark.parametrize(
    ("where", "value", "energy_ev"),
    [
        ("/LCLS/photon_energy_eV", 1600.0, 1600),
        ("/LCLS/photon_wavelength_A", 7.75, 1599.8),
        ("/instrument/photon_energy_eV", [0.0, 1600.0, 1602.0], 1601),
        ("/entry_1/FEL/wavelength_nm", 5.1, 243.1),
        ("/source/wavelength", 1e-9, 1239.84),
        ("/entry/instrument/beam/incident_wavelength", 1.0, 12398.4),
        ("/entry/instrument/beam/incident_wavelength", (0.1, "nm"), 12398.4),
        ("/entry/instrument/detector/detectorSpecific/photon_energy", 8000.0, 8000),
        ("/entry/instrument/beam/incident_energy", (8.0, "keV"), 8000),
        ("/photon_source/FEL01/wavelength", (20.0, "nm"), 61.99),
        ("/photon_source/FEL01/wavelength", 20.0, None),  # unit not known
        (f"{SOURCE}/energy", 1600.0, None),  # eV where the format wants J
        (f"{SOURCE}/energy", 2e-3, None),  # a pulse energy
        (f"{SOURCE}/energy", np.nan, None),
        (f"{SOURCE}/energy", b"1.6 keV", None),
        (f"{SOURCE}/energy", (1600.0, "furlong"), None),
    ],
)
def test_photon_energy(where, value, energy_ev, tmp_path):
    found = geometry(tmp_path / "run.h5", {where: value}).photon_energy_ev
    assert found == (None if energy_ev is None else pytest.approx(energy_ev, rel=1e-3))


@pytest.mark.parametrize(
    ("where", "value", "distance_m"),
    [
        (f"{DETECTOR}/distance", 0.15, 0.15),
        (f"{DETECTOR}/distance", (150.0, "mm"), 0.15),
        (f"{DETECTOR}/distance", 586.0, None),  # mm where the format wants m
        (f"{DETECTOR}/distance", -0.15, None),
        ("/metadata/distance_in_mm", 150.0, 0.15),
        ("/entry/instrument/detector/detector_distance", 0.15, None),  # of another entry
        ("/LCLS/detector_1/EncoderValue", -450.0, None),  # a motor position, no distance
    ],
)
def test_distance(where, value, distance_m, tmp_path):
    found = geometry(tmp_path / "run.h5", {where: value}).distance_m
    assert found == (None if distance_m is None else pytest.approx(distance_m))


def test_values_that_contradict_one_another_are_not_used(tmp_path):
    datasets = {
        f"{SOURCE}/energy": 1.602176634e-19 * 1600,
        "/LCLS/photon_energy_eV": 9000.0,
        f"{DETECTOR}/x_pixel_size": 75e-6,
        f"{DETECTOR}/y_pixel_size": 150e-6,
    }
    assert geometry(tmp_path / "run.cxi", datasets) == DetectorGeometry()


def test_the_geometry_of_the_detector_of_the_same_number_is_used(tmp_path):
    datasets = {
        f"{DETECTOR}/distance": 0.5,
        "/entry_1/instrument_1/detector_2/distance": 0.1,
    }
    found = geometry(tmp_path / "run.cxi", datasets, frames="/entry_1/image_2/data")
    assert found.distance_m == pytest.approx(0.1)


def test_lengths_that_are_not_lengths_are_not_used(tmp_path):
    datasets = {f"{DETECTOR}/x_pixel_size": (1.0, "pixel"), f"{DETECTOR}/distance": "far"}
    assert geometry(tmp_path / "run.cxi", datasets) == DetectorGeometry()
