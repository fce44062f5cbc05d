"""From form factors to photons: Ewald sphere, coarse amplitude grid, solid angle, cross section.

Amplitudes of a particle are band-limited by its diameter, so they are computed on a coarse grid,
two samples per fringe period, and brought to the pixels by a windowed sinc (Kaiser), which is
accurate to 1e-4 of the neighbouring amplitudes. The grid is uniform in (qx, qy) with the exact
qz = sqrt(k^2 - qx^2 - qy^2) - k; `flat_detector` then maps the Ewald cap onto the flat detector.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

CLASSICAL_ELECTRON_RADIUS_NM = 2.8179403e-6
EV_NM = 1239.841984  # photon energy times wavelength
_TAPS = 6  # half width of the interpolation kernel in coarse samples
_WIDE_ANGLE_RAD = 0.1  # beyond, the Ewald cap's q = k sin(angle) differs visibly from k tan(angle)


@dataclass(frozen=True)
class Geometry:
    """Beam and detector of B frames of side_px x side_px pixels.

    Attributes:
        wavelength_nm, distance_m, pixel_size_m: (B,).
        center_px: (B, 2) beam centre (y, x); (0, 0) is the middle of the first pixel.
    """

    wavelength_nm: Tensor
    distance_m: Tensor
    pixel_size_m: Tensor
    center_px: Tensor
    side_px: int

    def select(self, index: Tensor | slice) -> Geometry:
        """The geometry of frames `index`."""
        return Geometry(
            self.wavelength_nm[index],
            self.distance_m[index],
            self.pixel_size_m[index],
            self.center_px[index],
            self.side_px,
        )

    @property
    def wavenumber(self) -> Tensor:
        """2 pi over wavelength, 1/nm (B,)."""
        return 2.0 * math.pi / self.wavelength_nm

    @property
    def pixel_angle(self) -> Tensor:
        """Angle of a pixel at the centre, rad (B,)."""
        return self.pixel_size_m / self.distance_m

    @property
    def edge_angle(self) -> Tensor:
        """Tangent of the scattering angle at the middle of an edge (B,)."""
        return self.pixel_angle * self.side_px / 2.0

    @property
    def field_per_nm(self) -> Tensor:
        """Fringes across the side of the frame per nm of particle diameter (B,)."""
        return 2.0 * self.edge_angle / self.wavelength_nm


def join_geometries(parts: Sequence[Geometry]) -> Geometry:
    """One Geometry of all frames; sides must agree."""
    return Geometry(
        torch.cat([part.wavelength_nm for part in parts]),
        torch.cat([part.distance_m for part in parts]),
        torch.cat([part.pixel_size_m for part in parts]),
        torch.cat([part.center_px for part in parts]),
        parts[0].side_px,
    )


@dataclass(frozen=True)
class MomentumGrid:
    """Momentum transfer in 1/nm: qx (B, G), qy (B, G), qz (B, G, G) indexed [y, x]."""

    qx: Tensor
    qy: Tensor
    qz: Tensor

    def points(self) -> Tensor:
        """All q as (B, 3, G * G)."""
        qx = self.qx[:, None, :].expand_as(self.qz)
        qy = self.qy[:, :, None].expand_as(self.qz)
        return torch.stack([qx, qy, self.qz], dim=1).flatten(2)


@dataclass(frozen=True)
class CoarseGrid:
    """Where amplitudes of up to `fringes` fringes across the frame are sampled.

    Attributes:
        positions: (G,) in pixels.
        interpolation: (side_px, G) matrix to the pixels.
    """

    positions: Tensor
    interpolation: Tensor

    def at_pixels(self, values: Tensor) -> Tensor:
        """Values (..., G, G) at all pixels (..., S, S)."""
        return self.interpolation @ (values @ self.interpolation.T)


def coarse_grid(
    fringes: float, side_px: int, device: torch.device, oversampling: float = 2.0
) -> CoarseGrid:
    """Grid for bodies with at most `fringes` fringe periods across the frame."""
    samples = math.ceil(oversampling * fringes) + 1
    positions, matrix = _interpolation(samples, side_px, oversampling)
    as_tensor = functools.partial(torch.as_tensor, dtype=torch.float32, device=device)
    return CoarseGrid(as_tensor(positions), as_tensor(matrix))


@functools.lru_cache(maxsize=64)
def _interpolation(
    samples: int, side_px: int, oversampling: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    step = (side_px - 1.0) / (samples - 1.0)
    positions = np.arange(-_TAPS, samples + _TAPS, dtype=np.float64) * step
    distance = (np.arange(side_px)[:, None] - positions) / step
    beta = math.pi * _TAPS * (1.0 - 1.0 / oversampling) + 1.0
    window = np.i0(beta * np.sqrt(np.clip(1.0 - (distance / _TAPS) ** 2, 0.0, 1.0))) / np.i0(beta)
    matrix = np.sinc(distance) * np.where(np.abs(distance) < _TAPS, window, 0.0)
    normalised: NDArray[np.float64] = matrix / matrix.sum(1, keepdims=True)
    return positions, normalised


def momentum_grid(geometry: Geometry, positions: Tensor) -> MomentumGrid:
    """Q on the Ewald sphere at positions (G,) in pixels along both axes."""
    k = geometry.wavenumber[:, None]
    step = k * geometry.pixel_angle[:, None]
    qy = step * (positions - geometry.center_px[:, :1])
    qx = step * (positions - geometry.center_px[:, 1:])
    across = qy[:, :, None] ** 2 + qx[:, None, :] ** 2
    k_squared = (k * k)[..., None]
    # sqrt(k^2 - q^2) - k without cancellation; past the horizon there is nothing to see.
    qz = -across / (torch.sqrt((k_squared - across).clamp_min(0.0)) + k[..., None])
    return MomentumGrid(qx, qy, qz)


def flat_detector(intensity: Tensor, geometry: Geometry) -> Tensor:
    """Intensities (B, C, S, S) on the uniform (qx, qy) grid -> on the pixels of a flat detector.

    Pixel (X, Y) sees q = k (X, Y) / R, R = sqrt(X^2 + Y^2 + D^2). Far detectors are left alone:
    below 0.1 rad the shift is less than half a per cent of q.
    """
    wide = (geometry.edge_angle > _WIDE_ANGLE_RAD).nonzero()[:, 0]
    if not len(wide):
        return intensity
    part = geometry.select(wide)
    side = geometry.side_px
    pixels = torch.arange(side, device=intensity.device, dtype=torch.float32)
    y = (pixels - part.center_px[:, :1])[:, :, None]
    x = (pixels - part.center_px[:, 1:])[:, None, :]
    shrink = torch.rsqrt(1.0 + (x * x + y * y) * part.pixel_angle[:, None, None] ** 2)
    middle = (side - 1) / 2.0
    grid = torch.stack(
        [
            (x * shrink + part.center_px[:, 1, None, None]) / middle - 1.0,
            (y * shrink + part.center_px[:, 0, None, None]) / middle - 1.0,
        ],
        dim=-1,
    )
    warped = functional.grid_sample(
        intensity[wide], grid, mode="bicubic", padding_mode="border", align_corners=True
    )
    result = intensity.clone()
    result[wide] = warped.clamp_min_(0.0)
    return result


def solid_angle_and_polarisation(geometry: Geometry, positions: Tensor) -> Tensor:
    """Solid angle of a pixel in sr times polarisation (horizontal), (B, G, G) at positions (G,).

    Omega = (w / D)^2 cos^3(angle); polarisation 1 - (X / R)^2.
    """
    angle = geometry.pixel_angle[:, None]
    y = ((positions - geometry.center_px[:, :1]) * angle)[:, :, None]
    x = ((positions - geometry.center_px[:, 1:]) * angle)[:, None, :]
    cosine = torch.rsqrt(1.0 + x * x + y * y)
    return (angle**2)[..., None] * cosine**3 * (1.0 - (x * cosine) ** 2)


def photons_per_pixel(
    amplitude_squared_nm6: Tensor,
    fluence_per_um2: Tensor,
    electrons_per_nm3: Tensor,
    solid_angle_sr: Tensor,
) -> Tensor:
    """Scattered photons: I0 |r_e rho F|^2 Omega, equal to I0 |(2 pi / lambda^2) dn F|^2 Omega."""
    length_nm = CLASSICAL_ELECTRON_RADIUS_NM * electrons_per_nm3
    return (fluence_per_um2 * 1e-6) * length_nm**2 * amplitude_squared_nm6 * solid_angle_sr


def averaged_over_pixels(pattern: Tensor) -> Tensor:
    """A pattern at pixel centres (..., S, S) -> its mean over each pixel, to second order.

    The mean of f over an interval of 1 is f + f'' / 24 + ...: 0.940 of a fringe of 4.9 px is left,
    where sinc says 0.933. The outermost pixels stay as they are.
    """
    averaged = pattern.clone()
    inner = pattern[..., 1:-1, 1:-1]
    around = pattern[..., 2:, 1:-1] + pattern[..., :-2, 1:-1]
    around = around + pattern[..., 1:-1, 2:] + pattern[..., 1:-1, :-2]
    averaged[..., 1:-1, 1:-1] = (inner + (around - 4.0 * inner) / 24.0).clamp_min(0.0)
    return averaged


def pixel_contrast(separation_nm: Tensor, geometry: Geometry, positions: Tensor) -> Tensor:
    """What a pixel's width leaves of two particles' interference: (P, 2, S) for (y, x).

    The cross term turns by k (d_x - angle_x d_z) per radian along x, so its mean over a pixel of
    angle w/D is sinc((d_x - angle_x d_z) w / (lambda D)); the product over x and y is the contrast.
    separation_nm (P, 3) as (x, y, z); geometry of P frames; positions (S,) in pixels.
    """
    angle = geometry.pixel_angle[:, None]
    contrasts = []
    for axis, column in ((1, 0), (0, 1)):
        tangent = (positions - geometry.center_px[:, column, None]) * angle
        path = separation_nm[:, axis, None] - tangent * separation_nm[:, 2, None]
        contrasts.append(torch.sinc(path * angle / geometry.wavelength_nm[:, None]))
    return torch.stack(contrasts, dim=1)
