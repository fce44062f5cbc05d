"""Resolution on the curved Ewald sphere, against numbers worked out by hand."""

import itertools
import math

import pytest

from spi_viewer.frames import DetectorGeometry
from spi_viewer.gui.resolution import (
    is_usable,
    q_at_radius,
    radius_at_resolution,
    resolution_at_radius,
    ring_resolutions,
)

AMO = DetectorGeometry(photon_energy_ev=1700.0, distance_m=0.58, pixel_size_m=75e-6)


def test_q_at_a_wide_angle_is_curved():
    # 45 degrees at 1239.841984 eV (1 nm): q = 4 pi sin(22.5 degrees)
    geometry = DetectorGeometry(1239.841984, 0.1, 1e-4)
    assert q_at_radius(geometry, 1000.0) == pytest.approx(4 * math.pi * 0.3826834324)


def test_resolution_is_a_full_period():
    radius = 200.0
    q = q_at_radius(AMO, radius)
    assert resolution_at_radius(AMO, radius) == pytest.approx(2 * math.pi / q)
    # small angles: d = lambda D / r
    assert resolution_at_radius(AMO, 10.0) == pytest.approx(
        0.72931881 * 0.58 / (10 * 75e-6), rel=1e-4
    )


def test_radius_and_resolution_undo_each_other():
    for nanometres in (2.0, 12.0, 80.0):
        radius = radius_at_resolution(AMO, nanometres)
        assert resolution_at_radius(AMO, radius) == pytest.approx(nanometres)


def test_there_is_no_ring_beyond_ninety_degrees():
    assert radius_at_resolution(AMO, 0.5) is None


def test_rings_are_round_numbers_inside_the_frame_and_keep_their_distance():
    rings = ring_resolutions(AMO, 512.0)
    assert 3 <= len(rings) <= 4
    radii = [radius for _, radius in rings]
    assert radii[0] <= 512.0
    assert all(inner < 0.9 * outer for outer, inner in itertools.pairwise(radii))
    assert all(f"{value:g}" == f"{value:.2g}" for value, _ in rings)


@pytest.mark.parametrize(
    "geometry",
    [
        DetectorGeometry(),
        DetectorGeometry(1700.0, 0.58, None),
        DetectorGeometry(0.0, 0.58, 75e-6),
        DetectorGeometry(1700.0, float("nan"), 75e-6),
        DetectorGeometry(1700.0, -0.58, 75e-6),
    ],
)
def test_insufficient_geometry_gives_no_rings(geometry):
    assert not is_usable(geometry)
    assert ring_resolutions(geometry, 512.0) == []
