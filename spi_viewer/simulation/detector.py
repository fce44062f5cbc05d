"""Detectors at their instruments, and the ranges in which they vary."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spi_viewer.errors import SpiViewerError
from spi_viewer.simulation.draws import Draw


@dataclass(frozen=True)
class DetectorPreset:
    """A detector at its instrument; pairs are ranges to draw from.

    Attributes:
        photon_energy_ev, distance_m: pairs.
        pixel_size_m, side_px: of the detector itself; frames are binned to the side asked for.
        layout: 'halves' (one gap), 'quadrants' (gaps between modules and a central hole), 'none'.
        gap_px: pair, in detector pixels.
        stop_radius: pair, of the beam stop's shadow, as a part of the side.
        efficiency: pair, part of the photons that are detected.
        gain_sigma: pair, relative spread of the gain between halves or modules.
        read_noise_photons: pair, of one detector pixel; photon-counted data hold none of it.
        noise_per_photon: what each photon of a pixel adds to its noise, in photons.
        saturation_photons: pair, of one detector pixel.
        bleeds: whether the charge of a full pixel runs along its column, as in CCDs.
        nuisances: False for a perfect detector: no stop, gap, noise, jitter.
    """

    name: str
    photon_energy_ev: tuple[float, float]
    distance_m: tuple[float, float]
    pixel_size_m: float
    side_px: int
    layout: str
    gap_px: tuple[float, float]
    stop_radius: tuple[float, float] = (0.015, 0.06)
    efficiency: tuple[float, float] = (0.90, 0.99)
    gain_sigma: tuple[float, float] = (0.02, 0.10)
    read_noise_photons: tuple[float, float] = (0.01, 0.1)
    noise_per_photon: float = 0.0
    saturation_photons: tuple[float, float] = (100.0, 3000.0)
    bleeds: bool = False
    nuisances: bool = True


DETECTORS: dict[str, DetectorPreset] = {
    preset.name: preset
    for preset in (
        DetectorPreset(
            "pnccd-far",
            (900.0, 2000.0),
            (0.45, 0.75),
            75e-6,
            1024,
            "halves",
            (2.0, 60.0),
            efficiency=(0.80, 0.98),
            bleeds=True,
        ),
        DetectorPreset(
            "pnccd-near",
            (900.0, 2000.0),
            (0.12, 0.25),
            75e-6,
            1024,
            "halves",
            (10.0, 60.0),
            efficiency=(0.80, 0.98),
            bleeds=True,
        ),
        DetectorPreset(
            "agipd",
            (6000.0, 9300.0),
            (0.7, 5.5),
            200e-6,
            1024,
            "quadrants",
            (8.0, 30.0),
            read_noise_photons=(0.155, 0.155),
            noise_per_photon=0.031,
        ),
        DetectorPreset(
            "cspad", (5500.0, 8000.0), (0.5, 2.5), 110e-6, 1600, "quadrants", (6.0, 30.0)
        ),
        DetectorPreset(
            "jungfrau", (5500.0, 8000.0), (0.3, 2.5), 75e-6, 2048, "halves", (8.0, 60.0)
        ),
        DetectorPreset(
            "ideal",
            (1700.0, 1700.0),
            (0.58, 0.58),
            75e-6,
            1024,
            "none",
            (0.0, 0.0),
            efficiency=(1.0, 1.0),
            nuisances=False,
        ),
    )
}


def find_detector(name: str) -> DetectorPreset:
    """The preset of that name; SpiViewerError lists those there are."""
    if name not in DETECTORS:
        raise SpiViewerError(f"unknown detector {name}; choose from: {', '.join(DETECTORS)}")
    return DETECTORS[name]


def are_real(presets: list[DetectorPreset], device: torch.device) -> Tensor:
    """Which of the presets are not perfect, (B,) bool."""
    return torch.tensor([preset.nuisances for preset in presets], device=device)


def draw_within(pairs: list[tuple[float, float]], draw: Draw) -> Tensor:
    """A uniform draw within each pair, (B,)."""
    bounds = torch.tensor(pairs, device=draw.device)
    return bounds[:, 0] + (bounds[:, 1] - bounds[:, 0]) * draw.uniform(0.0, 1.0, len(pairs))
