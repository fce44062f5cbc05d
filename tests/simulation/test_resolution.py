"""When several particles can be told from one."""

import math

import pytest
import torch

from spi_viewer.simulation.resolution import is_resolved
from spi_viewer.simulation.scattering import Geometry

GEOMETRY = Geometry(
    torch.tensor([0.7293]),
    torch.tensor([0.58]),
    torch.tensor([600e-6]),
    torch.full((1, 2), 63.5),
    128,
)


def pair(fringe_px, shares=(0.5, 0.5), photons=1e5, in_diameters=2.0, along=0.0):
    """Two particles whose fringes are so many of 128 pixels wide, as arguments."""
    angle = 600e-6 / 0.58
    distance = 0.7293 / (fringe_px * angle)
    # Turned by 30 degrees, for what a square pixel leaves of a fringe depends on its direction.
    x, y = distance * math.cos(math.pi / 6), distance * math.sin(math.pi / 6)
    position = torch.tensor([[[0.0, 0.0, 0.0], [x, y, along]]])
    diameter = torch.full((1, 2), distance / in_diameters)
    return position, diameter, torch.tensor([shares]), torch.tensor([photons]), GEOMETRY


@pytest.mark.parametrize("fringe_px", [16.0, 6.5, 4.0, 3.0, 2.5])
def test_fringes_down_to_two_and_a_half_pixels_are_told_apart(fringe_px):
    assert is_resolved(*pair(fringe_px)).all()


def test_fringes_of_two_pixels_are_not_told_from_a_smooth_sum():
    assert not is_resolved(*pair(2.0)).any()


def test_a_pair_in_line_with_the_beam_is_an_elongated_particle():
    assert is_resolved(*pair(8.0)).all()
    assert not is_resolved(*pair(8.0, in_diameters=0.5)).any()


@pytest.mark.parametrize(
    "changes", [{"shares": (0.98, 0.02)}, {"photons": 300.0}], ids=["faint", "few photons"]
)
def test_what_few_photons_show_is_no_pair(changes):
    assert is_resolved(*pair(8.0)).all()
    assert not is_resolved(*pair(8.0, **changes)).any()


def test_the_pixels_of_the_detector_do_not_matter():
    position, diameter, share, photons, geometry = pair(4.0)
    finer = Geometry(
        geometry.wavelength_nm,
        geometry.distance_m,
        geometry.pixel_size_m / 4,
        torch.full((1, 2), 255.5),
        512,
    )
    assert is_resolved(position, diameter, share, photons, finer).all()
    coarser = Geometry(
        geometry.wavelength_nm,
        geometry.distance_m,
        geometry.pixel_size_m * 2,
        torch.full((1, 2), 31.5),
        64,
    )
    assert is_resolved(position, diameter, share, photons, coarser).all()
