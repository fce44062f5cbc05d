"""Scattering angle, momentum transfer and resolution on a flat detector behind the sample.

At scattering angle theta, tan(theta) = r / D on the detector, q = 4 pi / lambda sin(theta / 2), and
a full period in the sample is d = 2 pi / q = lambda / (2 sin(theta / 2)).
"""

from __future__ import annotations

import math

from spi_viewer.frames import DetectorGeometry

HC_EV_NM = 1239.841984  # Planck constant times speed of light, CODATA 2018

_NICE_STEPS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


def is_usable(geometry: DetectorGeometry) -> bool:
    """True when q can be computed: all three values known, finite and above zero."""
    values = (geometry.photon_energy_ev, geometry.distance_m, geometry.pixel_size_m)
    return all(value is not None and math.isfinite(value) and value > 0 for value in values)


def _known(geometry: DetectorGeometry) -> tuple[float, float, float]:
    """Wavelength in nm, distance in m, pixel in m."""
    energy, distance, pixel = (
        geometry.photon_energy_ev,
        geometry.distance_m,
        geometry.pixel_size_m,
    )
    if energy is None or distance is None or pixel is None:
        raise ValueError("geometry is not known")
    return HC_EV_NM / energy, distance, pixel


def q_at_radius(geometry: DetectorGeometry, radius_px: float) -> float:
    """Momentum transfer in 1/nm at a distance from the beam centre in pixels."""
    wavelength_nm, distance_m, pixel_m = _known(geometry)
    theta = math.atan2(radius_px * pixel_m, distance_m)
    return 4.0 * math.pi / wavelength_nm * math.sin(theta / 2.0)


def resolution_at_radius(geometry: DetectorGeometry, radius_px: float) -> float:
    """Full-period resolution in nm at a distance from the beam centre in pixels."""
    q = q_at_radius(geometry, radius_px)
    return 2.0 * math.pi / q if q > 0 else math.inf


def radius_at_resolution(geometry: DetectorGeometry, resolution_nm: float) -> float | None:
    """Radius in pixels of a full-period resolution; None if it scatters past 90 degrees."""
    wavelength_nm, distance_m, pixel_m = _known(geometry)
    sine = wavelength_nm / (2.0 * resolution_nm)
    if sine >= math.sin(math.pi / 4.0):
        return None
    return distance_m * math.tan(2.0 * math.asin(sine)) / pixel_m


def ring_resolutions(
    geometry: DetectorGeometry, outer_radius_px: float, max_rings: int = 4
) -> list[tuple[float, float]]:
    """Round resolutions for rings as (nm, radius in pixels), the outermost first.

    Radii spread evenly from the edge inwards, so that labels do not crowd near the centre.
    """
    if not is_usable(geometry) or outer_radius_px <= 0:
        return []
    rings: list[tuple[float, float]] = []
    for number in range(max_rings, 0, -1):
        wanted = resolution_at_radius(geometry, outer_radius_px * number / max_rings)
        nice = _nearest_nice(wanted, not_below=number == max_rings)
        radius = radius_at_resolution(geometry, nice)
        if radius is not None and (not rings or radius < rings[-1][1] * 0.9):
            rings.append((nice, radius))
    return rings


def _nearest_nice(value: float, not_below: bool) -> float:
    """Round number next to `value`, and not below it where that matters."""
    decade = 10.0 ** math.floor(math.log10(value))
    steps = [step * decade for step in _NICE_STEPS]
    if not_below:
        return next(step for step in steps if step >= value * (1 - 1e-9))
    return min(steps, key=lambda step: abs(math.log(step / value)))
