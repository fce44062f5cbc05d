"""What is asked of frames, and where their hits are seen: beam, detector, size, background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from spi_viewer.frames import NETWORK_SIDE_PX
from spi_viewer.simulation.detector import DetectorPreset, are_real
from spi_viewer.simulation.draws import Draw
from spi_viewer.simulation.scattering import EV_NM, Geometry, join_geometries

_FEWEST_FRINGES = 4.5  # periods across the frame that the largest particle makes
_FINEST_FRINGE_PX = 3.2  # of the network's pixels, or of a smaller frame's own
_BRIGHTEST_TO_FOLLOW = 1e6  # photons of the sample that the background grows with
_DARK = 0.15  # part of the frames without any background, as of counted photons in good vacuum


@dataclass(frozen=True)
class Order:
    """What is asked of each of B frames; all but the photons stays when a frame is drawn anew.

    Attributes:
        frame_class: (B,) int64.
        photons: (B,) of the sample, where one is hit.
        families: B names of particles.
        presets: B detectors.
    """

    frame_class: Tensor
    photons: Tensor
    families: list[str]
    presets: list[DetectorPreset]

    def select(self, index: Tensor) -> Order:
        """What is asked of frames `index` (int64)."""
        rows = index.tolist()
        return Order(
            self.frame_class[index],
            self.photons[index],
            [self.families[row] for row in rows],
            [self.presets[row] for row in rows],
        )


@dataclass(frozen=True)
class Setting:
    """Where the hits of B frames are seen.

    Attributes:
        geometry: beam and detector.
        fringes: (B,) periods across the frame that the largest particle makes.
        background_photons: (B,).
    """

    geometry: Geometry
    fringes: Tensor
    background_photons: Tensor

    def select(self, index: Tensor) -> Setting:
        """That of frames `index` (int64)."""
        return Setting(
            self.geometry.select(index), self.fringes[index], self.background_photons[index]
        )

    def where(self, is_kept: Tensor, other: Setting) -> Setting:
        """This one for the frames that are kept, (B,) bool, else the other."""
        count = len(is_kept)
        index = torch.arange(count, device=is_kept.device) + count * ~is_kept
        return join_settings([self, other]).select(index)


def join_settings(parts: Sequence[Setting]) -> Setting:
    """One Setting of all frames in order; sides must agree."""
    return Setting(
        join_geometries([part.geometry for part in parts]),
        torch.cat([part.fringes for part in parts]),
        torch.cat([part.background_photons for part in parts]),
    )


def draw_setting(
    photons: Tensor, presets: list[DetectorPreset], side_px: int, draw: Draw
) -> Setting:
    """One for each frame, on its detector, for so many photons of the sample (B,)."""
    most_fringes = min(side_px, NETWORK_SIDE_PX) / _FINEST_FRINGE_PX
    return Setting(
        _draw_geometry(presets, side_px, draw),
        draw.log_uniform(_FEWEST_FRINGES, most_fringes, len(presets)),
        _draw_background_photons(photons, presets, draw),
    )


def _draw_geometry(presets: list[DetectorPreset], side: int, draw: Draw) -> Geometry:
    """Energy, distance and centre of each frame; the frame shows half to all of the detector."""
    count = len(presets)
    real = are_real(presets, draw.device)

    def pick(pairs: list[tuple[float, float]]) -> Tensor:
        bounds = torch.tensor(pairs, device=draw.device)
        return bounds[:, 0] * (bounds[:, 1] / bounds[:, 0]) ** draw.uniform(0.0, 1.0, count)

    energy = pick([preset.photon_energy_ev for preset in presets])
    distance = pick([preset.distance_m for preset in presets])
    whole = torch.tensor([p.pixel_size_m * p.side_px for p in presets], device=draw.device)
    part = torch.where(real, draw.uniform(0.5, 1.0, count), torch.ones(count, device=draw.device))
    jitter = draw.normal(0.0, 0.012 * side, count, 2) * real[:, None]
    return Geometry(
        wavelength_nm=EV_NM / energy,
        distance_m=distance,
        pixel_size_m=whole * part / side,
        center_px=(side - 1) / 2.0 + jitter,
        side_px=side,
    )


def binning_of(presets: list[DetectorPreset], geometry: Geometry) -> Tensor:
    """Detector pixels along the side of a frame's pixel, (B,)."""
    pixel_size_m = torch.tensor([p.pixel_size_m for p in presets], device=geometry.center_px.device)
    return geometry.pixel_size_m / pixel_size_m


def _draw_background_photons(photons: Tensor, presets: list[DetectorPreset], draw: Draw) -> Tensor:
    """Background photons of each frame (B,), log-normal about a fifth of the sample's, or none.

    Beside a very bright hit it stays what it was: the gas gives no more light for it.
    Blank frames follow the photons that a hit would have had, so that brightness of the background
    does not tell the class; one blank or hit in eight has a strong one.
    """
    ratio = draw.log_normal(0.2, 1.0, len(photons)).clamp_max(2.0)
    dark = draw.chance(_DARK, len(photons)) | ~are_real(presets, draw.device)
    ratio = torch.where(dark, torch.zeros_like(ratio), ratio)
    return ratio * photons.clamp_max(_BRIGHTEST_TO_FOLLOW)
