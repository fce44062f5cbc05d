"""One particle stays within its diameter; a second one adds an island at its distance."""

import pytest
import torch

from spi_viewer.networks.autocorrelation import SIDE, autocorrelation

STEP_X = 0.5  # of a period across the frame


def pattern(*centres: tuple[float, float], diameter: float = 8.0) -> torch.Tensor:
    """Intensity (1, 1, 128, 128) of discs; places and diameter in periods across the frame."""
    axis = torch.arange(128.0) - 64
    density = torch.zeros(128, 128)
    for y, x in centres:
        density += (torch.hypot(axis[:, None] - y, axis - x) < diameter / 2).float()
    intensity = torch.fft.fftshift(torch.fft.fft2(density)).abs() ** 2
    amplitude = intensity.sqrt()
    ring = torch.hypot(axis[:, None], axis).long().flatten()
    count = torch.bincount(ring)
    mean = torch.bincount(ring, amplitude.flatten()) / count
    square = torch.bincount(ring, amplitude.flatten() ** 2) / count
    std = (square - mean**2).clamp_min(0).sqrt().clamp_min(0.02 * amplitude.std())
    return ((amplitude.flatten() - mean[ring]) / std[ring]).view(1, 1, 128, 128)


def strongest(maps: torch.Tensor, beyond: float) -> tuple[float, float]:
    """(y, x) of the brightest place farther from the origin than `beyond` periods."""
    y = torch.arange(SIDE)[:, None] - SIDE // 2
    x = torch.arange(SIDE) * STEP_X
    far = torch.where(torch.hypot(y.float(), x) > beyond, maps[0, 0], -torch.inf)
    row, column = divmod(int(far.argmax()), SIDE)
    return row - SIDE / 2, column * STEP_X


@pytest.mark.parametrize("place", [(0.0, 18.0), (14.0, 12.0), (-20.0, 6.0)])
def test_two_particles_show_their_distance_and_direction(place):
    half_y, half_x = place[0] / 2, place[1] / 2
    maps = autocorrelation(pattern((-half_y, -half_x), (half_y, half_x)))
    found = strongest(maps, beyond=10.0)
    assert abs(found[0] - place[0]) <= 1.5
    assert abs(found[1] - place[1]) <= 1.5


def test_the_magnitude_stays_where_the_pattern_moves():
    image = pattern((-8.0, -5.0), (8.0, 5.0))
    moved = image.roll((4, -3), (2, 3))
    still, again = autocorrelation(image), autocorrelation(moved)
    assert (still - again).abs().mean() < 0.35 * still.std()
    assert strongest(still, 10.0) == pytest.approx(strongest(again, 10.0), abs=1.0)


def test_noise_of_any_strength_and_empty_frames_give_finite_values():
    noise = torch.randn(2, 2, 128, 128, generator=torch.Generator().manual_seed(0))
    maps = autocorrelation(torch.cat([noise, 1e4 * noise, torch.zeros(1, 2, 128, 128)]))
    assert maps.shape == (5, 2, SIDE, SIDE)
    assert torch.isfinite(maps).all()
    torch.testing.assert_close(maps[:2], maps[2:4], rtol=1e-3, atol=1e-3)
    assert (maps[4] == 0).all()
