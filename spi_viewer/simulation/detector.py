"""Detectors: what charge sharing, gains, noise and saturation make of the photons."""

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
        gain_sigma: pair, relative spread of the gain between halves or modules.
        read_noise_photons: pair, of one detector pixel; photon-counted data hold none of it.
        saturation_photons: pair, of one detector pixel.
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
    gain_sigma: tuple[float, float] = (0.02, 0.10)
    read_noise_photons: tuple[float, float] = (0.01, 0.1)
    saturation_photons: tuple[float, float] = (100.0, 3000.0)
    nuisances: bool = True


DETECTORS: dict[str, DetectorPreset] = {
    preset.name: preset
    for preset in (
        DetectorPreset(
            "pnccd-far", (900.0, 2000.0), (0.45, 0.75), 75e-6, 1024, "halves", (2.0, 60.0)
        ),
        DetectorPreset(
            "pnccd-near", (900.0, 2000.0), (0.12, 0.25), 75e-6, 1024, "halves", (10.0, 60.0)
        ),
        DetectorPreset(
            "agipd", (6000.0, 9300.0), (0.7, 5.5), 200e-6, 1024, "quadrants", (8.0, 30.0)
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


def detect(
    expected: Tensor, transmission: Tensor, presets: list[DetectorPreset], draw: Draw
) -> Tensor:
    """Expected photons (B, S, S) -> what the detector reports, in photons, float32.

    transmission (B, S, S) is 0 where a shadow lies.

    Poisson; then in part of the frames gain steps between halves and read noise (analogue data),
    in the others whole photons; saturation of bright frames; hot pixels.
    """
    count, side = expected.shape[0], expected.shape[-1]
    lit = _share_charge(expected, draw) * transmission
    counts = torch.poisson(lit, generator=draw.generator)
    nuisances = are_real(presets, draw.device)
    analogue = (nuisances & draw.chance(0.4, count)).nonzero()[:, 0]
    binned = torch.tensor([preset.side_px / side for preset in presets], device=draw.device)
    noise = draw_within([preset.read_noise_photons for preset in presets], draw) * binned
    gains = draw_within([preset.gain_sigma for preset in presets], draw)
    if len(analogue):
        part = _gain_steps(counts[analogue], gains[analogue], draw)
        sigma = noise[analogue, None, None].clamp_max(0.6)
        part = part + sigma * draw.normal(0.0, 1.0, *part.shape) * transmission[analogue]
        counts[analogue] = part
    limit = draw_within([preset.saturation_photons for preset in presets], draw) * binned**2
    limit = torch.where(nuisances & draw.chance(0.5, count), limit, torch.full_like(limit, 1e9))
    counts = torch.minimum(counts, limit[:, None, None])
    return _add_hot_pixels(counts, nuisances, draw)


def _share_charge(expected: Tensor, draw: Draw) -> Tensor:
    """Leak to the four neighbours in a third of the frames; a split photon counts once."""
    chosen = draw.chance(0.33, expected.shape[0]).nonzero()[:, 0]
    if not len(chosen):
        return expected
    part = expected[chosen]
    leak = draw.uniform(0.01, 0.06, len(chosen))[:, None, None]
    padded = torch.nn.functional.pad(part[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    around = padded[:, 2:, 1:-1] + padded[:, :-2, 1:-1] + padded[:, 1:-1, 2:] + padded[:, 1:-1, :-2]
    shared = expected.clone()
    shared[chosen] = part * (1.0 - 4.0 * leak) + around * leak
    return shared


def _gain_steps(counts: Tensor, sigma: Tensor, draw: Draw) -> Tensor:
    """Multiply a 4 x 4 field of blocks, joined to halves or quarters in half of the frames."""
    count, side = counts.shape[0], counts.shape[-1]
    blocks = draw.normal(0.0, 1.0, count, 4, 4)
    coarse = blocks[:, ::2, ::2].repeat_interleave(2, 1).repeat_interleave(2, 2)
    blocks = torch.where(draw.chance(0.5, count)[:, None, None], coarse, blocks)
    gains = (1.0 + sigma[:, None, None] * blocks).clamp_min(0.3)
    index = torch.arange(side, device=counts.device) * 4 // side
    return counts * gains[:, index][:, :, index]


def _add_hot_pixels(counts: Tensor, nuisances: Tensor, draw: Draw) -> Tensor:
    """A few pixels far too bright, in a quarter of the frames."""
    count, side = counts.shape[0], counts.shape[-1]
    per_frame = 6
    where = draw.integers(0, side * side - 1, count, per_frame)
    present = (nuisances & draw.chance(0.25, count))[:, None] & draw.chance(0.5, count, per_frame)
    value = draw.log_uniform(3.0, 3000.0, count, per_frame) * present
    flat = counts.flatten(1).scatter_add_(1, where, value.round())
    return flat.view_as(counts)
